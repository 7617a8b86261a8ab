"""Company caps: a company's profit belongs to all of its shares, so its cap is the sum over all of its instruments."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from shared.factors.declaration import Array
from shared.model.fields import NEVER_TRADED
from shared.model.instruments import Instruments
from shared.model.issuers import issuer_names

Group = tuple[int, ...]
"""Columns of one issuer in the order of their codes, which is the order of addition."""


def issuer_groups(instruments: Instruments) -> tuple[Group, ...]:
    """Return the columns of each issuer that has two or more instruments."""
    names = issuer_names(instruments)
    groups: dict[str, list[int]] = {}
    for column in instruments.by_code.tolist():
        groups.setdefault(names[column], []).append(column)
    return tuple(tuple(columns) for columns in groups.values() if len(columns) > 1)


def company_caps(groups: Sequence[Group], days: Array, delisted_day: Array, cap: Array, idle: Array) -> Array:
    """Return float64 [D, N]: the sum of the caps of each column's group, its own cap for a column without a group.

    days: int32 [D]; delisted_day: int32 [N]; cap, idle: [D, N]. An instrument counts from its first tradable row until
    it is delisted; the sum is NaN where one that counts has no cap, and on rows on which the column itself does not
    count.
    """
    caps = np.array(cap, np.float64)
    for group in groups:
        counts = {i: (idle[:, i] != NEVER_TRADED) & (days < delisted_day[i]) for i in group}
        total = np.zeros(len(days))
        for i in group:
            total += np.where(counts[i], cap[:, i], 0.0)
        for i in group:
            caps[:, i] = np.where(counts[i], total, np.nan)
    return caps
