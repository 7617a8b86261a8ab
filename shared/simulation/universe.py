"""Universe of a request: the stocks that may be selected on each row, over which ranks and coverage are computed."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache

import msgspec
import numpy as np

from shared.language import Expression
from shared.language.evaluate import evaluate
from shared.model.fields import CARRY_ROWS
from shared.model.instruments import Instruments
from shared.model.listings import RowAttributes, row_attributes
from shared.model.panels import Panels
from shared.model.request import Universe, canonical_json
from shared.simulation.memo import Memo
from shared.strategies.catalogue import CAP_GROUPS

Mask = Callable[[slice], np.ndarray]

_BOOL = np.dtype(np.bool_)
_listed: Memo[np.ndarray | None] = Memo(64)
"""bool [N] of stock code lists, by dataset version and lists."""


@dataclass(frozen=True, kw_only=True)
class UniverseMask:
    """`rows(slice)` is bool [rows, N]; `before_where` the same without `universe.where`. The keys name the content
    (within one dataset version), so that what is computed over a universe can be shared under them."""

    rows: Mask
    key: str
    before_where: Mask
    key_before_where: str


def universe_rows(universe: Universe, panels: Panels, where: Expression | None) -> UniverseMask:
    """Return the mask of a canonical universe; `where` is its checked expression."""
    without_where = msgspec.structs.replace(universe, where=None)
    before_where, key_before_where = _without_where(without_where, panels)
    if where is None:
        return UniverseMask(
            rows=before_where, key=key_before_where, before_where=before_where, key_before_where=key_before_where
        )

    def rows(wanted: slice) -> np.ndarray:
        passed = evaluate(where, panels, wanted, before_where, key_before_where)
        found: np.ndarray = passed & before_where(wanted)
        return found

    return UniverseMask(rows=rows, key=_key(universe), before_where=before_where, key_before_where=key_before_where)


@lru_cache(maxsize=256)
def _key(universe: Universe) -> str:
    return "universe-" + hashlib.sha256(canonical_json(universe)).hexdigest()[:20]


def _without_where(universe: Universe, panels: Panels) -> tuple[Mask, str]:
    """Return mask and key. Lists of stock codes are applied at each run; all else is computed once and shared."""
    shared = msgspec.structs.replace(universe, stock_codes=None, exclude=None)
    restricts = any(value is not None for value in msgspec.structs.astuple(shared))
    shared_key = _key(shared) if restricts else "universe-all"
    codes = _listed.get(
        (panels.version, len(panels.instruments), universe.stock_codes, universe.exclude),
        lambda: _by_code(universe, panels.instruments),
    )

    def compute(wanted: slice) -> np.ndarray:
        mask = _present(panels, wanted)
        if restricts:
            mask &= _admitted(shared, row_attributes(panels, wanted))
        if shared.cap_groups is not None:
            mask &= in_cap_groups(shared.cap_groups, panels, wanted)
        return mask

    def rows(wanted: slice) -> np.ndarray:
        found = panels.scratch(shared_key, _BOOL, wanted, compute)
        return found if codes is None else found & codes

    return rows, shared_key if codes is None else _key(universe)


def _present(panels: Panels, rows: slice) -> np.ndarray:
    """Return where a stock has a close, carried over at most 60 rows, and is not delisted."""
    days = panels.days[rows]
    mask: np.ndarray = panels.panel("idle", rows) <= CARRY_ROWS
    delisted = panels.instruments.delisted_day
    for column in np.flatnonzero(delisted <= days[-1]) if len(days) else ():
        mask[days >= delisted[column], column] = False
    return mask


def _admitted(universe: Universe, attributes: RowAttributes) -> np.ndarray:
    """Return bool [rows, N] of what markets, kinds and sectors admit; a single row when nothing changes."""
    market, kind, sector = attributes.market, attributes.kind, attributes.sector
    if not market.strides[0] and not kind.strides[0] and not sector.strides[0]:
        market, kind, sector = market[:1], kind[:1], sector[:1]
    mask = np.ones(market.shape, np.bool_)
    for codes, names, allowed in (
        (market, attributes.markets, universe.markets),
        (kind, attributes.kinds, universe.kinds),
        (sector, attributes.sectors, universe.sectors),
    ):
        if allowed is not None:
            mask &= _among(codes, names, frozenset(allowed))
    if universe.exclude_sectors is not None:
        mask &= ~_among(sector, attributes.sectors, frozenset(universe.exclude_sectors))
    return mask


def _among(codes: np.ndarray, names: tuple[str, ...], allowed: frozenset[str]) -> np.ndarray:
    """Return whether each code is that of an allowed name; the code -1 (no name) is not."""
    table = np.array([*(name in allowed for name in names), False], np.bool_)
    found: np.ndarray = table[codes]
    return found


def in_cap_groups(groups: tuple[str, ...], panels: Panels, rows: slice) -> np.ndarray:
    """Return where MARKET_CAP lies in one of the groups of the stock's market."""
    cap, attributes = panels.panel("MARKET_CAP", rows), row_attributes(panels, rows)
    mask = np.zeros(cap.shape, np.bool_)
    for name in groups:
        group = CAP_GROUPS[name]
        of_market = _among(attributes.market, attributes.markets, frozenset([group.market]))
        mask |= of_market & (cap >= np.float32(group.lower)) & (cap < np.float32(group.upper))
    return mask


def _by_code(universe: Universe, instruments: Instruments) -> np.ndarray | None:
    """Return bool [N] of the columns that the lists of stock codes admit; None when they admit all."""
    mask = np.ones(len(instruments), np.bool_)
    if universe.stock_codes is not None:
        admitted = frozenset(universe.stock_codes)
        mask &= np.array([code in admitted for code in instruments.code], np.bool_)
    if universe.exclude is not None:
        excluded = frozenset(universe.exclude)
        mask &= np.array([code not in excluded for code in instruments.code], np.bool_)
    return None if mask.all() else mask
