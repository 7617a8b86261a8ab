"""The decisions of a block of rows (universe, conditions, ranking), and how present their factors are."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial

import numpy as np

from shared.errors import Problem, RunError
from shared.language import Expression
from shared.language.evaluate import evaluate, formula, materialized_name
from shared.language.vm import Formula
from shared.model.calendar import iso, years_of
from shared.model.panels import Panels
from shared.simulation.native import Block, Plane, asked, count_present, plane
from shared.simulation.plan import Expressions
from shared.simulation.ranking_cache import Keeping, Ranking
from shared.simulation.universe import UniverseMask

FEW = 0.05
"""A factor present on a smaller part of the stocks and rows read is warned of."""


@dataclass(frozen=True, kw_only=True)
class Signals:
    """What decides rows [first, …). The arrays and formulas keep their memory alive."""

    first: int
    universe: np.ndarray
    """bool [rows, N]."""
    buy: Formula | None
    rank: np.ndarray | Formula
    """float32 [rows, N] where it lies in memory."""
    order: np.ndarray | None
    """uint16 [rows, N], see `orders`."""
    sieved: bool
    """The order has candidates only, and `buy` is not asked."""
    sell: Formula | None

    def put_into(self, block: Block) -> None:
        """Gives a block its signals; they have to outlive it."""
        columns = self.universe.shape[1]
        block.universe = plane(self.universe, self.first, np.bool_, columns)
        block.buy, block.sell = asked(self.buy, 1), asked(self.sell, 1)
        if isinstance(self.rank, Formula):
            block.ranking = asked(self.rank, 4)
        else:
            block.rank = plane(self.rank, self.first, np.float32, columns)
        if self.order is not None:
            block.order = plane(self.order, self.first, np.uint16, columns)
        block.sieved = self.sieved


def signals_of(
    expressions: Expressions,
    universe: UniverseMask,
    panels: Panels,
    rows: slice,
    *,
    descending: bool,
    keeping: Keeping,
    cancelled: Callable[[], bool] | None = None,
) -> Signals:
    """The decisions of these rows with what is kept for them; `cancelled` is asked while something long is made."""

    def ask(expression: Expression) -> Formula:
        return formula(expression, panels, rows, universe.rows, universe.key, cancelled=cancelled)

    def values(expression: Expression, rows: slice) -> np.ndarray:
        return evaluate(expression, panels, rows, universe.rows, universe.key, cancelled=cancelled)

    rank_by, buy = expressions.rank_by, expressions.buy
    name = materialized_name(rank_by, universe.key)
    order = None
    if name is not None and keeping is not Keeping.NOTHING:
        ranking = Ranking(panels=panels, name=name, descending=descending, values=partial(values, rank_by))
        if buy is None or keeping is Keeping.ORDER:
            order = ranking.order(rows)
        else:
            condition = partial(values, buy)
            order = ranking.candidates(rows, buy, universe.key, lambda year: condition(year) & universe.rows(year))
    return Signals(
        first=rows.start,
        universe=universe.rows(rows),
        buy=None if buy is None or keeping is Keeping.CANDIDATES else ask(buy),
        rank=ask(rank_by) if name is None else values(rank_by, rows),
        order=order,
        sieved=keeping is Keeping.CANDIDATES,
        sell=None if expressions.sell is None else ask(expressions.sell),
    )


@dataclass(frozen=True, kw_only=True)
class ScarceFactor:
    """A factor of an expression (`path`) that is present on a part (`coverage`, 0 to 1) of the stocks and rows read."""

    path: str
    factor: str
    coverage: float
    reason: str


@dataclass(kw_only=True)
class _Count:
    path: str
    factor: str
    reach: int
    nearest: int
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
                    path=path, factor=factor, reach=expression.reach[factor], nearest=expression.nearest[factor],
                    every_row=every_row, filtered=filtered, limit=max(1, math.ceil(FEW * rows * columns)),
                )  # fmt: skip
                kept = found.setdefault((factor, every_row, filtered), count)
                kept.reach, kept.nearest = max(kept.reach, count.reach), min(kept.nearest, count.nearest)
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
            counted = everywhere if count.every_row else flags
            # what is read `nearest` rows back is looked at in the row that reads it; before the first row is nothing
            first = max(rows.start, count.nearest)
            back = slice(first - count.nearest, max(rows.stop - count.nearest, first - count.nearest))
            values = plane(panels.panel(count.factor, back), first, np.float32, columns)
            present, cells = count_present(
                values,
                used,
                np.ascontiguousarray(counted[first - rows.start :]),
                first=first,
                columns=columns,
                limit=count.limit - count.present,
            )
            if first > rows.start:
                early = slice(rows.start, min(first, rows.stop))
                inside = (universe.rows if count.filtered else universe.before_where)(early)
                cells += int(np.count_nonzero(inside[counted[: len(inside)]]))
            count.present += present
            count.cells += cells

    def judge(self, panels: Panels, universe: UniverseMask) -> list[ScarceFactor]:
        """Return the scarce factors; raise RunError for a factor that no decision could read."""
        problems, scarce = [], []
        for count in self.counts:
            if not len(self.decides):
                break
            if not (count.every_row or self.decides.any()):
                continue
            if count.present == 0 and not self._present_before(count, panels, universe):
                problems.append(Problem(path=count.path, message=self._absent(count, panels)))
            elif count.present < min(count.limit, FEW * count.cells):
                part, reason = count.present / count.cells, self._reason(count.factor, panels)
                scarce.append(ScarceFactor(path=count.path, factor=count.factor, coverage=part, reason=reason))
        if problems:
            raise RunError("factor_absent", "; ".join(p.message for p in problems), tuple(problems))
        return scarce

    def _present_before(self, count: _Count, panels: Panels, universe: UniverseMask) -> bool:
        """Whether a window function reaches a value on a row before those that decide."""
        if count.reach == count.nearest:
            return False
        last = self.first + len(self.decides)
        rows = slice(max(0, self.first - count.reach), max(last - count.nearest, 0))
        decides = self.first + np.flatnonzero(np.ones_like(self.decides) if count.every_row else self.decides)
        wanted = np.arange(rows.start, rows.stop)
        following = np.append(decides, last + count.reach)[np.searchsorted(decides, wanted + count.nearest)]
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
