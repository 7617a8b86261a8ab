"""Factor coverage of a run: whether its decisions read values, or were silently false for want of data.

1. A factor without a value for any stock of the universe on any row that decides something is an error, and so is a
   window of an expression that no stock fills.
2. A factor that is present on few of the stocks and rows read is reported as scarce.
3. A factor without any value on a stretch of deciding rows is reported as a gap.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np

from shared.errors import Problem, RunError
from shared.language.evaluate import evaluate
from shared.messages import Message, joined, say
from shared.model.calendar import iso, years_of
from shared.model.panels import Panels
from shared.simulation.memo import Memo
from shared.simulation.panel_scans import count_present, rows_with_value
from shared.simulation.plan import Expressions
from shared.simulation.structures import MatrixView, matrix_view
from shared.simulation.universe import UniverseMask
from shared.simulation.window_coverage import unfilled_windows

SCARCE = 0.05
"""A factor present on a smaller part of the stocks and rows read is reported."""
GAP_ROWS = 20
"""Consecutive deciding rows without a value that are reported."""

_EVERY_ROW = ("strategy.sell", "strategy.portfolio")
_UNKNOWN, _ABSENT, _PRESENT = 2, 0, 1
_row_presence: Memo[np.ndarray] = Memo(128)
"""uint8 [D] of _ABSENT, _PRESENT, _UNKNOWN, by dataset version, universe, factor and lag."""
_complete: Memo[bool] = Memo(256)
"""Counts of runs, by everything that they depend on, in which no factor was absent, scarce or had a gap."""


@dataclass(frozen=True, kw_only=True)
class ScarceFactor:
    """A factor of an expression (`path`) that is present on a part (`coverage`, 0 to 1) of the stocks and rows read."""

    path: str
    factor: str
    coverage: float
    reason: str


@dataclass(frozen=True, kw_only=True)
class FactorGap:
    """Deciding rows, from dataset row `first` to `last`, on which no stock of the universe has a value of the factor.

    `decisions` is the number of deciding rows, `without_candidate` the number of those before a rebalance day on which
    no stock was a candidate.
    """

    path: str
    factor: str
    first: int
    last: int
    decisions: int
    without_candidate: int


@dataclass(frozen=True, kw_only=True)
class CoverageReport:
    """Findings about the factors of a run, by path and factor."""

    scarce: tuple[ScarceFactor, ...]
    gaps: tuple[FactorGap, ...]


@dataclass(kw_only=True)
class _Count:
    path: str
    factor: str
    reach: int
    min_lag: int
    every_row: bool
    filtered: bool
    limit: int
    present: int = 0
    cells: int = 0
    by_row: np.ndarray | None = None


@dataclass(kw_only=True)
class FactorCoverage:
    """Counts, block by block, of the stocks and rows on which each factor is present when a decision reads it.

    Counting a factor ends as soon as it cannot be scarce any more.
    """

    expressions: Expressions
    counts: list[_Count]
    decides: np.ndarray = field(repr=False)  # bool [decision rows]: rows before a rebalance day
    first: int
    is_complete: bool | None = None
    """Whether an earlier run has counted the same factors over the same rows without a finding."""

    @classmethod
    def of(cls, expressions: Expressions, decides: np.ndarray, first: int, columns: int) -> FactorCoverage:
        """Return a count for each factor of each expression. Buying reads the rows before rebalance days; selling and
        `when` read every row."""
        found: dict[tuple[str, bool, bool], _Count] = {}
        for path, expression in expressions.named():
            every_row, filtered = path.startswith(_EVERY_ROW), not path.startswith("strategy.universe")
            rows = len(decides) if every_row else int(np.count_nonzero(decides))
            for factor in sorted(expression.factors):
                count = _Count(
                    path=path, factor=factor, reach=expression.reach[factor], min_lag=expression.nearest[factor],
                    every_row=every_row, filtered=filtered, limit=max(1, math.ceil(SCARCE * rows * columns)),
                )  # fmt: skip
                kept = found.setdefault((factor, every_row, filtered), count)
                kept.reach, kept.min_lag = max(kept.reach, count.reach), min(kept.min_lag, count.min_lag)
        return cls(expressions=expressions, counts=list(found.values()), decides=decides, first=first)

    def add(self, panels: Panels, universe: UniverseMask, rows: slice, mask: MatrixView) -> None:
        """Count the decision rows of a block; `mask` is the universe on them."""
        if self.is_complete is None:
            self.is_complete = _complete.contains(self._key(panels, universe))
        if self.is_complete:
            return
        flags = np.ascontiguousarray(self.decides[rows.start - self.first : rows.stop - self.first])
        everywhere = np.ones(len(flags), np.bool_)
        columns = len(panels.instruments)
        before_where: tuple[np.ndarray, MatrixView] | None = None
        for count in self.counts:
            used = mask
            if not count.filtered and universe.before_where is not universe.rows:
                if before_where is None:
                    array = universe.before_where(rows)
                    before_where = array, matrix_view(array, rows.start, np.bool_, columns)
                used = before_where[1]
            # Shift by `min_lag`: coverage is counted on the reading row; rows before the dataset are absent.
            first = min(max(rows.start, count.min_lag), rows.stop)
            source = slice(first - count.min_lag, rows.stop - count.min_lag)
            if source.stop > source.start:
                panel = panels.panel(count.factor, source)
                values = matrix_view(panel, first, np.float32, columns)
                self._mark_rows(count, panels, universe, values, used, slice(first, rows.stop))
            if count.present >= count.limit:
                continue
            counted = everywhere if count.every_row else flags
            if source.stop > source.start:
                present, cells = count_present(
                    values, used, np.ascontiguousarray(counted[first - rows.start :]), first=first, columns=columns,
                    limit=count.limit - count.present,
                )  # fmt: skip
                count.present += present
                count.cells += cells
            if first > rows.start:
                inside = (universe.rows if count.filtered else universe.before_where)(slice(rows.start, first))
                count.cells += int(np.count_nonzero(inside[counted[: len(inside)]]))

    def _key(self, panels: Panels, universe: UniverseMask) -> tuple[object, ...]:
        """Return everything that the counts depend on."""
        read = tuple((c.factor, c.reach, c.min_lag, c.every_row, c.filtered) for c in self.counts)
        days, flags = len(panels.days), self.decides.tobytes()
        return (panels.version, days, universe.key, universe.key_before_where, self.first, flags, read)

    def _presence(self, count: _Count, panels: Panels, universe: UniverseMask) -> np.ndarray:
        """Return the shared uint8 [D] of what is known of the rows of a factor."""
        if count.by_row is not None:
            return count.by_row
        key = universe.key if count.filtered else universe.key_before_where
        days = len(panels.days)

        def unknown() -> np.ndarray:
            found = np.full(days, _UNKNOWN, np.uint8)
            found[: count.min_lag] = _ABSENT
            return found

        count.by_row = _row_presence.get((panels.version, days, key, count.factor, count.min_lag), unknown)
        return count.by_row

    def _mark_rows(  # noqa: PLR0917 - the views of one block
        self, count: _Count, panels: Panels, universe: UniverseMask, values: MatrixView, mask: MatrixView, rows: slice
    ) -> None:
        """Find out on which of these rows the factor has a value, where that is not known yet."""
        known = self._presence(count, panels, universe)
        if known[rows].max(initial=0) == _UNKNOWN:
            known[rows] = rows_with_value(
                values, mask, first=rows.start, count=rows.stop - rows.start, columns=len(panels.instruments)
            )

    def validate(self, panels: Panels, universe: UniverseMask) -> CoverageReport:
        """Return scarce factors and gaps.

        Raises RunError (`factor_absent`) for a factor that no decision could read and a window that no stock fills.
        """
        if not len(self.decides):
            return CoverageReport(scarce=(), gaps=())
        problems: list[Problem] = []
        scarce: list[ScarceFactor] = []
        gaps: list[FactorGap] = []
        for count in () if self.is_complete else self.counts:
            if not (count.every_row or self.decides.any()):
                continue
            if count.present == 0 and not self._present_before(count, panels, universe):
                problems.append(Problem(path=count.path, message=self._absent(count, panels)))
                continue
            if count.present < min(count.limit, SCARCE * count.cells):
                part, reason = count.present / count.cells, self._reason(count.factor, panels)
                scarce.append(ScarceFactor(path=count.path, factor=count.factor, coverage=part, reason=reason))
            gaps += self._gaps(count, panels, universe)
        if not problems:
            problems += unfilled_windows(
                self.expressions, panels, universe, self.first, self.decides, every_row=_EVERY_ROW
            )
        if problems:
            raise RunError("factor_absent", joined(p.message for p in problems), tuple(problems))
        if not self.is_complete and not scarce and not gaps:
            _complete.get(self._key(panels, universe), lambda: True)
        return CoverageReport(scarce=tuple(scarce), gaps=tuple(gaps))

    def _deciding(self, count: _Count) -> np.ndarray:
        """Return the dataset rows on which the factor's expression decides."""
        flags = np.ones_like(self.decides) if count.every_row else self.decides
        found: np.ndarray = self.first + np.flatnonzero(flags)
        return found

    def _gaps(self, count: _Count, panels: Panels, universe: UniverseMask) -> Iterator[FactorGap]:
        presence = self._presence(count, panels, universe)[self.first : self.first + len(self.decides)]
        if presence.min(initial=_PRESENT) == _PRESENT:
            return
        rows = self._deciding(count)
        absent = np.concatenate([[0], presence[rows - self.first] == _ABSENT, [0]])
        edges = np.flatnonzero(np.diff(absent))
        for start, stop in zip(edges[::2].tolist(), edges[1::2].tolist(), strict=True):
            if stop - start < GAP_ROWS:
                continue
            first, last = int(rows[start]), int(rows[stop - 1])
            yield FactorGap(
                path=count.path, factor=count.factor, first=first, last=last, decisions=stop - start,
                without_candidate=self._without_candidate(panels, universe, slice(first, last + 1)),
            )  # fmt: skip

    def found_candidates(self, panels: Panels, universe: UniverseMask) -> bool:
        """Return whether some stock was a candidate on a row before a rebalance day."""
        rows = slice(self.first, self.first + len(self.decides))
        return self._without_candidate(panels, universe, rows) < int(np.count_nonzero(self.decides))

    def _without_candidate(self, panels: Panels, universe: UniverseMask, rows: slice) -> int:
        """Return on how many of these rows, among those before a rebalance day, no stock was a candidate."""
        candidates = universe.rows(rows).copy()
        for expression in (self.expressions.buy, self.expressions.rank_by):
            if expression is not None:
                values = evaluate(expression, panels, rows, universe.rows, universe.key)
                candidates &= values if expression.role == "condition" else ~np.isnan(values)
        flags = self.decides[rows.start - self.first : rows.stop - self.first]
        return int(np.count_nonzero(flags & ~candidates.any(axis=1)))

    def _present_before(self, count: _Count, panels: Panels, universe: UniverseMask) -> bool:
        """Return whether a window function reaches a value on a row before those that decide."""
        if count.reach == count.min_lag:
            return False
        last = self.first + len(self.decides)
        rows = slice(max(0, self.first - count.reach), max(last - count.min_lag, 0))
        read_rows = np.arange(rows.start, rows.stop)
        deciding = np.append(self._deciding(count), last + count.reach)
        following = deciding[np.searchsorted(deciding[:-1], read_rows + count.min_lag)]
        read = following - read_rows <= count.reach
        mask = (universe.rows if count.filtered else universe.before_where)(rows)
        return bool((~np.isnan(panels.panel(count.factor, rows)) & mask)[read].any())

    def _absent(self, count: _Count, panels: Panels) -> Message:
        first, last = (iso(int(panels.days[self.first + i])) for i in (0, len(self.decides) - 1))
        if count.cells == 0:
            return say("universe_empty", first=first, last=last, factor=count.factor)
        reason = self._reason(count.factor, panels).strip(" ()")
        return say("factor_without_values", first=first, last=last, factor=count.factor, reason=reason)

    def _reason(self, factor: str, panels: Panels) -> str:
        reason = panels.absent_reason(factor) or self._reason_of_years(factor, panels)
        return f" ({reason})" if reason else ""

    def _reason_of_years(self, factor: str, panels: Panels) -> str | None:
        """Return the reason that holds in every calendar year of the decisions, None when some year has none."""
        years = np.unique(years_of(panels.days[self.first : self.first + len(self.decides)]))
        reasons = [panels.absent_reason(factor, int(year)) for year in years]
        known = [reason for reason in reasons if reason]
        span = str(years[0]) if len(years) == 1 else f"{years[0]} to {years[-1]}"
        return f"in {span}: {', '.join(dict.fromkeys(known))}" if len(known) == len(reasons) else None
