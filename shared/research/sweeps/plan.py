"""From the body of a sweep to its plan, with every mistake reported at once and before any work.

Whether values can stand at their places is checked over the whole range: the backtest of the first values, and for each
parameter those with its extremes in its place (`Lattice.extremes`). Mistakes that concern several fields together
(`keep_rank` below `max_positions`) are mistakes of the sweep only when every one of these backtests has them; otherwise
the variants that have them fail alone.
"""

from __future__ import annotations

import datetime as dt
import hashlib
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import msgspec
import numpy as np

from shared.errors import Problem, RequestError
from shared.messages import say
from shared.model.request import BacktestRequest, canonical_json
from shared.model.suggestions import nearest
from shared.research.sweeps import sampling
from shared.research.sweeps.formula import Formula, read_formula
from shared.research.sweeps.lattice import Lattice, Value, lattice_of
from shared.research.sweeps.request import Objective, SweepBody
from shared.research.sweeps.space import Space
from shared.research.sweeps.template import Template, is_token, read_template
from shared.simulation.statistics import DATE_FIGURES
from shared.simulation.validation import MAX_NAMED, STANDARD_INDICES, contradictions, read_request
from shared.simulation.variants import FIGURES as ALL_FIGURES

FIGURES = tuple(name for name in ALL_FIGURES if name not in DATE_FIGURES)
"""Statistics that a sweep can be ranked and filtered by."""
MAX_TPE_RUNS = 5_000
PART_SIZES = (256, 1024)
"""Least and greatest number of variants of a part."""
PARTS = 8
"""Parts that a sweep has at least, as far as the least part size allows."""
BYTES_OF_A_FAILURE = 128
"""Stored bytes of the problem of a variant that failed; equal ones compress well."""


@dataclass(frozen=True, kw_only=True)
class SweepPlan:
    """A checked sweep: what it runs and how it is ranked."""

    body: SweepBody
    template: Template
    space: Space
    objective: Ranking
    indices: frozenset[str]

    @property
    def is_sequential(self) -> bool:
        """Return whether a part needs the results of the parts before."""
        return self.body.search.method == "tpe"

    @cached_property
    def points(self) -> np.ndarray:
        """Return int32 [variants, parameters]: the level numbers of every variant; not for tpe."""
        search = self.body.search
        match search.method:
            case "grid":
                return sampling.grid_points(self.space)
            case "random":
                return sampling.random_points(self.space, search.runs or 1, search.seed)
            case "sobol":
                return sampling.sobol_points(self.space, search.runs or 1, search.seed)
            case "lhs":
                return sampling.lhs_points(self.space, search.runs or 1, search.seed)
        raise ValueError("the points of tpe follow from its results")

    @cached_property
    def variants(self) -> int:
        """Return the number of variants; for tpe the most that there can be."""
        if self.is_sequential:
            return min(self.body.search.runs or 1, self.space.size)
        return len(self.points)

    def part_size(self, wanted: int | None = None) -> int:
        """Return the number of variants of a part."""
        if self.is_sequential:
            return self.body.search.batch
        least, most = PART_SIZES
        return wanted or max(least, min(most, -(-self.variants // PARTS)))

    def backtest(self, point: np.ndarray) -> dict[str, Any]:
        """Return the body of the backtest of a point, as `POST /v1/backtests` takes it."""
        return self.template.of(self.space.values(point.tolist()))

    def request(self, point: np.ndarray) -> BacktestRequest:
        """Return the canonical request of a point; raise RequestError with its mistakes."""
        found = read_request(self.backtest(point), self.indices)
        if found.problems or found.value is None:
            raise RequestError(found.problems)
        return found.value

    def stored_bytes(self, variants: int, days: int) -> int:
        """Return the most bytes that the parts of so many variants over so many trading days have."""
        weeks = days // 4 + 2 if self.body.keep.returns == "weekly" else 0
        return variants * (4 * len(self.space.lattices) + 8 * len(ALL_FIGURES) + 4 * weeks + BYTES_OF_A_FAILURE)


@dataclass(frozen=True)
class Ranking:
    """The order of variants: by a statistic, among those that meet a condition."""

    statistic: str
    descending: bool
    where: Formula | None

    def scores(self, columns: Mapping[str, np.ndarray]) -> np.ndarray:
        """Return float64 [n]: greater is better, NaN for a variant that is not ranked.

        `columns` are the statistics by name and the values of the parameters by `$name`.
        """
        value = columns[self.statistic]
        scores = value.copy() if self.descending else -value
        if self.where is not None:
            scores[~self.where.holds(columns)] = np.nan
        return scores


def digest_of(plan: SweepPlan, dataset: str) -> str:
    """Return the SHA-256 (hex) of everything that the table of a sweep follows from."""
    options = msgspec.to_builtins(plan.body)
    options.pop("research", None)
    options.pop("keep", None)
    # the order of the parameters is the order of the variants
    content = [options, list(plan.body.parameters), dataset, sorted(plan.indices)]
    return hashlib.sha256(canonical_json(content)).hexdigest()


def plan_sweep(
    body: SweepBody, indices: frozenset[str] = STANDARD_INDICES, problems: Sequence[Problem] = ()
) -> SweepPlan:
    """Return the plan of a body whose template has its strategy spelled out.

    Raises RequestError with every mistake, after those in `problems`.
    """
    found = list(problems)
    names = frozenset(body.parameters)
    template = read_template(body.template, names)
    found += [_within(problem) for problem in template.problems]
    whole = {use.name for use in template.uses if use.whole}
    lattices: dict[str, Lattice] = {}
    for name, parameter in body.parameters.items():
        path = f"parameters.{name}"
        lattice = lattice_of(parameter, path, whole=name in whole, problems=found)
        if name not in template.names:
            message = say("sweep_parameter_unused", name=name)
            found.append(Problem(path=path, message=message))
        if lattice is not None:
            lattices[name] = lattice
            if body.search.method == "grid" and not lattice.stepped:
                found.append(Problem(path=f"{path}.step", message=say("sweep_grid_step")))
    constraints = _formulas(body, names, found)
    ranking = _ranking(body.objective, names, found)
    held = _hold_out(body, found)
    template = replace(template, body=held)
    probed = {name: lattices.get(name) or _stand_in(body, name) for name in (*body.parameters, *template.names)}
    places = {(problem.path, problem.line, problem.column) for problem in found}
    problems = _range_problems(template, probed, indices)
    found += [problem for problem in problems if (problem.path, problem.line, problem.column) not in places]
    space = Space(lattices, tuple(constraints))
    plan = SweepPlan(body=body, template=template, space=space, objective=ranking, indices=indices)
    if not found:
        found += _search_problems(plan)
    if found:
        raise RequestError(found)
    return plan


def _stand_in(body: SweepBody, name: str) -> Lattice:
    """Return a value for a parameter whose own values have mistakes, so that the other places can be checked."""
    parameter = body.parameters.get(name)
    first = None if parameter is None else parameter.from_
    return Lattice((1 if first is None else first,))


def _within(problem: Problem) -> Problem:
    return replace(problem, path=f"template.{problem.path}" if problem.path else "template")


def _formulas(body: SweepBody, names: frozenset[str], problems: list[Problem]) -> list[Formula]:
    readable = frozenset(f"${name}" for name in names)
    found = []
    for index, text in enumerate(body.constraints):
        try:
            found.append(read_formula(text, readable, f"constraints[{index}]"))
        except RequestError as error:
            problems += error.problems
    return found


def _ranking(objective: Objective, names: frozenset[str], problems: list[Problem]) -> Ranking:
    field = "minimize" if objective.minimize is not None else "maximize"
    statistic = objective.minimize or objective.maximize or "sharpe"
    if objective.maximize is not None and objective.minimize is not None:
        problems.append(Problem(path="objective", message=say("sweep_objective_both")))
    if statistic not in FIGURES:
        near = nearest(statistic, FIGURES)
        message = say("unknown_name", name=statistic, suggestions=near, known=[] if near else list(FIGURES))
        problems.append(Problem(path=f"objective.{field}", message=message, suggestions=near))
    where = None
    if objective.where is not None:
        readable = frozenset(FIGURES) | {f"${name}" for name in names}
        try:
            where = read_formula(objective.where, readable, "objective.where")
        except RequestError as error:
            problems += error.problems
    return Ranking(statistic, field == "maximize", where)


def _hold_out(body: SweepBody, problems: list[Problem]) -> Mapping[str, Any]:
    """Return the template with the end before the holdout."""
    if body.holdout is None:
        return body.template
    start, end = (_date(body.template.get(name)) for name in ("start", "end"))
    first = body.holdout.from_
    if end is None:  # its own mistake
        return body.template
    if first > end:
        problems.append(Problem(path="holdout.from", message=say("sweep_holdout_empty", first=first, end=end)))
        return body.template
    if start is not None and first <= start:
        problems.append(Problem(path="holdout.from", message=say("sweep_holdout_all", first=first, start=start)))
        return body.template
    return {**body.template, "end": (first - dt.timedelta(days=1)).isoformat()}


def _date(value: Any) -> dt.date | None:
    try:
        return dt.date.fromisoformat(value)
    except (TypeError, ValueError):
        return None


def _range_problems(template: Template, lattices: Mapping[str, Lattice], indices: frozenset[str]) -> list[Problem]:
    """Return the mistakes that values of the parameters have at their places, at the places of the template."""
    first = {name: lattice.values[0] for name, lattice in lattices.items()}
    probes: list[tuple[str | None, dict[str, Value]]] = [(None, first)]
    problems: list[Problem] = []
    expressions = {use.name for use in template.uses if use.start is not None}
    for name, lattice in lattices.items():
        for value in lattice.extremes():
            if name in expressions and not is_token(value):
                path = f"parameters.{name}"
                problems.append(Problem(path=path, message=say("sweep_value_in_expression", value=_shown(value))))
            elif value != first[name] or isinstance(value, bool) != isinstance(first[name], bool):
                probes.append((name, first | {name: value}))
    if problems:
        return problems
    common: set[tuple[str, str]] | None = None
    seen: set[tuple[str, str]] = set()
    of_several: dict[tuple[str, str], Problem] = {}
    wrong: Counter[str | None] = Counter()
    for of, values in probes:
        if wrong[of] == MAX_NAMED:  # further values of the parameter would only repeat what is wrong
            continue
        found = read_request(template.of(values), indices)
        together = [] if found.value is None else list(contradictions(found.value))
        keys = {(problem.path, problem.code) for problem in together}
        of_several |= {(problem.path, problem.code): problem for problem in together}
        common = keys if common is None else common & keys
        own = [problem for problem in found.problems if (problem.path, problem.code) not in keys]
        wrong[of] += bool(own)
        for problem in template.original_problems(own, values):
            at = (problem.path, f"{problem.line} {problem.column} {problem.code}")
            if at not in seen:
                seen.add(at)
                problems.append(problem)
    problems += [of_several[key] for key in sorted(common or ())]
    return [_within(problem) for problem in problems]


def _shown(value: Value) -> str:
    return msgspec.json.encode(value).decode()


def _search_problems(plan: SweepPlan) -> list[Problem]:
    search = plan.body.search
    if search.method == "grid":
        if plan.space.size > sampling.MAX_GRID:
            message = say("sweep_grid_large", count=plan.space.size, limit=sampling.MAX_GRID)
            return [Problem(path="search.method", message=message)]
        if search.runs is not None and len(plan.points) > search.runs:
            return [
                Problem(path="search.runs", message=say("sweep_grid_runs", count=len(plan.points), runs=search.runs))
            ]
    elif search.runs is None:
        return [Problem(path="search.runs", message=say("sweep_runs_missing", method=search.method))]
    if plan.is_sequential and (search.runs or 0) > MAX_TPE_RUNS:
        message = say("out_of_range", value=search.runs, ge=1, gt=None, le=MAX_TPE_RUNS, lt=None)
        return [Problem(path="search.runs", message=message)]
    points = plan.points if not plan.is_sequential else sampling.random_points(plan.space, 1, search.seed)
    return [] if len(points) else [Problem(path="constraints", message=say("sweep_no_point"))]


class _Stored(msgspec.Struct):
    body: SweepBody
    indices: tuple[str, ...]


_STORED = msgspec.json.Decoder(_Stored)
"""Built at import: msgspec is not thread-safe while it prepares a type."""


def encode_plan(plan: SweepPlan) -> str:
    """Return the JSON from which `decode_plan` makes the same plan again; the parameters keep their order."""
    return msgspec.json.encode(_Stored(body=plan.body, indices=tuple(sorted(plan.indices)))).decode()


def decode_plan(text: str) -> SweepPlan:
    """Return the plan that `encode_plan` encoded."""
    stored = _STORED.decode(text)
    return plan_sweep(stored.body, frozenset(stored.indices))
