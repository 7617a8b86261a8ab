"""A backtest request: the values of `POST /v1/backtests` with defaults filled, its canonical bytes and its digest."""

from __future__ import annotations

import datetime as dt
import hashlib
from typing import Any, Literal

import msgspec


class Buy(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What may be bought and in which order; `where` None admits every stock of the universe."""

    where: str | None = None
    rank_by: str = "MARKET_CAP"
    order: Literal["asc", "desc"] = "desc"


class Sell(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """When a holding is sold; levels in percent, ages in calendar days."""

    take_profit_pct: float | None = None
    stop_loss_pct: float | None = None
    trailing_stop_pct: float | None = None
    min_hold_days: int = 0
    max_hold_days: int | None = None
    where: str | None = None
    on_rebalance: Literal["hold", "rotate"] = "hold"


class Portfolio(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How many positions of which size, and on which days they are chosen."""

    max_positions: int = 20
    weighting: Literal["equal", "market_cap", "inverse_volatility"] = "equal"
    position_pct: float | None = None
    max_position_value: float | None = None
    max_new_per_day: int | None = None
    rebalance: Literal["daily", "weekly", "monthly", "quarterly"] = "daily"


class Universe(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Which stocks exist for a request; None does not restrict. Lists are sets: sorted, without repeats."""

    markets: tuple[str, ...] | None = ("KOSDAQ", "KOSPI")
    sectors: tuple[str, ...] | None = None
    cap_groups: tuple[str, ...] | None = None
    stock_codes: tuple[str, ...] | None = None
    exclude: tuple[str, ...] | None = None
    where: str | None = None


class Strategy(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The strategy proper."""

    buy: Buy = msgspec.field(default_factory=Buy)
    sell: Sell = msgspec.field(default_factory=Sell)
    portfolio: Portfolio = msgspec.field(default_factory=Portfolio)
    universe: Universe = msgspec.field(default_factory=Universe)


class Costs(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Costs in percent of the traded amount; `tax_pct` None means the dated table."""

    commission_pct: float = 0.015
    slippage_pct: float = 0.1
    tax_pct: float | None = None


class Execution(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How orders meet the market."""

    price: Literal["open", "close"] = "open"
    price_limits: bool = True
    tick_size: bool = True
    max_volume_pct: float | None = None
    dividends: bool = True
    delisting: Literal["last_price", "haircut", "zero"] = "last_price"
    delisting_haircut_pct: float = 0.0


class BacktestRequest(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A request in canonical form: every default filled, expressions in canonical text, sets sorted, numbers floats.

    `dataset` is resolved at acceptance and is not part of the digest.
    """

    strategy: Strategy
    start: dt.date
    end: dt.date
    initial_cash: float = 100_000_000.0
    costs: Costs = msgspec.field(default_factory=Costs)
    execution: Execution = msgspec.field(default_factory=Execution)
    benchmark: str | None = "KOSPI"
    risk_free_pct: float = 0.0


_REQUESTS = msgspec.json.Decoder(BacktestRequest)
"""msgspec learns about a type when it first meets it, and a second thread that meets it at the same time reads what is
not there yet: the process ends (SIGSEGV). So every type is met at import, by a decoder of its own."""


def request_from_json(text: str | bytes) -> BacktestRequest:
    """The inverse of `canonical_json`."""
    return _REQUESTS.decode(text)


def canonical_json(value: Any) -> bytes:
    """JSON with sorted keys and shortest round-trip numbers; the bytes that digests are made of."""
    return msgspec.json.encode(value, order="sorted")


def request_digest(request: BacktestRequest) -> str:
    """SHA-256 (hex) of the canonical JSON of a request."""
    return hashlib.sha256(canonical_json(request)).hexdigest()
