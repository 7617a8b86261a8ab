"""Rows that stop a load unless its user allows them (`ondol load --allow NAME`)."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
import polars as pl

from services.preparer.loading.broken_rows import BrokenRows
from services.preparer.loading.known import Known
from shared.market import has_rules
from shared.market.holidays import holidays, is_trading_day
from shared.model.calendar import SEOUL, from_day, iso, to_day

REFUSALS = ("holiday", "thin_day", "stock_code", "future")
"""Names for `--allow`: prices on days on which the exchange is closed; days on which fewer than a third of the stocks
of the day before trade (`thin_days`); codes of the exchange's markets that are not six characters; prices after
today."""

_CODE_LENGTH = 6


def today_in_seoul() -> int:
    """Return the day number of today at the exchange."""
    return to_day(dt.datetime.now(SEOUL).date())


@dataclass(frozen=True, kw_only=True)
class Refusals:
    """Which of REFUSALS stop the load, and the last day that is not in the future."""

    names: frozenset[str] = frozenset(REFUSALS)
    today: int = field(default_factory=today_in_seoul)


NO_REFUSALS = Refusals(names=frozenset(), today=0)
"""Everything is allowed."""


def day_rules(
    refusals: Refusals, known: Known, stock: np.ndarray, day: np.ndarray, traded: np.ndarray
) -> list[tuple[str, np.ndarray, Callable[[int], str]]]:
    """Return (mistake, bool per row, reason of a row) for price rows; `traded` marks the tradable ones."""
    rules: list[tuple[str, np.ndarray, Callable[[int], str]]] = []
    if "holiday" in refusals.names:
        days = np.unique(day)
        closed = days[[not is_trading_day(int(d)) for d in days]]
        on_closed = np.isin(day, closed) & known.has_ticks[stock] & traded
        rules.append(("a price on a day on which the exchange is closed", on_closed, lambda r: _closed(int(day[r]))))
    if "future" in refusals.names:
        rules.append(
            (
                "a price after today",
                day > refusals.today,
                lambda r: f"a price on {iso(int(day[r]))}, after today; correct the date, or load with --allow future",
            )
        )
    return rules


def _closed(day: int) -> str:
    name = holidays().get(day) or from_day(day).strftime("%A")
    near = next(d for step in range(1, 20) for d in (day - step, day + step) if is_trading_day(d))
    return (
        f"a price on {iso(day)} ({name}), when the exchange is closed; the nearest trading day is {iso(near)}. Correct "
        "the date, or load with --allow holiday"
    )


def list_codes(refusals: Refusals, broken: BrokenRows, companies: pl.DataFrame) -> None:
    """List the companies of the exchange's markets whose code is not six characters."""
    if "stock_code" not in refusals.names:
        return
    codes, markets = companies["stock_code"].to_list(), companies["market"].to_list()
    rows = [
        row
        for row, (code, market) in enumerate(zip(codes, markets, strict=True))
        if has_rules(market) and len(code) != _CODE_LENGTH
    ]
    broken.add(
        "stock_code is not six characters",
        rows,
        lambda row: (
            f"stock_code {codes[row]} of {markets[row]} is not six characters{lost_zeros(codes[row])}; keep codes as "
            "text in every file, or load with --allow stock_code"
        ),
    )


def lost_zeros(code: str) -> str:
    """Return what a code of digits was before it was read as a number, in parentheses; nothing for other codes."""
    if not code.isdigit() or len(code) >= _CODE_LENGTH:
        return ""
    return f" (it has lost its zeros: {code.zfill(_CODE_LENGTH)})"
