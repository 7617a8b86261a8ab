"""What strategies rank by, as the order of the stocks on each row, kept on the host for who asks again.

With an order a day looks at the best few stocks only: it asks the condition for some of them at a time, until it has
bought what it wanted. Without one the condition is asked for the whole row, and the row's best are selected. For a
condition that is asked often the order keeps none but its candidates: who is in the universe and fulfils it.
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
from shared.simulation.native import NOBODY, order_rows, sieve_rows

Rows = Callable[[slice], np.ndarray]

AGAIN = 2
"""Sorting a row costs several times what selecting its best does, so it is done for the second run of a process."""
OFTEN = 8
"""Asking a condition for every stock costs what it saves in so many runs."""

_ORDER = np.dtype(np.uint16)
_VERSION = 1
"""Raised whenever the order of the same values changes."""
_KEPT = 4096
_asked: dict[tuple[str, str], int] = {}


class Keeping(IntEnum):
    """What a run has of its ranking."""

    NOTHING = 0
    ORDER = 1
    CANDIDATES = 2


def keeping(name: str | None, buy: Expression | None, universe_key: str, panels: Panels) -> Keeping:
    """What pays for a run that ranks by what `name` names: asked once for each run."""
    if name is None or len(panels.instruments) >= NOBODY or _asks(name, panels) < AGAIN:
        return Keeping.NOTHING
    if buy is None or _asks(_name_of_candidates(name, buy, universe_key), panels) < OFTEN:
        return Keeping.ORDER
    return Keeping.CANDIDATES


def _asks(name: str, panels: Panels) -> int:
    """How many runs of this process have asked for it, this one included."""
    count = _asked.get((panels.version, name), 0) + 1
    if len(_asked) >= _KEPT and count == 1:
        _asked.clear()
    _asked[panels.version, name] = count
    return count


@dataclass(frozen=True, kw_only=True)
class Ranking:
    """What is ranked by: `values` gives float32 [rows, N] of what `name` names, for any rows."""

    panels: Panels
    name: str
    descending: bool
    values: Rows

    def order(self, rows: slice) -> np.ndarray:
        """uint16 [rows, N]: columns in ranking order, then NOBODY."""

        def make(year: slice) -> np.ndarray:
            return order_rows(self.values(year), self.panels.instruments.by_code, descending=self.descending)

        return self._kept("order", self.name, rows, make)

    def candidates(self, rows: slice, buy: Expression, universe_key: str, passed: Rows) -> np.ndarray:
        """uint16 [rows, N]: the columns that have passed in ranking order, then NOBODY.

        `passed` gives bool [rows, N], the universe's stocks that fulfil `buy`, for any rows.
        """

        def make(year: slice) -> np.ndarray:
            return sieve_rows(self.order(year), passed(year))

        return self._kept("candidates", _name_of_candidates(self.name, buy, universe_key), rows, make)

    def _kept(self, kind: str, what: str, rows: slice, make: Rows) -> np.ndarray:
        made_of = f"{kind}\0{_VERSION}\0{KERNEL_VERSION}\0{self.descending}\0{what}"
        return self.panels.scratch(hashlib.blake2b(made_of.encode(), digest_size=16).hexdigest(), _ORDER, rows, make)


def _name_of_candidates(name: str, buy: Expression, universe_key: str) -> str:
    return f"{name}\0{buy.text}\0{universe_key}"
