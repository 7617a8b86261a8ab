"""Markets of a few rows, written as one line a stock, and requests against them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from shared.dataset.memory_panels import MemoryPanels
from shared.simulation import canonical_request, request_of, run
from tests.support.markets import panels_of

DAYS = (
    "2023-03-02", "2023-03-03", "2023-03-06", "2023-03-07", "2023-03-08", "2023-03-09", "2023-03-10", "2023-03-13",
)  # fmt: skip

Bar = int | float | tuple[float, ...] | None
"""A day of a stock: one price for all four; or (open, high, low, close[, volume[, split]]); or none."""


def market(
    stocks: Mapping[str, Sequence[Bar]],
    *,
    days: Sequence[str] = DAYS,
    companies: Mapping[str, Mapping[str, Any]] | None = None,
    **tables: Any,
) -> dict[str, Any]:
    """A market in the load form; `companies` adds columns (market, sector, delisted_on) by code."""
    prices = []
    for code, bars in stocks.items():
        for date, bar in zip(days, bars, strict=False):
            if bar is None:
                continue
            values = (bar,) * 4 if isinstance(bar, int | float) else bar
            row = dict(zip(("open", "high", "low", "close", "volume", "split"), values, strict=False))
            prices.append({"date": date, "stock_code": code, "volume": 1e6, "listed_shares": 1e6, **row})
    known = companies or {}
    return {
        "prices": prices,
        "companies": [{"stock_code": c, "name": f"name {c}", "market": "KOSPI", **known.get(c, {})} for c in stocks],
        **tables,
    }


def request(**changes: Any) -> dict[str, Any]:
    """A request from the second row on, free of costs, without a benchmark; keywords change parts of it by name
    (`sell={...}`, `portfolio={...}`, `execution={...}`, `start=...`)."""
    strategy = {part: changes.pop(part, {}) for part in ("buy", "sell", "portfolio", "universe")}
    return {
        "strategy": strategy,
        "start": DAYS[1],
        "end": DAYS[-1],
        "initial_cash": 100_000,
        "costs": {"commission_pct": 0, "slippage_pct": 0, "tax_pct": 0},
        "benchmark": None,
        **changes,
    }


def result(where: Mapping[str, Any] | MemoryPanels, **changes: Any) -> dict[str, Any]:
    """The result of a request (see `request`) on a market."""
    panels = where if isinstance(where, MemoryPanels) else panels_of(where)
    return run(canonical_request(request_of(request(**changes))), panels).result


def brief(found: Mapping[str, Any]) -> list[tuple[str, str, int, float, str]]:
    """(day of March, stock, signed shares, price, reason) of each trade."""
    return [
        (t["date"][-2:], t["stock_code"], t["shares"] * (1 if t["side"] == "buy" else -1), t["price"], t["reason"])
        for t in found["trades"]
    ]


def codes(found: Mapping[str, Any]) -> set[str]:
    """The codes of the warnings of a result."""
    return {warning["code"] for warning in found["warnings"]}
