"""The result in the shape of the API: its tables by columns, its JSON with sorted keys, its digest.

Result digest = SHA-256 of the canonical JSON (UTF-8, keys sorted, no spaces, shortest round-trip numbers) of the parts
DIGESTED: without provenance, timing, cache and ids.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import orjson

from shared.model.instruments import Instruments
from shared.simulation.memo import Memo
from shared.simulation.result.encoding import (
    DATE,
    INT32,
    INT64,
    NUMBER,
    STRING,
    DictColumn,
    Fragment,
    StringPool,
    TableSchema,
    literal,
    render,
)
from shared.simulation.statistics import EquityCurve, RoundTrips
from shared.simulation.structures import REASONS

DIGESTED = (
    "corporate_actions", "equity", "monthly_returns", "open_positions", "round_trips", "statistics", "trades",
    "unfilled", "warnings", "window", "yearly_returns",
)  # fmt: skip
"""What `result_digest` covers, in name order."""

DIGESTED_V1 = tuple(name for name in DIGESTED if name != "corporate_actions")
"""What it covers in results of engine version 1."""

_LABELS = [literal(("," if i else "{").encode() + b'"%s":' % name.encode()) for i, name in enumerate(DIGESTED)]


@dataclass(frozen=True)
class EncodedResult:
    """A result as fragments for the store and as JSON, both without `ending`: `,"provenance":{...}}`."""

    document: bytes
    json: memoryview
    ending: bytes
    digest: str


def encode(parts: Mapping[str, Fragment], provenance: Mapping[str, Any]) -> EncodedResult:
    """Return the parts of a result (DIGESTED), each encoded with its keys in name order, with their digest.

    The body is the digested JSON with `provenance` (plus the digest) inserted.
    """
    fragments = [fragment for label, name in zip(_LABELS, DIGESTED, strict=True) for fragment in (label, parts[name])]
    document = b"".join([fragment.packed for fragment in fragments])
    json = render(document, sum(fragment.json_limit for fragment in fragments))
    hashed = hashlib.sha256(json)
    hashed.update(b"}")
    digest = hashed.hexdigest()
    whole = orjson.dumps({**provenance, "result_digest": digest}, option=orjson.OPT_SORT_KEYS)
    return EncodedResult(document, json, b"".join((b',"provenance":', whole, b"}")), digest)


def digest_of(result: Mapping[str, Any]) -> str:
    """Return the digest of a result that was parsed from JSON, of engine version 1 or later."""
    names = DIGESTED if "corporate_actions" in result else DIGESTED_V1
    return hashlib.sha256(orjson.dumps({name: result[name] for name in names}, option=orjson.OPT_SORT_KEYS)).hexdigest()


_REASONS = StringPool.of(REASONS)
_SIDES = StringPool.of(("buy", "sell"))
_KINDS = StringPool.of(("split", "dividend"))
_stock_pools: Memo[tuple[Instruments, StringPool, StringPool]] = Memo(4)
"""(instruments, codes, names) by the identity of the instruments, which the entry keeps alive."""


def _stocks(columns: np.ndarray, instruments: Instruments) -> tuple[DictColumn, DictColumn]:
    """Return (codes, names) of these columns."""
    _, codes, names = _stock_pools.get(
        id(instruments), lambda: (instruments, StringPool.of(instruments.code), StringPool.of(instruments.name))
    )
    indices = columns.astype(np.int32)
    return DictColumn(codes, indices), DictColumn(names, indices)


_EQUITY = TableSchema(
    benchmark=NUMBER, cash=NUMBER, daily_return=NUMBER, date=DATE, drawdown=NUMBER, equity=NUMBER, positions=INT32
)
_TRADES = TableSchema(
    commission=NUMBER, date=DATE, name=STRING, price=NUMBER, reason=STRING, shares=INT64, side=STRING,
    stock_code=STRING, tax=NUMBER,
)  # fmt: skip
_ROUND_TRIPS = TableSchema(
    cost=NUMBER, entry_date=DATE, entry_price=NUMBER, exit_date=DATE, exit_price=NUMBER, gain=NUMBER,
    holding_days=INT32, name=STRING, proceeds=NUMBER, reason=STRING, **{"return": NUMBER}, shares=INT64,
    stock_code=STRING,
)  # fmt: skip
_OPEN_POSITIONS = TableSchema(
    cost=NUMBER, entry_date=DATE, entry_price=NUMBER, gain=NUMBER, holding_days=INT32, last=NUMBER, last_price=NUMBER,
    name=STRING, **{"return": NUMBER}, shares=INT64, stock_code=STRING, value=NUMBER,
)  # fmt: skip
_CORPORATE_ACTIONS = TableSchema(
    cash=NUMBER, date=DATE, dps=NUMBER, kind=STRING, ratio=NUMBER, shares_after=INT64, shares_before=INT64,
    stock_code=STRING,
)  # fmt: skip

PART_COLUMNS: Mapping[str, tuple[str, ...]] = {
    "corporate_actions": tuple(_CORPORATE_ACTIONS.kinds), "equity": tuple(_EQUITY.kinds),
    "monthly_returns": ("month", "return"), "open_positions": tuple(_OPEN_POSITIONS.kinds),
    "round_trips": tuple(_ROUND_TRIPS.kinds), "trades": tuple(_TRADES.kinds), "warnings": ("code", "message"),
    "yearly_returns": ("return", "year"),
}  # fmt: skip
"""Columns of the parts that are lists of objects; warnings have further ones by their code."""


def equity_rows(curve: EquityCurve) -> Fragment:
    """Encode one point a row; an undefined return and an absent benchmark are null."""
    if curve.benchmark is None:
        benchmark = np.full(len(curve.days), np.nan)
    else:
        benchmark = curve.initial_cash * curve.benchmark_levels
    return _EQUITY.encode(
        len(curve.days), benchmark, curve.cash, curve.returns, curve.days, curve.drawdowns, curve.equity,
        curve.positions,
    )  # fmt: skip


def trade_rows(trades: np.ndarray, instruments: Instruments, days: np.ndarray) -> Fragment:
    """Encode fills (TRADE records) in order of execution; `days` are those of the dataset."""
    codes, names = _stocks(trades["col"], instruments)
    reasons = trades["reason"]
    return _TRADES.encode(
        len(trades), trades["commission"], days[trades["row"]], names, trades["price"], DictColumn(_REASONS, reasons),
        trades["shares"].astype(np.int64), DictColumn(_SIDES, reasons > 0), codes, trades["tax"],
    )  # fmt: skip


def round_trip_rows(trips: RoundTrips, instruments: Instruments, days: np.ndarray) -> Fragment:
    """Encode closed holdings in the order in which they ended; `return` is the gain as a fraction of the cost."""
    ended = trips.records
    codes, names = _stocks(ended["col"], instruments)
    return _ROUND_TRIPS.encode(
        len(ended), ended["cost"], days[ended["entry_row"]], ended["entry_price"], days[ended["exit_row"]],
        ended["exit_price"], trips.gains, trips.ages, names, ended["proceeds"], DictColumn(_REASONS, ended["reason"]),
        trips.returns, ended["shares"].astype(np.int64), codes,
    )  # fmt: skip


def open_position_rows(
    holdings: np.ndarray, last: np.ndarray, instruments: Instruments, days: np.ndarray, last_day: int
) -> Fragment:
    """Encode what is still held (HOLDING records), by stock code.

    `shares` and `entry_price` are those of the last day (after splits), `value` is at the last close, `gain` compares
    it, with the dividends and fractions paid so far, with the cost.
    """
    codes, names = _stocks(holdings["col"], instruments)
    values = holdings["shares"] * last
    gains = values + holdings["proceeds"] - holdings["cost"]
    return _OPEN_POSITIONS.encode(
        len(holdings), holdings["cost"], days[holdings["entry_row"]], holdings["entry"], gains,
        last_day - holdings["entry_day"], last, last, names, gains / holdings["cost"],
        holdings["shares"].astype(np.int64), codes, values,
    )  # fmt: skip


def corporate_action_rows(records: np.ndarray, instruments: Instruments, days: np.ndarray) -> Fragment:
    """Encode the ledger of splits and dividends (CORPORATE_ACTION records) by date, stock code and kind.

    `ratio` is null for a dividend, `dps` (won a share before tax) for a split; `cash` is the money credited: the
    fraction of a share, or the dividend after tax.
    """
    if not len(records):
        return literal(b"[]")
    order = np.lexsort((records["kind"], instruments.code_rank[records["col"]], records["row"]))
    listed = records[order]
    codes, _ = _stocks(listed["col"], instruments)
    return _CORPORATE_ACTIONS.encode(
        len(listed), listed["cash"], days[listed["row"]], listed["dps"], DictColumn(_KINDS, listed["kind"]),
        listed["ratio"], listed["shares_after"].astype(np.int64), listed["shares_before"].astype(np.int64), codes,
    )  # fmt: skip
