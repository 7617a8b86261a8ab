"""Figures of a factor within the stocks of a sector, a market or a cap group.

A stock belongs on a row to the group that it has on that row. The rank IC ranks the stocks of the group among each
other; the spread is between those of its stocks that are in the outer quantiles of the whole universe.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np

from shared.model.listings import row_attributes
from shared.model.panels import Panels
from shared.research.factor_reports.native import Ordered, Ranked, information_coefficients
from shared.research.factor_reports.options import LEAST_STOCKS
from shared.simulation.panel_scans import order_rows
from shared.simulation.universe import in_cap_groups
from shared.strategies.catalogue import CAP_GROUPS

Array = np.ndarray[Any, np.dtype[Any]]
By = Literal["sector", "market", "cap_group"]


@dataclass(kw_only=True)
class GroupRows:
    """Figures of a group at one horizon by row, [rows]; NaN is absent."""

    stocks: list[Array] = field(default_factory=list)
    rank_ic: list[Array] = field(default_factory=list)
    spread: list[Array] = field(default_factory=list)

    def whole(self, name: str) -> Array:
        """Return the figures of all rows."""
        return np.concatenate(getattr(self, name))


Groups = dict[tuple[By, str], dict[int, GroupRows]]
"""(breakdown, group) -> horizon -> figures."""


def members_of(by: By, panels: Panels, rows: slice) -> Iterator[tuple[str, Array]]:
    """Yield each group of a breakdown with bool [rows, N]: the stocks that it has on each row."""
    if by == "cap_group":
        for name in CAP_GROUPS:
            yield name, in_cap_groups((name,), panels, rows)
        return
    attributes = row_attributes(panels, rows)
    codes, names = (
        (attributes.sector, attributes.sectors) if by == "sector" else (attributes.market, attributes.markets)
    )
    for code, name in enumerate(names):
        yield name, codes == code


@dataclass(frozen=True, kw_only=True)
class _Part:
    """The stocks of a group on some rows; columns that it never has are left out."""

    columns: Array
    by_code: Array
    factor: Ordered
    buckets: Array

    @classmethod
    def of(cls, member: Array, ranked: Ranked, by_code: Array) -> _Part:
        """Return the part of a ranked factor; `by_code` are all columns in the order of stock codes."""
        columns = np.flatnonzero((member & (ranked.buckets > 0)).any(axis=0))
        position = np.full(member.shape[1], -1)
        position[columns] = np.arange(len(columns))
        order = position[by_code]
        order = order[order >= 0].astype(np.int32)
        inside = member[:, columns]
        values = np.where(inside, ranked.values[:, columns], np.float32(np.nan))
        buckets = np.where(inside, ranked.buckets[:, columns], np.uint8(0))
        return cls(columns=columns, by_code=order, factor=Ordered.by(values, order), buckets=buckets)

    def append(self, of: GroupRows, compared: Array, returns: Array, quantiles: int) -> None:
        """Append the figures for float32 [rows, N] returns; `compared` are those of the correlations."""
        mine = np.ascontiguousarray(compared[:, self.columns], np.float32)
        orders = order_rows(mine, self.by_code, descending=False)
        _, rank_ic, stocks = information_coefficients(self.factor, mine, orders, LEAST_STOCKS)
        of.rank_ic.append(rank_ic)
        of.stocks.append(stocks)
        plain = returns[:, self.columns]
        of.spread.append(_mean(plain, self.buckets == quantiles) - _mean(plain, self.buckets == 1))


def _mean(returns: Array, chosen: Array) -> Array:
    """Return float64 [rows]: the mean return of the chosen stocks that have one."""
    chosen = chosen & ~np.isnan(returns)
    counts = np.count_nonzero(chosen, axis=1)
    with np.errstate(invalid="ignore", divide="ignore"):
        found: Array = np.where(chosen, returns, 0).sum(axis=1, dtype=np.float64) / counts
    return found


def append_groups(  # noqa: PLR0917 - the groups, and the rows that they are of
    groups: Groups, breakdowns: tuple[By, ...], panels: Panels, rows: slice, ranked: Ranked,
    returns: dict[int, tuple[Array, Array]],
) -> None:  # fmt: skip
    """Append the figures of some rows; `returns`: horizon -> those of the correlations, and the plain ones."""
    for by in breakdowns:
        for name, member in members_of(by, panels, rows):
            part = _Part.of(member, ranked, panels.instruments.by_code)
            of = groups.setdefault((by, name), {horizon: GroupRows() for horizon in returns})
            for horizon, (compared, plain) in returns.items():
                if len(part.columns):
                    part.append(of[horizon], compared, plain, ranked.quantiles)
                else:
                    count = rows.stop - rows.start
                    of[horizon].stocks.append(np.zeros(count, np.int64))
                    of[horizon].rank_ic.append(np.full(count, np.nan))
                    of[horizon].spread.append(np.full(count, np.nan))
