"""Values and prices that simulators answer are those of the reference, and those that were loaded."""

from __future__ import annotations

import random

import numpy as np
import pytest

from services.simulator.queries.prices import PRICES, prices
from services.simulator.queries.values import values
from shared.contracts import queries
from shared.language.columns import read_columns
from shared.model.request import BacktestRequest
from shared.simulation.validation import read_request
from tests.conformance.test_language import alike
from tests.reference import language
from tests.reference import market as reference
from tests.support.markets import panels_of
from tests.support.random_markets import random_market
from tests.support.random_requests import Expressions

EVERY_KIND = ["common", "preferred", "spac", "reit", "foreign"]
NAMES = ("PER", "close", "raw_close", "volume", "trading_value", "MARKET_CAP")


def _request(markets: list[str]) -> BacktestRequest:
    """A request over every stock of these markets."""
    universe = {"markets": markets, "kinds": EVERY_KIND}
    found = read_request(
        {"strategy": {"universe": universe}, "start": "2020-01-01", "end": "2020-01-02", "benchmark": None}
    )
    assert found.value is not None, found.problems
    return found.value


@pytest.mark.parametrize("seed", range(24))
def test_values_equal_the_reference(seed: int) -> None:
    market = random_market(seed)
    loaded, panels = reference.read(market), panels_of(market)
    rng = random.Random(seed)
    count = len(loaded.days)
    expressions = Expressions(rng, market, count)
    texts = [*NAMES, expressions.condition(), expressions.ratio(2)]
    fields = read_columns(", ".join(texts), "fields", panels.indices, panels.factors, 50)
    first = rng.randrange(count)
    rows = range(first, rng.randrange(first, count) + 1)
    present = [[stock.close[row] is not None for stock in loaded.stocks] for row in range(count)]
    codes = sorted(rng.sample([stock.code for stock in loaded.stocks], rng.randint(1, len(loaded.stocks))))
    query = queries.Values(
        version="", request="", first=rows.start, stop=rows.stop, codes=tuple(codes),
        fields=tuple(column.name for column in fields),
    )  # fmt: skip
    markets = sorted({name for stock in loaded.stocks for name in stock.market})
    found = values(_request(markets), query, panels)
    column_of = {stock.code: at for at, stock in enumerate(loaded.stocks)}
    cells = [(row, column_of[code]) for row in rows for code in codes if present[row][column_of[code]]]
    assert found["rows"] == len(cells)
    assert found["columns"]["date"] == [loaded.days[row].isoformat() for row, _ in cells]
    assert found["columns"]["stock_code"] == [loaded.stocks[at].code for _, at in cells]
    for text, field in zip(texts, fields, strict=True):
        grid = language.Evaluator(loaded, present).run(language.parse(text))
        expected = np.array([grid[row][at] for row, at in cells], np.bool_ if field.kind == "condition" else np.float64)
        wrong = ~alike(found["columns"][field.name], expected)
        for noise in range(20):
            if not wrong.any():
                break
            moved = language.Evaluator(loaded, present, random.Random(noise)).run(language.parse(text))
            wrong &= ~alike(found["columns"][field.name], np.array([moved[r][at] for r, at in cells], expected.dtype))
        assert not wrong.any(), (seed, text)


@pytest.mark.parametrize("seed", range(24))
def test_values_without_codes_are_those_of_the_universe(seed: int) -> None:
    market = random_market(seed)
    loaded, panels = reference.read(market), panels_of(market)
    query = queries.Values(
        version="", request="", first=0, stop=len(loaded.days), fields=("close",), codes=None
    )  # fmt: skip
    found = values(_request(["KOSDAQ"]), query, panels)["columns"]
    expected = [
        (day.isoformat(), stock.code)
        for row, day in enumerate(loaded.days)
        for stock in sorted(loaded.stocks, key=lambda stock: stock.code)
        if stock.close[row] is not None and stock.market[row] == "KOSDAQ"
    ]
    assert list(zip(found["date"], found["stock_code"], strict=True)) == expected


@pytest.mark.parametrize("seed", range(24))
def test_prices_equal_what_was_loaded(seed: int) -> None:
    market = random_market(seed)
    loaded, panels = reference.read(market), panels_of(market)
    for stock in loaded.stocks:
        query = queries.Prices(version="", stock_code=stock.code, first=0, stop=len(loaded.days))
        found = prices(query, panels)
        traded = [row for row in range(len(loaded.days)) if stock.idle[row] == 0]
        rows = range(traded[0] if traded else len(loaded.days), len(loaded.days))
        assert found["dates"] == [loaded.days[row].isoformat() for row in rows]
        for at, row in enumerate(rows):
            is_traded = stock.idle[row] == 0
            for name in PRICES:
                expected = stock.cell(row, name) if is_traded else None
                value = found[name][at]
                assert (None if np.isnan(value) else value) == expected, (seed, stock.code, row, name)
            assert found["volume"][at] == (stock.cell(row, "volume") if is_traded else 0)
        splits = {split["date"]: split["ratio"] for split in found["splits"]}
        assert splits == pytest.approx(
            {loaded.days[row].isoformat(): stock.split[row] for row in rows if stock.split[row] != 1}
        )
