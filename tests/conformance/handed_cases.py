"""What must come out of the markets of `tests/data/cases`, run by any engine: a function of market and request."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from tests.support.cases import Market, case_market, case_request, with_cell, without

ABSENT = None


@dataclass(frozen=True)
class HandedCase:
    """One request on one market, and the parts of its result that are known."""

    name: str
    case: str
    request: int = 1
    market: Callable[[], Market] | None = None
    change: dict[str, Any] = field(default_factory=dict)
    equity: tuple[float, ...] | None = None
    """The last values of the equity curve."""
    benchmark: float | None = None
    """The last value of the benchmark's curve."""
    trades: tuple[tuple[str, str, int, float], ...] | None = None
    """(date, side, shares, price)."""
    unfilled: dict[str, int] | None = None
    statistics: dict[str, Any] = field(default_factory=dict)
    warnings: tuple[str, ...] = ()

    def loaded(self) -> Market:
        """Return the market of the case."""
        return case_market(self.case) if self.market is None else self.market()

    def asked(self) -> dict[str, Any]:
        """Return the request of the case with its changes."""
        request = case_request(self.case, self.request)
        for name, value in self.change.items():
            if name == "universe":
                request["strategy"]["universe"] = value
            else:
                request[name] = value
        return request


def without_change(case: str) -> Callable[[], Market]:
    """Return the market of a case without its column `change`, which is no base price."""
    return lambda: without(case_market(case), "prices", "change")


def with_split(split: float) -> Callable[[], Market]:
    """Return the market of the capital reduction with the split that the data lack."""
    return lambda: with_cell(case_market("05"), "2023-03-07", "split", split)


def konex() -> Market:
    """Return the market of a stock that was listed on KONEX on every row."""
    entry = {"stock_code": "000010", "from_date": "2023-01-02", "market": "KONEX"}
    return {**case_market("29"), "listings": [entry]}


NO_DISPERSION = dict.fromkeys(("sharpe", "sortino", "beta", "alpha", "information_ratio"), ABSENT) | {
    "volatility": 0.0, "tracking_error": 0.0,
}  # fmt: skip
FLAT = {
    "max_drawdown": 0.0, "max_drawdown_start": ABSENT, "max_drawdown_bottom": ABSENT, "max_drawdown_recovery": ABSENT,
    "volatility": 0.0, "calmar": ABSENT, "sharpe": ABSENT, "sortino": ABSENT,
}  # fmt: skip
KONEX_ONLY = {"universe": {"markets": ["KONEX"]}}

CASES = (
    HandedCase(
        "a market without its fractional change", "01",
        market=without_change("01"), equity=(103_000, 106_000, 102_000, 108_000, 112_000),
    ),
    HandedCase(
        "a market without its unsigned change", "03",
        market=without_change("03"), equity=(100_000, 98_000, 99_000, 97_000, 96_000),
    ),
    HandedCase("a capital reduction without a split", "05", warnings=("suspect_price",)),
    HandedCase("a capital reduction of 30 to 1", "05", market=with_split(0.0333333), equity=(105_550, 105_550)),
    HandedCase("equal returns of stock and index", "06", statistics=NO_DISPERSION),
    HandedCase("equal returns of stock and universe", "06", 2, statistics=NO_DISPERSION),
    HandedCase(
        "a window of one day", "07",
        equity=(5_000_000,), statistics={"total_return": 49.0, "cagr": ABSENT, "calmar": ABSENT},
    ),
    HandedCase("two dividends of one day", "10", equity=(104_230,)),
    HandedCase("seven shares become one", "23", trades=(("2023-03-03", "buy", 700, 1_000),), equity=(700_000,)),
    HandedCase("one share becomes seven", "23", 2, trades=(("2023-03-03", "buy", 100, 7_000),), equity=(700_000,)),
    HandedCase(
        "the limit of KONEX", "29", market=konex, change=KONEX_ONLY,
        unfilled={"limit_up": 1}, trades=(("2023-03-07", "buy", 8, 11_500),),
    ),
    HandedCase(
        "the tax of KONEX", "29", market=konex, change=KONEX_ONLY | {"execution": {"price_limits": False}},
        equity=(99_908,), statistics={"tax_paid": 92.0},
    ),
    HandedCase("an index with missing days", "31", benchmark=121_000),
    HandedCase("an index that begins late", "31", 2, benchmark=110_000),
    HandedCase("an index with a value of 0", "31", 3, benchmark=100_000),
    HandedCase("an ex-date that moves is not counted twice", "38", trades=(), equity=(100_000,)),
    HandedCase(
        "an ex-date that moves is not missed", "38", 2, trades=(("2024-12-24", "buy", 10, 10_000),), equity=(104_230,)
    ),
    HandedCase(
        "a holiday of zeros is no row", "45",
        trades=(("2023-10-04", "buy", 50, 10_000), ("2023-10-04", "buy", 100, 5_000)),
    ),
    HandedCase(
        "halts of a hundred rows in two spellings", "63",
        trades=(("2022-09-12", "buy", 19, 5_180),), equity=(100_361,),
    ),
    HandedCase("an ex-rights day in a flat course", "66b", statistics=FLAT),
    HandedCase("an ex-rights day in a flat round trip", "66b", 3, statistics=FLAT | {"win_rate": 0.0}),
)  # fmt: skip

FACTORS = (
    ("000010", "2022-06-09", "PER", 1e10 / 1.1e9),
    ("000010", "2022-06-10", "PER", 20.0),
    ("000020", "2022-09-19", "PER", 1e10 / 1.2e9),
    ("000020", "2022-09-20", "PER", ABSENT),
    ("000020", "2022-09-20", "EARNINGS_GROWTH_1Y", ABSENT),
    ("000030", "2022-03-21", "PER", ABSENT),
    ("000030", "2022-06-10", "PER", ABSENT),
    ("000040", "2022-02-11", "PER", 12.5),
    ("000040", "2022-02-14", "PER", 10.0),
    ("000050", "2022-08-11", "PER", 10.0),
    ("000050", "2022-08-12", "PER", ABSENT),
    ("000060", "2023-01-02", "PER", ABSENT),
    ("000060", "2023-01-02", "PBR", ABSENT),
    ("000060", "2023-01-02", "ROE", ABSENT),
)
"""(stock code, date, factor, value) of case 20."""
