"""The bytes of a result in the shape of the interface, and their digest; columns become rows, keys in name order."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Any

import numpy as np
import orjson

from shared.model.instruments import Instruments
from shared.simulation.kernel import REASONS
from shared.simulation.rows import Chosen, Column, Dates, Texts, rows_json
from shared.simulation.statistics import Course

DIGESTED = (
    "equity", "monthly_returns", "open_positions", "round_trips", "statistics", "trades", "unfilled", "warnings",
    "window", "yearly_returns",
)  # fmt: skip
"""What `result_digest` covers, in name order."""


def encode(parts: Mapping[str, bytes | memoryview], provenance: Mapping[str, Any]) -> tuple[bytes, str]:
    """(body, result digest) of the parts of a result (DIGESTED), each written with its keys in name order.

    The digested bytes are canonical JSON: UTF-8, keys sorted, no spaces, shortest round-trip numbers. The body is the
    same with `provenance` (plus the digest) inserted.
    """
    pieces: list[bytes | memoryview] = []
    for name in DIGESTED:
        pieces += [b',"%s":' % name.encode(), parts[name]]
    pieces[0] = b"{" + bytes(pieces[0][1:])
    hashed = hashlib.sha256()
    for piece in pieces:
        hashed.update(piece)
    hashed.update(b"}")
    digest = hashed.hexdigest()
    whole = orjson.dumps({**provenance, "result_digest": digest}, option=orjson.OPT_SORT_KEYS)
    return b"".join((*pieces, b',"provenance":', whole, b"}")), digest


def digest_of(result: Mapping[str, Any]) -> str:
    """The digest of a result that was read back from JSON (other keys than DIGESTED are ignored)."""
    return hashlib.sha256(
        orjson.dumps({name: result[name] for name in DIGESTED}, option=orjson.OPT_SORT_KEYS)
    ).hexdigest()


_REASONS = Texts.of(REASONS)
_SIDES = Texts.of(("buy", "sell"))
_KEPT = 4
_known_texts: dict[int, tuple[Instruments, Texts, Texts]] = {}


def _stocks(columns: np.ndarray, instruments: Instruments) -> tuple[Chosen, Chosen]:
    """(codes, names) of these columns; the texts of the last datasets are kept."""
    found = _known_texts.get(id(instruments))
    if found is None:
        if len(_known_texts) >= _KEPT:
            _known_texts.clear()
        found = (instruments, Texts.of(instruments.code), Texts.of(instruments.name))
        _known_texts[id(instruments)] = found
    places = columns.astype(np.int32)
    return Chosen(found[1], places), Chosen(found[2], places)


def equity_json(course: Course, positions: np.ndarray) -> bytes | memoryview:
    """One point a row; an undefined return, and a benchmark that there is not, is null."""
    if course.benchmark is None:
        benchmark = np.full(len(course.days), np.nan)
    else:
        benchmark = course.initial_cash * np.cumprod(1 + course.benchmark)
    columns: dict[str, Column] = {
        "benchmark": benchmark, "cash": course.cash, "daily_return": course.returns, "date": Dates(course.days),
        "drawdown": course.drawdowns, "equity": course.equity, "positions": positions,
    }  # fmt: skip
    return rows_json(columns, len(course.days))


def trades_json(trades: np.ndarray, instruments: Instruments, days: np.ndarray) -> bytes | memoryview:
    """Fills in order of execution; `days` are those of the dataset."""
    codes, names = _stocks(trades["col"], instruments)
    columns: dict[str, Column] = {
        "commission": trades["commission"], "date": Dates(days[trades["row"]]), "name": names,
        "price": trades["price"], "reason": Chosen(_REASONS, trades["reason"]), "shares": trades["shares"].astype(int),
        "side": Chosen(_SIDES, trades["reason"] > 0), "stock_code": codes, "tax": trades["tax"],
    }  # fmt: skip
    return rows_json(columns, len(trades))


def round_trips_json(
    trips: np.ndarray, trip_days: np.ndarray, instruments: Instruments, days: np.ndarray
) -> bytes | memoryview:
    """Ended holdings in the order in which they ended; `return` is the gain as a fraction of the cost."""
    codes, names = _stocks(trips["col"], instruments)
    gains = trips["brought"] - trips["cost"]
    columns: dict[str, Column] = {
        "cost": trips["cost"], "entry_date": Dates(days[trips["entry_row"]]), "entry_price": trips["entry_price"],
        "exit_date": Dates(days[trips["exit_row"]]), "exit_price": trips["exit_price"], "gain": gains,
        "holding_days": trip_days, "name": names, "proceeds": trips["brought"],
        "reason": Chosen(_REASONS, trips["reason"]), "return": gains / trips["cost"],
        "shares": trips["shares"].astype(int), "stock_code": codes,
    }  # fmt: skip
    return rows_json(columns, len(trips))


def open_json(
    holdings: np.ndarray, last: np.ndarray, instruments: Instruments, days: np.ndarray, last_day: int
) -> bytes | memoryview:
    """What is still held, by stock code: `shares` and `entry_price` as of today (after splits), `value` at the last
    close, `gain` against the cost with what dividends and fractions have brought."""
    codes, names = _stocks(holdings["col"], instruments)
    values = holdings["shares"] * last
    gains = values + holdings["brought"] - holdings["cost"]
    columns: dict[str, Column] = {
        "cost": holdings["cost"], "entry_date": Dates(days[holdings["entry_row"]]), "entry_price": holdings["entry"],
        "gain": gains, "holding_days": last_day - holdings["entry_day"], "last_price": last, "name": names,
        "return": gains / holdings["cost"], "shares": holdings["shares"].astype(int), "stock_code": codes,
        "value": values,
    }  # fmt: skip
    return rows_json(columns, len(holdings))
