"""The synthetic market obeys the rules of loader and exchange and contains every irregular case."""

from __future__ import annotations

import argparse
import json
import pathlib

import numpy as np
import polars as pl
import pytest

from ondol.cli.commands import synthesize as maker
from ondol.cli.commands.synthesize import Market, make_market
from shared.errors import SetupError
from shared.market.day_rules import day_rules
from shared.market.rule_books import rule_books
from shared.market.ticks import ticks_of
from shared.model.market_data import ACCOUNTS, FLOWS
from shared.strategies.catalogue import SECTORS

OWNERS_PARTS = {"net_income_owners", "equity_owners"}
"""Accounts that synthetic companies do not state: they have no minority shareholders."""


@pytest.fixture(scope="module")
def market() -> Market:
    return make_market(seed=3, stocks=700, years=4)


@pytest.fixture(scope="module")
def moves(market: Market) -> pl.DataFrame:
    """Price rows after a stock's first with their base price, limits and tick (of the base, the limit, the prices)."""
    table = (
        market.prices.join(market.companies.select("stock_code", "market"), on="stock_code")
        .sort("stock_code", "date")
        .with_columns(base=pl.col("close").shift(1).over("stock_code") / pl.col("split"))
        .filter(pl.col("base").is_not_null() & (pl.col("volume") > 0))
    )
    day = table["date"].cast(pl.Int32).to_numpy()
    kind = rule_books(table["market"].to_list())
    base = table["base"].to_numpy()
    part = day_rules(day).limit[np.arange(len(day)), kind]

    def size(price: np.ndarray) -> np.ndarray:
        return ticks_of(price, kind, day)

    tick = size(base)
    above = base * (1 + part)
    columns = {
        "upper": np.floor(above / size(above) + 1e-9) * size(above),
        "lower": base - np.floor(base * part / tick + 1e-9) * tick,
    }
    for name in ("open", "high", "low", "close"):
        price = table[name].to_numpy().astype(float)
        columns[f"{name}_off"] = price % size(price)
    return table.with_columns(**{name: pl.Series(values) for name, values in columns.items()})


def test_values_depend_on_the_seed_only() -> None:
    one, same, other = (make_market(seed=s, stocks=40, years=1).tables() for s in (5, 5, 6))
    assert all(one[name].equals(same[name]) for name in one)
    assert not one["prices"].equals(other["prices"])


def test_names_mark_companies_as_synthetic(market: Market) -> None:
    assert market.companies["name"].str.starts_with("가상").all()
    assert market.companies["name_en"].drop_nulls().str.starts_with("Synthetic").all()
    assert market.companies["stock_code"].str.contains(r"^S\d{5}$").all()


def test_prices_follow_the_load_format(market: Market) -> None:
    prices = market.prices
    assert prices.select("date", "stock_code").is_unique().all()
    assert prices.filter((pl.col("close") <= 0) | (pl.col("volume") < 0)).is_empty()
    traded = prices.filter(pl.col("volume") > 0)
    inside = (pl.col("low") > 0) & (pl.col("low") <= pl.min_horizontal("open", "close"))
    assert traded.select((inside & (pl.col("high") >= pl.max_horizontal("open", "close"))).all()).item()
    gone = prices.join(market.companies, on="stock_code").filter(pl.col("date") >= pl.col("delisted_on"))
    assert gone.is_empty()
    assert set(prices["stock_code"]) <= set(market.companies["stock_code"])
    cap = prices.select((pl.col("market_cap") == pl.col("close") * pl.col("listed_shares")).all()).item()
    assert cap


def test_prices_are_on_ticks_and_within_limits(moves: pl.DataFrame) -> None:
    for name in ("open", "high", "low", "close"):
        assert moves.filter(pl.col(f"{name}_off") != 0).is_empty()
    outside = moves.filter((pl.col("high") > pl.col("upper") + 1e-6) | (pl.col("low") < pl.col("lower") - 1e-6))
    assert outside.is_empty()


def test_prices_contain_every_irregular_case(market: Market, moves: pl.DataFrame) -> None:
    assert moves.filter(pl.col("close") == pl.col("upper")).height > 20
    assert moves.filter(pl.col("close") <= pl.col("lower") + 1).height > 20
    assert moves.filter(pl.col("low") == pl.col("upper")).height > 3
    assert moves.filter(pl.col("split") > 1).height > 20
    assert moves.filter(pl.col("split") < 1).height > 1
    still = market.prices.filter(pl.col("volume") == 0)
    assert still["open"].null_count() > 0
    assert still.filter(pl.col("open") == 0).height > 0
    runs = (
        market.prices.sort("stock_code", "date")
        .with_columns(run=(pl.col("volume") > 0).cum_sum().over("stock_code"))
        .filter(pl.col("volume") == 0)
        .group_by("stock_code", "run")
        .len()
    )
    assert runs["len"].max() > 60
    calendar = market.prices.select(pl.col("date").unique().sort()).with_row_index("row")
    spans = market.prices.join(calendar, on="date").sort("stock_code", "row")
    jumps = spans.with_columns(step=pl.col("row").cast(pl.Int64).diff().over("stock_code"))["step"]
    assert jumps.max() > 60
    ends = spans.group_by("stock_code").agg(pl.col("row").min().alias("first"), pl.col("row").max().alias("last"))
    known = ends.join(market.companies, on="stock_code")
    assert known.filter(pl.col("first") > 0).height > 20
    assert known["delisted_on"].drop_nulls().len() > 20
    vanished = known.filter(pl.col("delisted_on").is_null() & (pl.col("last") < calendar.height - 100))
    assert vanished.height > 0
    assert set(market.companies["market"]) == {"KOSPI", "KOSDAQ", "KONEX"}
    assert set(market.companies["sector"].drop_nulls()) == set(SECTORS)
    assert market.companies["sector"].null_count() > 0


def test_statements_follow_the_load_format_and_balance(market: Market) -> None:
    table = market.financials
    assert table.select("stock_code", "fiscal_year", "fiscal_quarter", "disclosed_on").is_unique().all()
    assert set(ACCOUNTS) - OWNERS_PARTS <= set(table.columns)
    assert table.filter(pl.col("disclosed_on") <= pl.col("period_end")).is_empty()
    assert table.filter(pl.col("total_assets") != pl.col("total_liabilities") + pl.col("total_equity")).is_empty()
    year = table.filter(pl.col("fiscal_quarter") == 4)["revenue"].median()
    quarter = table.filter(pl.col("fiscal_quarter") == 1)["revenue"].median()
    assert 3 < year / quarter < 5
    assert all(table[name].drop_nulls().len() > 0 for name in set(FLOWS) - OWNERS_PARTS)


def test_statements_contain_every_irregular_case(market: Market) -> None:
    table = market.financials
    key = ["stock_code", "fiscal_year", "fiscal_quarter"]
    assert table.group_by(key).len().filter(pl.col("len") > 1).height > 50
    wait = (table["disclosed_on"] - table["period_end"]).dt.total_days()
    assert wait.max() > 150
    assert 0.1 < (table["net_income"] < 0).mean() < 0.45
    assert (table["total_equity"] < 0).any()
    quarters = table.group_by("stock_code").agg(pl.col("fiscal_quarter").min())
    assert quarters.filter(pl.col("fiscal_quarter") == 4).height > 3
    ends = table.filter((pl.col("fiscal_quarter") == 4) & (pl.col("period_end").dt.month() != 12))
    assert ends.height > 20
    assert table["current_assets"].null_count() > 0
    silent = market.companies.filter(~pl.col("stock_code").is_in(table["stock_code"].unique().to_list()))
    assert silent.height > 0


def test_dividends_are_paid_zero_or_absent(market: Market) -> None:
    table = market.dividends
    assert table.select("stock_code", "ex_date").is_unique().all()
    assert (table["dps"] == 0).any()
    assert (table["dps"] > 0).any()
    assert (table["dps"] >= 0).all()
    assert (table["disclosed_on"] > table["ex_date"]).all()
    assert table["stock_code"].n_unique() < market.companies.height


def test_index_follows_market_caps_of_its_stocks(market: Market) -> None:
    prices = market.prices.join(market.companies.select("stock_code", "market"), on="stock_code")
    moved = (
        prices.filter(pl.col("market") == "KOSPI")
        .sort("stock_code", "date")
        .with_columns(base=pl.col("close").shift(1).over("stock_code") / pl.col("split"))
        .drop_nulls("base")
        .group_by("date")
        .agg(ratio=(pl.col("close") * pl.col("listed_shares")).sum() / (pl.col("base") * pl.col("listed_shares")).sum())
    )
    index = market.indices.filter(pl.col("index") == "KOSPI").sort("date")
    both = index.with_columns(found=pl.col("close") / pl.col("close").shift(1)).drop_nulls().join(moved, on="date")
    assert both.height == index.height - 1
    assert both.select((pl.col("found") - pl.col("ratio")).abs().max()).item() < 2e-5


def test_command_writes_files_marked_synthetic(tmp_path: pathlib.Path, capsys: pytest.CaptureFixture[str]) -> None:
    parser = argparse.ArgumentParser()
    maker.add_arguments(parser)
    arguments = [str(tmp_path / "m"), "--stocks", "30", "--years", "1", "--json"]
    assert maker.main(parser.parse_args(arguments)) == 0
    output = json.loads(capsys.readouterr().out)
    assert output["synthetic"] is True
    names = {"companies", "prices", "financials", "dividends", "indices"}
    assert {path.stem for path in (tmp_path / "m").glob("*.parquet")} == names
    assert "SYNTHETIC" in (tmp_path / "m" / "README.txt").read_text(encoding="utf-8")


def test_invalid_sizes_are_rejected_with_the_remedy(tmp_path: pathlib.Path) -> None:
    parser = argparse.ArgumentParser()
    maker.add_arguments(parser)
    with pytest.raises(SetupError, match="1 to 9999"):
        maker.main(parser.parse_args([str(tmp_path), "--stocks", "0"]))
