"""A result in the shape of the interface: its tables by columns, its JSON with keys in name order, its digest."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import orjson

from shared.model.instruments import Instruments
from shared.simulation.memo import Kept
from shared.simulation.native import REASONS
from shared.simulation.result.encoding import (
    DATE,
    NUMBER,
    SMALL,
    TEXT,
    WHOLE,
    Chosen,
    Layout,
    Piece,
    Texts,
    text,
    written,
)
from shared.simulation.statistics import Course, Trips

DIGESTED = (
    "equity", "monthly_returns", "open_positions", "round_trips", "statistics", "trades", "unfilled", "warnings",
    "window", "yearly_returns",
)  # fmt: skip
"""What `result_digest` covers, in name order."""

_LABELS = [text(("," if i else "{").encode() + b'"%s":' % name.encode()) for i, name in enumerate(DIGESTED)]


@dataclass(frozen=True)
class Encoded:
    """A result as pieces for the store and as JSON, both without what `ending` has: `,"provenance":{...}}`."""

    document: bytes
    json: memoryview
    ending: bytes
    digest: str


def encode(parts: Mapping[str, Piece], provenance: Mapping[str, Any]) -> Encoded:
    """The parts of a result (DIGESTED), each written with its keys in name order, with their digest.

    The digested bytes are canonical JSON: UTF-8, keys sorted, no spaces, shortest round-trip numbers. The body is the
    same with `provenance` (plus the digest) inserted.
    """
    pieces = [piece for label, name in zip(_LABELS, DIGESTED, strict=True) for piece in (label, parts[name])]
    document = b"".join([piece.packed for piece in pieces])
    json = written(document, sum(piece.most for piece in pieces))
    hashed = hashlib.sha256(json)
    hashed.update(b"}")
    digest = hashed.hexdigest()
    whole = orjson.dumps({**provenance, "result_digest": digest}, option=orjson.OPT_SORT_KEYS)
    return Encoded(document, json, b"".join((b',"provenance":', whole, b"}")), digest)


def digest_of(result: Mapping[str, Any]) -> str:
    """The digest of a result that was read back from JSON (other keys than DIGESTED are ignored)."""
    return hashlib.sha256(
        orjson.dumps({name: result[name] for name in DIGESTED}, option=orjson.OPT_SORT_KEYS)
    ).hexdigest()


_REASONS = Texts.of(REASONS)
_SIDES = Texts.of(("buy", "sell"))
_known_texts: Kept[tuple[Instruments, Texts, Texts]] = Kept(4)
"""By the place of the instruments, which stand beside their texts."""


def _stocks(columns: np.ndarray, instruments: Instruments) -> tuple[Chosen, Chosen]:
    """(codes, names) of these columns; the texts of the last datasets are kept."""
    found = _known_texts.get(
        id(instruments), lambda: (instruments, Texts.of(instruments.code), Texts.of(instruments.name))
    )
    places = columns.astype(np.int32)
    return Chosen(found[1], places), Chosen(found[2], places)


_EQUITY = Layout(
    benchmark=NUMBER, cash=NUMBER, daily_return=NUMBER, date=DATE, drawdown=NUMBER, equity=NUMBER, positions=SMALL
)
_TRADES = Layout(
    commission=NUMBER, date=DATE, name=TEXT, price=NUMBER, reason=TEXT, shares=WHOLE, side=TEXT, stock_code=TEXT,
    tax=NUMBER,
)  # fmt: skip
_TRIPS = Layout(
    cost=NUMBER, entry_date=DATE, entry_price=NUMBER, exit_date=DATE, exit_price=NUMBER, gain=NUMBER,
    holding_days=SMALL, name=TEXT, proceeds=NUMBER, reason=TEXT, **{"return": NUMBER}, shares=WHOLE, stock_code=TEXT,
)  # fmt: skip
_OPEN = Layout(
    cost=NUMBER, entry_date=DATE, entry_price=NUMBER, gain=NUMBER, holding_days=SMALL, last_price=NUMBER, name=TEXT,
    **{"return": NUMBER}, shares=WHOLE, stock_code=TEXT, value=NUMBER,
)  # fmt: skip


def equity_rows(course: Course, positions: np.ndarray) -> Piece:
    """One point a row; an undefined return, and a benchmark that there is not, is null."""
    if course.benchmark is None:
        benchmark = np.full(len(course.days), np.nan)
    else:
        benchmark = course.initial_cash * np.cumprod(1 + course.benchmark)
    return _EQUITY.rows(
        len(course.days),
        benchmark,
        course.cash,
        course.returns,
        course.days,
        course.drawdowns,
        course.equity,
        positions,
    )


def trade_rows(trades: np.ndarray, instruments: Instruments, days: np.ndarray) -> Piece:
    """Fills in order of execution; `days` are those of the dataset."""
    codes, names = _stocks(trades["col"], instruments)
    reasons = trades["reason"]
    return _TRADES.rows(
        len(trades), trades["commission"], days[trades["row"]], names, trades["price"], Chosen(_REASONS, reasons),
        trades["shares"].astype(np.int64), Chosen(_SIDES, reasons > 0), codes, trades["tax"],
    )  # fmt: skip


def round_trip_rows(trips: Trips, instruments: Instruments, days: np.ndarray) -> Piece:
    """Ended holdings in the order in which they ended; `return` is the gain as a fraction of the cost."""
    ended = trips.records
    codes, names = _stocks(ended["col"], instruments)
    return _TRIPS.rows(
        len(ended), ended["cost"], days[ended["entry_row"]], ended["entry_price"], days[ended["exit_row"]],
        ended["exit_price"], trips.gains, trips.ages, names, ended["brought"], Chosen(_REASONS, ended["reason"]),
        trips.parts, ended["shares"].astype(np.int64), codes,
    )  # fmt: skip


def open_rows(
    holdings: np.ndarray, last: np.ndarray, instruments: Instruments, days: np.ndarray, last_day: int
) -> Piece:
    """What is still held, by stock code: `shares` and `entry_price` as of today (after splits), `value` at the last
    close, `gain` against the cost with what dividends and fractions have brought."""
    codes, names = _stocks(holdings["col"], instruments)
    values = holdings["shares"] * last
    gains = values + holdings["brought"] - holdings["cost"]
    return _OPEN.rows(
        len(holdings), holdings["cost"], days[holdings["entry_row"]], holdings["entry"], gains,
        last_day - holdings["entry_day"], last, names, gains / holdings["cost"], holdings["shares"].astype(np.int64),
        codes, values,
    )  # fmt: skip
