"""Derived rows of one stock by a plain loop over the rules, sharing no code with the product."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

Row = Mapping[str, float]
"""Loaded values of a row by column; a missing name is an absent value."""


@dataclass
class DerivedRow:
    """What is stored of one row."""

    split: float
    adjust: float
    last: float
    idle: int
    cap: float
    shares: float
    close: float
    volume: float


def positive(row: Row, name: str) -> float | None:
    """Return a loaded value that is above 0, else None."""
    value = row.get(name, math.nan)
    return value if value > 0 else None


_RATIOS = sorted({p / q for p in range(1, 101) for q in range(1, 101) if min(p, q) <= 10})


def nearest_ratio(split: float) -> float:
    """Return the nearest ratio of small whole numbers within a relative 1e-5 of a split, else the split."""
    near = [ratio for ratio in _RATIOS if abs(split - ratio) <= 1e-5 * ratio]
    return min(near, key=lambda ratio: abs(split - ratio), default=split)


def derive(rows: Sequence[Row], *, delisted_row: int | None = None, tick: float = 1.0) -> list[DerivedRow]:
    """Return the derived rows of a stock; prices move on a grid of `tick`, row `delisted_row` is its delisting day."""
    found: list[DerivedRow] = []
    last = cap = shares = math.nan
    adjust, idle = 1.0, 65535
    for at, loaded in enumerate(rows):
        listed = delisted_row is None or at < delisted_row
        row = loaded if listed else {}
        trades = positive(row, "volume") is not None and positive(row, "open") is not None
        split = _split(row, last, trades=trades, tick=tick) if last > 0 else 1.0
        adjust = adjust * split if last > 0 else 1.0
        stated_cap, stated_shares = positive(row, "market_cap"), positive(row, "listed_shares")
        if trades:
            last, idle = row["close"], 0
            shares = math.nan if stated_shares is None else stated_shares
            cap = last * shares if stated_cap is None else stated_cap
        else:
            last, idle = last / split, idle if idle >= 65534 else idle + 1
            shares = shares * split if stated_shares is None else stated_shares
            cap = cap if stated_cap is None else stated_cap
        present = listed and idle <= 60
        found.append(
            DerivedRow(
                split=split, adjust=adjust, last=last, idle=idle,
                cap=cap if present else math.nan, shares=shares if present else math.nan,
                close=row["close"] if trades else math.nan,
                volume=row["volume"] if trades else 0.0 if present else math.nan,
            )
        )  # fmt: skip
    return found


def _split(row: Row, last: float, *, trades: bool, tick: float) -> float:
    stated = positive(row, "split")
    if stated is not None:
        return nearest_ratio(stated)
    close, change, rate = (row.get(name, math.nan) for name in ("close", "change", "change_rate"))
    if not trades:
        return 1.0
    if not math.isnan(change):
        base = close - change
    elif rate > -100:
        base = math.floor(close / (1 + rate / 100) / tick + 0.5) * tick
    else:
        return 1.0
    if not base > 0:
        return 1.0
    split = last / base
    return 1.0 if abs(split - 1) <= 0.005 * (1 + 1e-9) else split
