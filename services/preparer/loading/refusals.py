"""Rows that stop a load unless its user allows them (`ondol load --allow NAME`)."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from dataclasses import dataclass, field
from zoneinfo import ZoneInfo

import numpy as np
import polars as pl

from services.preparer.loading.files import MarketFile
from services.preparer.loading.known import Known
from shared.market import has_rules
from shared.market.holidays import holidays, is_trading_day
from shared.model.calendar import from_day, iso, to_day

REFUSALS = ("holiday", "thin_day", "stock_code", "future")
"""Names for `--allow`: prices on days on which the exchange is closed; days on which fewer than a third of the stocks
of the day before trade (`thin_days`); codes of the exchange's markets that are not six characters; prices after
today."""

_CODE_LENGTH = 6


def today_in_seoul() -> int:
    """Return the day number of today at the exchange."""
    return to_day(dt.datetime.now(ZoneInfo("Asia/Seoul")).date())


@dataclass(frozen=True, kw_only=True)
class Refusals:
    """Which of REFUSALS stop the load, and the last day that is not in the future."""

    names: frozenset[str] = frozenset(REFUSALS)
    today: int = field(default_factory=today_in_seoul)


NO_REFUSALS = Refusals(names=frozenset(), today=0)
"""Everything is allowed."""


def day_rules(
    refusals: Refusals, known: Known, stock: np.ndarray, day: np.ndarray, traded: np.ndarray
) -> list[tuple[np.ndarray, Callable[[int], str]]]:
    """Return (bool per row, reason of a row) for price rows; `traded` marks the tradable ones."""
    rules: list[tuple[np.ndarray, Callable[[int], str]]] = []
    if "holiday" in refusals.names:
        days = np.unique(day)
        closed = days[[not is_trading_day(int(d)) for d in days]]
        on_closed = np.isin(day, closed) & known.has_ticks[stock] & traded
        rules.append((on_closed, lambda r: _closed(int(day[r]))))
    if "future" in refusals.names:
        rules.append(
            (
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


def refuse_codes(refusals: Refusals, file: MarketFile, companies: pl.DataFrame) -> None:
    """LoadError at the first company of the exchange's markets whose code is not six characters."""
    if "stock_code" not in refusals.names:
        return
    for row, (code, market) in enumerate(companies.select("stock_code", "market").iter_rows()):
        if not has_rules(market) or len(code) == _CODE_LENGTH:
            continue
        lost = f" (it has lost its zeros: {code.zfill(_CODE_LENGTH)})" if code.isdigit() and len(code) < 6 else ""
        raise file.error(
            row,
            f"stock_code {code} of {market} is not six characters{lost}; keep codes as text in every file, or load "
            "with --allow stock_code",
        )
