"""The order of the stocks on each row by what strategies rank by, kept on the host for who asks again.

With it a day looks at the best few stocks only: it asks the condition for some of them at a time, until it has bought
what it wanted. Without it the condition is asked for the whole row, and the row's best are selected.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable

import numpy as np

from shared.model.panel import Panels
from shared.simulation.kernel import NOBODY, order_rows

_ORDER = np.dtype(np.uint16)
_VERSION = 1
"""Raised whenever the order of the same values changes."""
_KEPT = 4096
_asked: dict[tuple[str, str], None] = {}


def pays(name: str | None, panels: Panels) -> bool:
    """Whether a run shall have the order of what `name` names: asked once for each run.

    Sorting a row costs several times what selecting its best does, so it is done for the second run of a process.
    """
    if name is None or len(panels.instruments) >= NOBODY:
        return False
    if (panels.version, name) in _asked:
        return True
    if len(_asked) >= _KEPT:
        _asked.clear()
    _asked[panels.version, name] = None
    return False


def order(
    name: str, panels: Panels, rows: slice, values: Callable[[slice], np.ndarray], *, descending: bool
) -> np.ndarray:
    """uint16 [rows, N]: columns in ranking order, then NOBODY.

    `values` gives float32 [rows, N] of what `name` names, for any rows.
    """

    def make(year: slice) -> np.ndarray:
        by_code = np.argsort(panels.instruments.code_rank).astype(np.int32)
        return order_rows(values(year), by_code, descending=descending)

    made_of = f"order\0{_VERSION}\0{descending}\0{name}"
    return panels.scratch(hashlib.blake2b(made_of.encode(), digest_size=16).hexdigest(), _ORDER, rows, make)
