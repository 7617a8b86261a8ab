"""Cache of per-day stock rankings, shared by all processes of a host.

With a cached order the day loop reads the best few stocks only: it evaluates the condition for a batch of them at a
time, until it has bought what it wanted. Without one the condition is evaluated for the whole row, and the row's best
are selected. For a condition that is used often, the candidates (stocks of the universe that fulfil it) are cached in
ranking order.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from enum import IntEnum

import numpy as np

from shared.language import Expression
from shared.language.evaluate import KERNEL_VERSION
from shared.model.panels import Panels
from shared.simulation.panel_scans import filter_ranked, order_cells, order_rows
from shared.simulation.structures import NO_COLUMN

Rows = Callable[[slice], np.ndarray]

MIN_USES_ORDER = 2
"""Runs of a process before an order is cached: sorting a row costs several times what selecting its best does."""
MIN_USES_CANDIDATES = 8
"""Runs of a process before candidates are cached: evaluating a condition for every stock costs what it saves in so
many runs."""

_ORDER = np.dtype(np.uint16)
_VERSION = 1
"""Raised whenever the order of the same values changes."""
_MAX_COUNTED = 4096
_uses: dict[tuple[str, str], int] = {}


class RankingLevel(IntEnum):
    """What is cached of a run's ranking."""

    NOTHING = 0
    ORDER = 1
    CANDIDATES = 2


def ranking_level(name: str | None, buy: Expression | None, universe_key: str, panels: Panels) -> RankingLevel:
    """Choose the cache level of a run that ranks by the values called `name` (None: they have no name).

    Call it once per run: it counts uses.
    """
    if name is None or len(panels.instruments) >= NO_COLUMN or count_uses(name, panels) < MIN_USES_ORDER:
        return RankingLevel.NOTHING
    if count_uses(_candidates_name(name, buy, universe_key), panels) < MIN_USES_CANDIDATES:
        return RankingLevel.ORDER
    return RankingLevel.CANDIDATES


def count_uses(name: str, panels: Panels) -> int:
    """Count a use of a name and return how many runs of this process have used it."""
    count = _uses.get((panels.version, name), 0) + 1
    if len(_uses) >= _MAX_COUNTED and count == 1:
        _uses.clear()
    _uses[panels.version, name] = count
    return count


@dataclass(frozen=True, kw_only=True)
class Ranking:
    """Values that stocks are ranked by: `values` gives float32 [rows, N] of what `name` names, for any rows."""

    panels: Panels
    name: str
    descending: bool
    values: Rows

    def order(self, rows: slice) -> np.ndarray:
        """Return uint16 [rows, N]: columns in ranking order, then NO_COLUMN."""

        def compute(year: slice) -> np.ndarray:
            return order_rows(self.values(year), self.panels.instruments.by_code, descending=self.descending)

        return self._cached("order", self.name, rows, compute)

    def candidates(self, rows: slice, buy: Expression | None, universe_key: str, passed: Rows) -> np.ndarray:
        """Return uint16 [rows, N]: the columns that have passed in ranking order, then NO_COLUMN.

        `passed` gives bool [rows, N], the universe's stocks that fulfil `buy` (None: all), for any rows.
        """

        def compute(year: slice) -> np.ndarray:
            return filter_ranked(self.order(year), passed(year))

        return self._cached("candidates", _candidates_name(self.name, buy, universe_key), rows, compute)

    def ordered(self, rows: slice, what: str, dtype: np.dtype, values: Rows) -> np.ndarray:
        """Return [rows, N]: the cells of a matrix in ranking order, NaN or False where the order has no column.

        `values` gives [rows, N] of what `what` names, for any rows.
        """

        def compute(year: slice) -> np.ndarray:
            return order_cells(values(year), self.order(year))

        return self._cached("ordered", f"{self.name}\0{what}", rows, compute, dtype)

    def _cached(self, kind: str, what: str, rows: slice, compute: Rows, dtype: np.dtype = _ORDER) -> np.ndarray:
        content = f"{kind}\0{_VERSION}\0{KERNEL_VERSION}\0{self.descending}\0{what}"
        key = hashlib.blake2b(content.encode(), digest_size=16).hexdigest()
        return self.panels.scratch(key, dtype, rows, compute)


def _candidates_name(name: str, buy: Expression | None, universe_key: str) -> str:
    return f"{name}\0{'' if buy is None else buy.text}\0{universe_key}"
