"""Groups of variants that differ in numbers only, and their runs by the batch kernel.

1. Variants that read the same planes under the same rules form a group (`group_key`): free numbers of expressions
   (templates.py), levels, costs, sizes and cash may differ. What a run alone does before its first day (the plan, the
   checks, the coverage of factors) has one outcome for all of them.
2. A condition is divided into parts. The planes that they read are put into ranking order once, and shared by all
   processes of the host like every computed panel.
3. The kernel simulates the days of all variants and returns the sums of their figures.
"""

from __future__ import annotations

import ctypes
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from shared.errors import CancelledRunError
from shared.language import Role, vm
from shared.language.compiler import Plane, Program
from shared.language.evaluate import evaluate, evaluate_market, materialized_name, plane_reader
from shared.model.panels import Panels
from shared.model.request import BacktestRequest
from shared.simulation.benchmark import add_universe_returns
from shared.simulation.engine import Run, begin_run, coverage_of
from shared.simulation.native_inputs import options_of
from shared.simulation.plan import UNIVERSE_BENCHMARKS
from shared.simulation.ranking_cache import Ranking
from shared.simulation.statistics import DAYS_A_YEAR, Measures
from shared.simulation.structures import Block, address, matrix_view
from shared.simulation.templates import BOTH, Part, Slots, Template, template_of
from shared.simulation.variant_kernel import Conditions, FormulaUse, Variant, Window, run_batch

SLICE = 256
"""Variants that are computed between two polls for cancellation."""
KEPT_BYTES = 24 << 20
"""Memory for words of bits that several variants read."""

NO_FORMULA = FormulaUse(-1, 0)

Numbers = tuple[float, ...]


@dataclass(frozen=True, slots=True)
class Templates:
    """The expressions of a request but that of its universe, without free numbers; None where it has none."""

    buy: Template | None
    rank_by: Template
    sell: Template | None
    when: Template | None


@dataclass(frozen=True, slots=True)
class FreeNumbers:
    """The free numbers of the expressions of a request."""

    buy: Numbers
    rank_by: Numbers
    sell: Numbers


def split(request: BacktestRequest) -> tuple[Templates, FreeNumbers]:
    """Return the templates of a request and its numbers."""
    strategy = request.strategy

    def part(text: str | None, role: Role = "condition") -> tuple[Template | None, Numbers]:
        return (None, ()) if text is None else template_of(text, role)

    buy, sell = part(strategy.buy.where), part(strategy.sell.where)
    assert strategy.buy.rank_by is not None  # noqa: S101 - the canonical form has one
    rank_by = template_of(strategy.buy.rank_by, "number")
    when = part(strategy.portfolio.when, "market")
    return Templates(buy[0], rank_by[0], sell[0], when[0]), FreeNumbers(buy[1], rank_by[1], sell[1])


def group_key(request: BacktestRequest, templates: Templates) -> tuple[object, ...]:
    """Return everything that has to be equal for two requests over the same window to share a group."""
    strategy, costs, portfolio = request.strategy, request.costs, request.strategy.portfolio
    return (
        templates.buy, templates.rank_by, templates.sell, templates.when, strategy.universe, strategy.buy.order,
        portfolio.rebalance, portfolio.weighting, portfolio.max_per_sector is None, costs.impact is None,
        costs.tax_pct, request.execution.dividends, request.benchmark,
    )  # fmt: skip


class Group:
    """Variants with the same `group_key`, prepared once for all of them.

    Raises RunError as a run of any of the requests does.
    """

    def __init__(self, requests: Sequence[BacktestRequest], panels: Panels, threads: int) -> None:
        self.requests, self.panels, self.threads = requests, panels, threads
        self.run: Run = begin_run(requests[0], panels)
        self.rows = self.run.plan.decisions
        self.universe = self.run.universe.rows(self.rows)
        self.universe_view = matrix_view(self.universe, self.rows.start, np.bool_, self.columns)
        coverage = coverage_of(self.run)
        coverage.add(panels, self.run.universe, self.rows, self.universe_view)
        coverage.validate(panels, self.run.universe)
        self.conditions = Conditions(
            threads=threads, rows=self.rows.stop - self.rows.start, columns=self.columns
        )  # fmt: skip
        self.when: dict[str, np.ndarray] = {}
        self.ordered: dict[Plane, np.ndarray] = {}

    @property
    def columns(self) -> int:
        """Return the number of stocks."""
        return len(self.panels.instruments)

    @cached_property
    def ranking(self) -> Ranking | None:
        """Return the ranking whose order is kept; None when its values have no name."""
        rank_by, universe, panels = self.run.expressions.rank_by, self.run.universe, self.panels
        name = materialized_name(rank_by, universe.key)
        if name is None:
            return None

        def values(rows: slice) -> np.ndarray:  # refers to no group: a cycle would keep its panels mapped
            return evaluate(rank_by, panels, rows, universe.rows, universe.key)

        descending = self.requests[0].strategy.buy.order == "desc"
        return Ranking(panels=panels, name=name, descending=descending, values=values)

    @cached_property
    def benchmark(self) -> np.ndarray | None:
        """Return the daily returns of the benchmark."""
        found, plan = self.run.benchmark, self.run.plan
        if found is not None and self.requests[0].benchmark in UNIVERSE_BENCHMARKS:
            add_universe_returns(
                found.returns, self.run.inputs.market, self.universe_view, plan.window, plan.window,
                weighted=self.requests[0].benchmark == "market",
            )  # fmt: skip
        return None if found is None else np.ascontiguousarray(found.returns)

    def measures(self, window: Window, cancelled: Callable[[], bool]) -> tuple[list[Measures], np.ndarray]:
        """Simulate all variants; return what their statistics are made of, and their weekly returns."""
        numbers = [split(request)[1] for request in self.requests]
        templates = split(self.requests[0])[0]
        chosen = self._chosen(templates, numbers)
        block, keep_alive = self._block()
        uses = [self._formulas(templates, given, ordered=chosen is not None) for given in numbers]
        bound = self.conditions.bound(KEPT_BYTES)
        found: list[Measures] = []
        weekly = np.empty((len(self.requests), len(window.week_ends)), np.float32)
        for first in range(0, len(self.requests), SLICE):
            if cancelled():
                raise CancelledRunError("the variants were cancelled")
            indices = range(first, min(first + SLICE, len(self.requests)))
            options = [options_of(self.requests[k]) for k in indices]
            variants = (Variant * len(indices))(*(self._variant(k, block, uses[k]) for k in indices))
            for variant, k, option in zip(variants, indices, options, strict=True):
                variant.options = ctypes.addressof(option)
                if chosen is not None:
                    variant.chosen = bound.condition_address(chosen[k])
            sums, weeks = run_batch(
                variants, len(indices), bound, window,
                max_positions=max(option.max_positions for option in options), sectors=len(self.run.inputs.sectors),
            )  # fmt: skip
            weekly[first : first + len(indices)] = weeks
            found += [self._measures(self.requests[k], window, sums[k - first]) for k in indices]
        del keep_alive
        return found, weekly

    def _block(self) -> tuple[Block, Any]:
        """Return the days and decisions that all variants share, and what they read by address."""
        plan, run = self.run.plan, self.run
        block = Block(
            rebalance=address(run.rebalance, np.bool_), window=plan.window.start, start=plan.window.start,
            stop=plan.window.stop, decided=self.rows.start, when_first=self.rows.start, universe=self.universe_view,
        )  # fmt: skip
        order = None if self.ranking is None else self.ranking.order(self.rows)
        if order is not None:
            block.order = matrix_view(order, self.rows.start, np.uint16, self.columns)
        return block, order

    def _variant(self, k: int, block: Block, uses: dict[str, FormulaUse]) -> Variant:
        """Return a request as the kernel reads it, without its options and condition."""
        request, inputs, benchmark = self.requests[k], self.run.inputs, self.benchmark
        when = request.strategy.portfolio.when
        return Variant(
            market=ctypes.addressof(inputs.market),
            rules=ctypes.addressof(inputs.rules),
            block=ctypes.addressof(block),
            when=None if when is None else address(self._when(when), np.bool_),
            benchmark=None if benchmark is None else address(benchmark, np.float64),
            buy=uses.get("buy", NO_FORMULA),
            ranking=uses.get("rank_by", NO_FORMULA),
            sell=uses.get("sell", NO_FORMULA),
            initial_cash=request.initial_cash,
            daily_rf=request.risk_free_pct / 100 / DAYS_A_YEAR,
            sectors=len(inputs.sectors),
        )

    def _when(self, text: str) -> np.ndarray:
        """Return the truth of `portfolio.when` on each decision row."""
        if text not in self.when:
            expression = template_of(text, "market")[0].expression
            universe = self.run.universe
            values = evaluate_market(expression, self.panels, self.rows, universe.rows, universe.key)
            self.when[text] = np.ascontiguousarray(values)
        return self.when[text]

    # ---- expressions ----

    def _formulas(self, templates: Templates, given: FreeNumbers, *, ordered: bool) -> dict[str, FormulaUse]:
        """Return the formulas that a variant evaluates in the order of columns."""
        names = ("sell",) if ordered else ("buy", "rank_by", "sell")
        found = {}
        for name in names:
            template: Template | None = getattr(templates, name)
            if template is not None:
                program, slots = template.compiled("number" if name == "rank_by" else "condition")
                found[name] = self._use(name, template, program, slots, getattr(given, name))
        return found

    def _use(
        self,
        key: object,
        template: Template,
        program: Program,
        slots: Slots,
        numbers: Numbers,
        *,
        ordered: bool = False,
    ) -> FormulaUse:
        def bind() -> vm.Formula:
            read = self._reader(template)
            planes = [
                (self._ordered_plane(plane, template), 0) if ordered and not plane.series else read(plane, self.rows)
                for plane in program.planes
            ]
            return vm.bind(program, planes, self.rows, self.columns)

        return self.conditions.formula(key, bind, slots.filled(numbers))

    def _reader(self, template: Template) -> Callable[[Plane, slice], tuple[np.ndarray, int]]:
        universe = self.run.universe
        return plane_reader(self.panels, universe.rows, universe.key, template.expression.indices)

    # ---- conditions in ranking order ----

    def _chosen(self, templates: Templates, numbers: Sequence[FreeNumbers]) -> list[int] | None:
        """Return the number of the condition of each variant; None without an order."""
        if self.ranking is None:
            return None
        inside = self.ranking.ordered(
            self.rows, f"universe\0{self.run.universe.key}", np.dtype(np.bool_), self.run.universe.rows
        )
        view = matrix_view(self.conditions.keep(inside), self.rows.start, np.bool_, self.columns)
        universe = self.conditions.part("universe", "truth", values=view)
        found = []
        for given in numbers:
            code: tuple[int, ...] = (universe,)
            if templates.buy is not None:
                condition = templates.buy.condition
                parts = [
                    self._part(i, part, templates.buy, given.buy) for i, part in enumerate(condition.parts)
                ]  # fmt: skip
                code = (*(parts[i] if i >= 0 else i for i in condition.code), universe, BOTH)
            found.append(self.conditions.condition(code))
        return found

    def _part(self, index: int, part: Part, template: Template, numbers: Numbers) -> int:
        """Return the number of a part of a condition with these numbers."""
        if part.kind == "formula":
            use = self._use(("part", index), template, part.program, part.slots, numbers, ordered=True)
            return self.conditions.part(("formula", index, use.at), "formula", use=use)
        plane = part.program.planes[0]
        constant = 0.0 if "truth" in part.kind else part.slots.filled(numbers)[0] * part.factor
        key = (part.kind, plane, constant)
        if part.kind == "row_truth":
            values, _ = self._reader(template)(plane, self.rows)
            view = matrix_view(self.conditions.keep(values), self.rows.start, np.bool_, 1)
        else:
            values = self._ordered_plane(plane, template)
            view = matrix_view(values, self.rows.start, values.dtype, self.columns)
        return self.conditions.part(key, part.kind, values=view, constant=constant)

    def _ordered_plane(self, plane: Plane, template: Template) -> np.ndarray:
        """Return a plane of a program on the decision rows, in ranking order."""
        if plane not in self.ordered:
            assert self.ranking is not None  # noqa: S101 - only conditions in ranking order read ordered planes
            read, dtype = self._reader(template), vm.TYPES[plane.dtype]

            def values(rows: slice) -> np.ndarray:
                array, absent = read(plane, rows)
                if not absent:
                    return array
                return np.concatenate([np.full((absent, self.columns), np.nan, dtype), array])

            across = self.run.universe.key if plane.across else ""
            what = f"{plane.text}\0{plane.dtype}\0{plane.shift}\0{across}"
            self.ordered[plane] = self.ranking.ordered(self.rows, what, dtype, values)
        return self.ordered[plane]

    # ---- figures ----

    def _measures(self, request: BacktestRequest, window: Window, sums: Any) -> Measures:
        def known(value: float) -> float | None:
            return None if np.isnan(value) else value

        bought = sums.first_purchase
        return Measures(
            days=window.days[window.first : window.first + window.rows], initial_cash=request.initial_cash,
            last_equity=sums.last_equity, idle_days=window.rows if bought < 0 else bought - window.first,
            has_benchmark=self.benchmark is not None, curve=sums.curve, trips=sums.trips, ended=sums.ended,
            best_month=known(sums.best_month), worst_month=known(sums.worst_month), sales=sums.sales,
            commission=sums.commission, tax=sums.tax, slippage=sums.slippage, dividends=sums.dividends,
            fills=sums.fills, participation_median=known(sums.participation_median),
            participation_max=known(sums.participation_max),
        )  # fmt: skip
