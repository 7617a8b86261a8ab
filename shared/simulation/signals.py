"""The decisions of a block of rows (universe, conditions, ranking), and how present their factors are."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np

from shared.errors import Problem, RunError
from shared.language import Expression
from shared.language.evaluate import evaluate
from shared.model.calendar import iso, years_of
from shared.model.panel import Panels
from shared.simulation.kernel import Plane, count_present, plane
from shared.simulation.plan import Expressions
from shared.simulation.universe import UniverseMask

FEW = 0.05
"""A factor present on a smaller part of the stocks and rows read is warned of."""

NO_PLANE = Plane(None, 0, 0)


@dataclass(frozen=True, kw_only=True)
class Signals:
    """Planes over decision rows [first, …): bool but `rank` (float32). The arrays keep their memory alive."""

    first: int
    universe: np.ndarray
    buy: np.ndarray | None
    rank: np.ndarray
    sell: np.ndarray | None

    def planes(self) -> tuple[Plane, Plane, Plane, Plane]:
        """(universe, buy, rank, sell) for the kernel."""
        columns = self.universe.shape[1]

        def condition(array: np.ndarray | None) -> Plane:
            return NO_PLANE if array is None else plane(array, self.first, np.bool_, columns)

        return (
            plane(self.universe, self.first, np.bool_, columns),
            condition(self.buy),
            plane(self.rank, self.first, np.float32, columns),
            condition(self.sell),
        )


def signals_of(
    expressions: Expressions,
    universe: UniverseMask,
    panels: Panels,
    rows: slice,
    cancelled: Callable[[], bool] | None = None,
) -> Signals:
    """The decisions of these rows; `cancelled` is asked while something long is computed."""

    def values(expression: Expression) -> np.ndarray:
        return evaluate(expression, panels, rows, universe.rows, universe.key, cancelled=cancelled)

    return Signals(
        first=rows.start,
        universe=universe.rows(rows),
        buy=None if expressions.buy is None else values(expressions.buy),
        rank=values(expressions.rank_by),
        sell=None if expressions.sell is None else values(expressions.sell),
    )


@dataclass(kw_only=True)
class _Count:
    path: str
    factor: str
    reach: int
    every_row: bool
    filtered: bool
    limit: int
    present: int = 0
    cells: int = 0


@dataclass(kw_only=True)
class Presence:
    """Counts, block by block, on which part of the stocks and rows that decide something each factor is present.

    Counting a factor ends as soon as it cannot be rare any more, so that the common case costs little.
    """

    counts: list[_Count]
    decides: np.ndarray = field(repr=False)  # bool [decision rows]: rows before a rebalance day
    first: int

    @classmethod
    def of(cls, expressions: Expressions, decides: np.ndarray, first: int, columns: int) -> Presence:
        """A count for each factor of each expression; buying reads the rows before rebalance days, selling all."""
        found: dict[tuple[str, bool, bool], _Count] = {}
        for path, expression in expressions.named():
            every_row, filtered = path.startswith("strategy.sell"), not path.startswith("strategy.universe")
            rows = len(decides) if every_row else int(np.count_nonzero(decides))
            for factor in sorted(expression.factors):
                count = _Count(
                    path=path, factor=factor, reach=expression.reach[factor], every_row=every_row, filtered=filtered,
                    limit=max(1, math.ceil(FEW * rows * columns)),
                )  # fmt: skip
                kept = found.setdefault((factor, every_row, filtered), count)
                kept.reach = max(kept.reach, count.reach)
        return cls(counts=list(found.values()), decides=decides, first=first)

    def add(self, panels: Panels, universe: UniverseMask, rows: slice, mask: Plane) -> None:
        """Counts the decision rows of a block."""
        flags = np.ascontiguousarray(self.decides[rows.start - self.first : rows.stop - self.first])
        everywhere = np.ones(len(flags), np.bool_)
        columns = len(panels.instruments)
        before_where: Plane | None = None
        for count in self.counts:
            if count.present >= count.limit:
                continue
            used = mask
            if not count.filtered and universe.before_where is not universe.rows:
                if before_where is None:
                    kept = universe.before_where(rows)
                    before_where = plane(kept, rows.start, np.bool_, columns)
                used = before_where
            values = plane(panels.panel(count.factor, rows), rows.start, np.float32, columns)
            present, cells = count_present(
                values,
                used,
                everywhere if count.every_row else flags,
                first=rows.start,
                columns=columns,
                limit=count.limit - count.present,
            )
            count.present += present
            count.cells += cells

    def judge(self, panels: Panels, universe: UniverseMask) -> list[str]:
        """Warnings about rare factors; raises RunError for a factor that no decision could read."""
        problems, warnings = [], []
        for count in self.counts:
            if not len(self.decides):
                break
            if not (count.every_row or self.decides.any()):
                continue
            if count.present == 0 and not self._present_before(count, panels, universe):
                problems.append(Problem(path=count.path, message=self._absent(count, panels)))
            elif count.present < min(count.limit, FEW * count.cells):
                part = 100 * count.present / count.cells
                warnings.append(
                    f"{count.factor} ({count.path}) is present on only {part:.2f} % of the "
                    f"stocks and rows that are read{self._reason(count.factor, panels)}"
                )
        if problems:
            raise RunError("factor_absent", "; ".join(p.message for p in problems), tuple(problems))
        return sorted(set(warnings))

    def _present_before(self, count: _Count, panels: Panels, universe: UniverseMask) -> bool:
        """Whether a window function reaches a value on a row before those that decide."""
        if not count.reach:
            return False
        last = self.first + len(self.decides)
        rows = slice(max(0, self.first - count.reach), last)
        decides = self.first + np.flatnonzero(np.ones_like(self.decides) if count.every_row else self.decides)
        wanted = np.arange(rows.start, last)
        following = np.append(decides, last + count.reach)[np.searchsorted(decides, wanted)]
        read = following - wanted <= count.reach
        mask = (universe.rows if count.filtered else universe.before_where)(rows)
        return bool((~np.isnan(panels.panel(count.factor, rows)) & mask)[read].any())

    def _absent(self, count: _Count, panels: Panels) -> str:
        first, last = (iso(int(panels.days[self.first + i])) for i in (0, len(self.decides) - 1))
        if count.cells == 0:
            return (
                f"the universe has no stock on any row from {first} to {last} that decides something, "
                f"so {count.factor} has no value; widen strategy.universe"
            )
        return (
            f"{count.factor} has no value for any stock of the universe on any row from {first} to {last} "
            f"that decides something{self._reason(count.factor, panels)}"
        )

    def _reason(self, factor: str, panels: Panels) -> str:
        reason = panels.absent_reason(factor) or self._reason_of_years(factor, panels)
        return f" ({reason})" if reason else ""

    def _reason_of_years(self, factor: str, panels: Panels) -> str | None:
        """The reason that holds in every calendar year of the decisions, None when some year has none."""
        years = np.unique(years_of(panels.days[self.first : self.first + len(self.decides)]))
        reasons = [panels.absent_reason(factor, int(year)) for year in years]
        known = [reason for reason in reasons if reason]
        span = str(years[0]) if len(years) == 1 else f"{years[0]} to {years[-1]}"
        return f"in {span}: {', '.join(dict.fromkeys(known))}" if len(known) == len(reasons) else None
