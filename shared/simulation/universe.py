"""Which stocks exist for a request on each row: the mask that selection, ranks and coverage run over."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass

import msgspec
import numpy as np

from shared.language import Expression
from shared.language.evaluate import evaluate
from shared.model.fields import CARRY_ROWS
from shared.model.instruments import Instruments
from shared.model.panels import Panels
from shared.model.request import Universe, canonical_json
from shared.simulation.memo import Kept
from shared.strategies.catalogue import CAP_GROUPS

Mask = Callable[[slice], np.ndarray]

_BOOL = np.dtype(np.bool_)
_columns: Kept[np.ndarray | None] = Kept(64)


@dataclass(frozen=True, kw_only=True)
class UniverseMask:
    """`rows(slice)` is bool [rows, N]; `before_where` the same without `universe.where`. The keys name the content
    (within one dataset version), so that what is computed over a universe can be shared under them."""

    rows: Mask
    key: str
    before_where: Mask
    key_before_where: str


def universe_rows(universe: Universe, panels: Panels, where: Expression | None) -> UniverseMask:
    """The mask of a canonical universe; `where` is its checked expression."""
    plain = msgspec.structs.replace(universe, where=None)
    before_where, key_before_where = _without_where(plain, panels)
    if where is None:
        return UniverseMask(
            rows=before_where, key=key_before_where, before_where=before_where, key_before_where=key_before_where
        )

    def rows(wanted: slice) -> np.ndarray:
        passed = evaluate(where, panels, wanted, before_where, key_before_where)
        found: np.ndarray = passed & before_where(wanted)
        return found

    return UniverseMask(rows=rows, key=_key(universe), before_where=before_where, key_before_where=key_before_where)


def _key(universe: Universe) -> str:
    return "universe-" + hashlib.sha256(canonical_json(universe)).hexdigest()[:20]


def _without_where(universe: Universe, panels: Panels) -> tuple[Mask, str]:
    """Lists of stocks are the user's own and applied at each run; all else is made once and shared."""
    listed = msgspec.structs.replace(universe, stock_codes=None, exclude=None)
    own = msgspec.structs.replace(Universe(markets=None), stock_codes=universe.stock_codes, exclude=universe.exclude)
    admitted = _admitted(listed, panels)
    chosen = _admitted(own, panels)
    shared_key = "universe-all" if admitted is None and listed.cap_groups is None else _key(listed)

    def make(wanted: slice) -> np.ndarray:
        mask = _present(panels, wanted)
        if admitted is not None:
            mask &= admitted
        if listed.cap_groups is not None:
            mask &= _in_groups(listed.cap_groups, panels, wanted)
        return mask

    def rows(wanted: slice) -> np.ndarray:
        found = panels.scratch(shared_key, _BOOL, wanted, make)
        return found if chosen is None else found & chosen

    return rows, shared_key if chosen is None else _key(universe)


def _present(panels: Panels, rows: slice) -> np.ndarray:
    """A close, carried over at most 60 rows, before the delisting."""
    days = panels.days[rows]
    mask: np.ndarray = panels.panel("idle", rows) <= CARRY_ROWS
    delisted = panels.instruments.delisted_day
    for column in np.flatnonzero(delisted <= days[-1]) if len(days) else ():
        mask[days >= delisted[column], column] = False
    return mask


def _in_groups(groups: tuple[str, ...], panels: Panels, rows: slice) -> np.ndarray:
    cap = panels.panel("MARKET_CAP", rows)
    market = np.array(panels.instruments.market)
    mask = np.zeros(cap.shape, np.bool_)
    for name in groups:
        group = CAP_GROUPS[name]
        mask |= (market == group.market) & (cap >= np.float32(group.lower)) & (cap < np.float32(group.upper))
    return mask


def _admitted(universe: Universe, panels: Panels) -> np.ndarray | None:
    """bool [N] of the columns that the lists admit; None when they admit all."""
    return _columns.get((panels.version, universe), lambda: _judge(universe, panels.instruments))


def _judge(universe: Universe, instruments: Instruments) -> np.ndarray | None:
    mask = np.ones(len(instruments), np.bool_)
    for allowed, have in (
        (universe.markets, instruments.market),
        (universe.sectors, instruments.sector),
        (universe.stock_codes, instruments.code),
    ):
        if allowed is not None:
            admitted = frozenset(allowed)
            mask &= np.array([value in admitted for value in have], np.bool_)
    if universe.exclude is not None:
        excluded = frozenset(universe.exclude)
        mask &= np.array([code not in excluded for code in instruments.code], np.bool_)
    return None if mask.all() else mask
