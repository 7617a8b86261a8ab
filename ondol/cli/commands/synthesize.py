"""A seeded synthetic market in the load format, the size of the whole Korean market: `ondol synthesize DIR`.

Everything in it is made up, and every name says so. The same seed, stocks and years give the same values. What is in it
and why is told in docs/reference/synthetic-market.md.
"""

from __future__ import annotations

import argparse
import datetime as dt
import json
import pathlib
import sys
import time
from dataclasses import dataclass
from typing import Final

import numpy as np
import polars as pl

from ondol.synthetic_market.companies import MARKETS, STAYS, VANISHES, Companies, make_companies
from ondol.synthetic_market.prices import Prices, make_prices
from ondol.synthetic_market.statements import dividends_frame, make_quarters, statements_frame
from shared.errors import SetupError
from shared.market.holidays import trading_days
from shared.model.calendar import to_day
from shared.strategies.catalogue import SECTORS

LAST_YEAR: Final = 2025
"""The calendar year with which every synthetic market ends."""

NOTICE: Final = """SYNTHETIC MARKET - every company, price, statement and dividend here is made up by a program
(`ondol synthesize`, seed {seed}, {stocks} stocks, {years} years). Nothing of it happened; conclude nothing from it.
"""


@dataclass(frozen=True, kw_only=True)
class Market:
    """The five tables of a synthetic market, in the load format."""

    prices: pl.DataFrame
    companies: pl.DataFrame
    financials: pl.DataFrame
    dividends: pl.DataFrame
    indices: pl.DataFrame

    def tables(self) -> dict[str, pl.DataFrame]:
        """File name without ending -> table."""
        return {name: getattr(self, name) for name in ("companies", "prices", "financials", "dividends", "indices")}


def make_market(seed: int = 1, stocks: int = 2700, years: int = 5) -> Market:
    """A synthetic market of `stocks` stocks over the `years` calendar years up to LAST_YEAR."""
    streams = [np.random.default_rng(s) for s in np.random.SeedSequence(seed).spawn(5)]
    days = trading_days(to_day(dt.date(LAST_YEAR - years + 1, 1, 1)), to_day(dt.date(LAST_YEAR, 12, 31)))
    companies = make_companies(streams[0], stocks, len(days))
    prices = make_prices(streams[1], companies, days)
    quarters = make_quarters(streams[2], companies, prices, days)
    return Market(
        prices=_prices_frame(companies, prices, days),
        companies=_companies_frame(companies, days),
        financials=statements_frame(streams[3], companies, quarters, days),
        dividends=dividends_frame(streams[4], companies, prices, quarters, days),
        indices=_indices_frame(prices, days),
    )


def write_market(market: Market, directory: pathlib.Path, notice: str) -> None:
    """Write the tables as Parquet, and a README that says that nothing of it is real."""
    directory.mkdir(parents=True, exist_ok=True)
    for name, table in market.tables().items():
        table.write_parquet(directory / f"{name}.parquet", compression="lz4", statistics=False)
    (directory / "README.txt").write_text(notice, encoding="utf-8")


def _dates(days: np.ndarray) -> pl.Series:
    return pl.Series(days.astype(np.int32), dtype=pl.Int32).cast(pl.Date)


def _prices_frame(companies: Companies, prices: Prices, days: np.ndarray) -> pl.DataFrame:
    row, stock = np.nonzero(prices.row)

    def column(values: np.ndarray) -> pl.Series:
        return pl.Series(values[row, stock])

    whole = {name: column(getattr(prices, name)).fill_nan(None).cast(pl.Int64) for name in ("open", "high", "low")}
    for name in ("close", "volume", "trading_value"):
        whole[name] = column(getattr(prices, name)).cast(pl.Int64)
    shares = column(prices.shares).cast(pl.Int64)
    names = pl.Series(companies.code, dtype=pl.String)
    return pl.DataFrame(
        {
            "date": _dates(days)[row],
            "stock_code": names[stock],
            **whole,
            "market_cap": whole["close"] * shares,
            "listed_shares": shares,
            "split": column(prices.split),
        }
    )


def _companies_frame(companies: Companies, days: np.ndarray) -> pl.DataFrame:
    listed = days[companies.first_row] - companies.age_days
    leaves = (companies.ending != STAYS) & (companies.ending != VANISHES)
    after = np.append(days, days[-1] + 3)[np.minimum(companies.stop_row, len(days))]
    unknown = np.arange(len(companies)) % 53 == 7
    return pl.DataFrame(
        {
            "stock_code": companies.code,
            "name": companies.name,
            "name_en": companies.name_en,
            "market": [MARKETS[m] for m in companies.market],
            "sector": [SECTORS[s] if s >= 0 else None for s in companies.sector],
            "listed_on": pl.select(pl.when(pl.lit(~unknown)).then(_dates(listed))).to_series(),
            "delisted_on": pl.select(pl.when(pl.lit(leaves)).then(_dates(after))).to_series(),
        },
        schema_overrides={"name_en": pl.String, "sector": pl.String},
    )


def _indices_frame(prices: Prices, days: np.ndarray) -> pl.DataFrame:
    tables = [
        pl.DataFrame({"date": _dates(days), "index": [name] * len(days)}).with_columns(
            **{column: pl.Series(values[:, place]) for place, column in enumerate(("open", "high", "low", "close"))}
        )
        for name, values in prices.indices.items()
    ]
    return pl.concat(tables)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The arguments of `ondol synthesize`."""
    parser.add_argument("directory", metavar="DIR", type=pathlib.Path, help="where the files go")
    parser.add_argument("--seed", type=int, default=1, help="another seed is another market (default 1)")
    parser.add_argument("--stocks", type=int, default=2700, help="how many stocks ever exist (default 2700)")
    parser.add_argument("--years", type=int, default=5, help=f"calendar years up to {LAST_YEAR} (default 5)")
    parser.add_argument("--json", action="store_true", help="print the outcome as JSON")


def main(args: argparse.Namespace) -> int:
    """Write a synthetic market; raises SetupError for sizes or a directory that cannot be used."""
    if not 1 <= args.stocks <= 9999 or not 1 <= args.years <= 10 or args.seed < 0:
        raise SetupError("a synthetic market has 1 to 9999 --stocks, 1 to 10 --years, and a --seed of 0 or more")
    began = time.perf_counter()
    market = make_market(args.seed, args.stocks, args.years)
    directory = args.directory.expanduser()
    try:
        write_market(market, directory, NOTICE.format(seed=args.seed, stocks=args.stocks, years=args.years))
    except OSError as error:
        raise SetupError(f"{directory} cannot be written ({error}): name another directory") from error
    seconds = round(time.perf_counter() - began, 2)
    rows = {name: table.height for name, table in market.tables().items()}
    if getattr(args, "json", False):
        print(json.dumps({"directory": str(directory), "synthetic": True, "rows": rows, "seconds": seconds}))
    else:
        print(f"synthetic market in {directory}: {', '.join(f'{n:,} {k}' for k, n in rows.items())}; {seconds} s")
        print(f"load it with: ondol load {directory}", file=sys.stderr)
    return 0
