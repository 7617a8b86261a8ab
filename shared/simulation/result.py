"""The result in the shape of the interface, its bytes and its digest; columns become rows once, keys in name order."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Any

import numpy as np
import orjson

from shared.model.instruments import Instruments
from shared.simulation.kernel import REASONS
from shared.simulation.statistics import Course

DIGESTED = (
    "equity", "monthly_returns", "open_positions", "round_trips", "statistics", "trades", "unfilled", "warnings",
    "window", "yearly_returns",
)  # fmt: skip
"""What `result_digest` covers, in name order."""


def encode(result: Mapping[str, Any], provenance: Mapping[str, Any]) -> tuple[bytes, str]:
    """(body, result digest) of a result whose keys are DIGESTED and whose objects have their keys in name order.

    The digested bytes are canonical JSON: UTF-8, keys sorted, no spaces, shortest round-trip numbers. The body is the
    same with `provenance` (plus the digest) inserted.
    """
    digested = orjson.dumps(result)
    digest = hashlib.sha256(digested).hexdigest()
    whole = orjson.dumps({**provenance, "result_digest": digest}, option=orjson.OPT_SORT_KEYS)
    return digested[:-1] + b',"provenance":' + whole + b"}", digest


def digest_of(result: Mapping[str, Any]) -> str:
    """The digest of a result that was read back from JSON (other keys than DIGESTED are ignored)."""
    return hashlib.sha256(
        orjson.dumps({name: result[name] for name in DIGESTED}, option=orjson.OPT_SORT_KEYS)
    ).hexdigest()


def nullable(values: np.ndarray) -> list[float | None]:
    """The values, None for NaN."""
    found: list[float | None] = values.tolist()
    absent = np.flatnonzero(np.isnan(values)).tolist()
    for place in absent:
        found[place] = None
    return found


def equity_points(course: Course, positions: np.ndarray, dates: list[str]) -> list[dict[str, Any]]:
    """One point a row."""
    if course.benchmark is None:
        benchmark: list[float | None] = [None] * len(dates)
    else:
        benchmark = nullable(course.initial_cash * np.cumprod(1 + course.benchmark))
    return [
        {"benchmark": b, "cash": c, "daily_return": r, "date": d, "drawdown": w, "equity": e, "positions": p}
        for b, c, r, d, w, e, p in zip(
            benchmark, course.cash.tolist(), nullable(course.returns), dates, course.drawdowns.tolist(),
            course.equity.tolist(), positions.tolist(), strict=True,
        )
    ]  # fmt: skip


def _names(columns: list[int], instruments: Instruments) -> tuple[list[str], list[str]]:
    return [instruments.code[i] for i in columns], [instruments.name[i] for i in columns]


def trade_rows(trades: np.ndarray, instruments: Instruments, dates: list[str], first: int) -> list[dict[str, Any]]:
    """Fills in order of execution; `dates` are those of the window, whose first dataset row is `first`."""
    codes, names = _names(trades["col"].tolist(), instruments)
    return [
        {
            "commission": commission, "date": dates[row - first], "name": name, "price": price,
            "reason": REASONS[reason], "shares": int(shares), "side": "sell" if reason else "buy",
            "stock_code": code, "tax": tax,
        }
        for commission, row, name, price, reason, shares, code, tax in zip(
            trades["commission"].tolist(), trades["row"].tolist(), names, trades["price"].tolist(),
            trades["reason"].tolist(), trades["shares"].tolist(), codes, trades["tax"].tolist(), strict=True,
        )
    ]  # fmt: skip


def round_trip_rows(
    trips: np.ndarray, trip_days: np.ndarray, instruments: Instruments, dates: list[str], first: int
) -> list[dict[str, Any]]:
    """Ended holdings in the order in which they ended; `return` is the gain as a fraction of the cost."""
    codes, names = _names(trips["col"].tolist(), instruments)
    gains = trips["brought"] - trips["cost"]
    return [
        {
            "cost": cost, "entry_date": dates[entry - first], "entry_price": entry_price,
            "exit_date": dates[exit_ - first], "exit_price": exit_price, "gain": gain, "holding_days": age,
            "name": name, "proceeds": brought, "reason": REASONS[reason], "return": part, "shares": int(shares),
            "stock_code": code,
        }
        for cost, entry, entry_price, exit_, exit_price, gain, age, name, brought, reason, part, shares, code in zip(
            trips["cost"].tolist(), trips["entry_row"].tolist(), trips["entry_price"].tolist(),
            trips["exit_row"].tolist(), trips["exit_price"].tolist(), gains.tolist(), trip_days.tolist(), names,
            trips["brought"].tolist(), trips["reason"].tolist(), (gains / trips["cost"]).tolist(),
            trips["shares"].tolist(), codes, strict=True,
        )
    ]  # fmt: skip


def open_rows(
    holdings: np.ndarray, last: np.ndarray, instruments: Instruments, dates: list[str], *, first: int, last_day: int
) -> list[dict[str, Any]]:
    """What is still held, by stock code: `shares` and `entry_price` as of today (after splits), `value` at the last
    close, `gain` against the cost with what dividends and fractions have brought."""
    found = []
    for held, price in zip(holdings, last.tolist(), strict=True):
        shares, cost, value = float(held["shares"]), float(held["cost"]), float(held["shares"]) * price
        gain = value + float(held["brought"]) - cost
        found.append(
            {
                "cost": cost,
                "entry_date": dates[int(held["entry_row"]) - first],
                "entry_price": float(held["entry"]),
                "gain": gain,
                "holding_days": last_day - int(held["entry_day"]),
                "last_price": price,
                "name": instruments.name[held["col"]],
                "return": gain / cost,
                "shares": int(shares),
                "stock_code": instruments.code[held["col"]],
                "value": value,
            }
        )
    return found
