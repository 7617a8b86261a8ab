"""From the body of a walk-forward to its plan: the sweep of each run, and the numbers of its variants.

Runs are numbered: the train and the test of window 0, those of window 1, …, and the train of the values to trade next.
Variant v of run r has the number `r * variants + v` in the parts that are leased; one last part without variants
chooses, and simulates the stitched account.
"""

from __future__ import annotations

import datetime as dt
import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

import msgspec
import numpy as np

from shared.errors import Problem, RequestError
from shared.messages import say
from shared.model.request import MAX_POSITIONS, canonical_json
from shared.research.ledger.trials import digest_of as digest_of_content
from shared.research.sweeps.plan import SweepPlan, plan_sweep
from shared.research.sweeps.request import Keep, SweepBody
from shared.research.walk_forward.request import WalkForwardBody
from shared.research.walk_forward.windows import divide, has_holes
from shared.simulation.computing_cost import result_bytes_of_trades

Kind = Literal["train", "test"]
_NO_RETURNS = Keep(returns="none")


class Dates(msgspec.Struct, frozen=True):
    """First and last day of a run, and its number of rows."""

    start: dt.date
    end: dt.date
    rows: int


class WindowDates(msgspec.Struct, frozen=True):
    """The days of a window."""

    train: Dates
    test: Dates


@dataclass(frozen=True, kw_only=True)
class WalkForwardPlan:
    """A checked walk-forward."""

    body: WalkForwardBody
    sweep: SweepPlan
    """The sweep of all days, whose points are those of every run."""
    windows: tuple[WindowDates, ...]
    next_train: Dates

    @property
    def variants(self) -> int:
        """Return the number of variants of a run."""
        return self.sweep.variants

    @property
    def runs(self) -> int:
        """Return the number of runs: a train and a test for each window, and the train of the next values."""
        return 2 * len(self.windows) + 1

    @property
    def next_run(self) -> int:
        """Return the number of the train of the values to trade next."""
        return 2 * len(self.windows)

    @property
    def rows(self) -> int:
        """Return the rows of all runs together."""
        return self.next_train.rows + sum(window.train.rows + window.test.rows for window in self.windows)

    def run_of(self, window: int, kind: Kind) -> int:
        """Return the number of the train or test run of a window; windows count from 0."""
        return 2 * window + (kind == "test")

    def dates(self, run: int) -> Dates:
        """Return first and last day of a run by its number."""
        if run == self.next_run:
            return self.next_train
        window = self.windows[run // 2]
        return window.test if run % 2 else window.train

    def stored_bytes(self, days: int) -> int:
        """Return the most bytes that the parts have: the tables of all runs, and the account over so many days."""
        portfolio = self.sweep.template.body.get("strategy", {}).get("portfolio") or {}
        positions = portfolio.get("max_positions", 0)
        trades = 2 * days * (positions if isinstance(positions, int) and positions > 0 else MAX_POSITIONS)
        tables = sum(self.sweep.stored_bytes(self.variants, self.dates(run).rows) for run in range(self.runs))
        return tables + result_bytes_of_trades(days, trades)

    def run(self, run: int) -> SweepPlan:
        """Return the sweep of a run: that of all days, over its own."""
        return self.over(self.dates(run))

    def over(self, dates: Dates) -> SweepPlan:
        """Return the sweep over other days."""
        template = self.sweep.template
        body = {**template.body, "start": dates.start.isoformat(), "end": dates.end.isoformat()}
        return replace(self.sweep, template=replace(template, body=body))

    def tested(self) -> Dates:
        """Return the days from the first to the last test."""
        rows = sum(window.test.rows for window in self.windows)
        return Dates(start=self.windows[0].test.start, end=self.windows[-1].test.end, rows=rows)

    def parts(self, wanted: int | None = None) -> tuple[list[int], list[int]]:
        """Return the first number and the number of variants of each part; `wanted`: variants of a part."""
        size = self.sweep.part_size(wanted)
        firsts, counts = [], []
        for run in range(self.runs):
            for start in range(0, self.variants, size):
                firsts.append(run * self.variants + start)
                counts.append(min(size, self.variants - start))
        return [*firsts, self.runs * self.variants], [*counts, 0]


def sweep_of(body: WalkForwardBody) -> SweepBody:
    """Return the sweep over all days of a walk-forward."""
    return SweepBody(
        template=body.template, parameters=body.parameters, constraints=body.constraints, search=body.search,
        objective=body.objective, research=body.research, holdout=body.holdout, keep=_NO_RETURNS,
    )  # fmt: skip


def plan_walk_forward(body: WalkForwardBody, indices: frozenset[str], problems: Sequence[Problem] = ()) -> SweepPlan:
    """Return the sweep of a body whose template has its strategy spelled out; raise RequestError with every mistake.

    What follows from the days of a dataset is checked by `divided`.
    """
    found = list(problems)
    if body.search.method == "tpe":
        found.append(Problem(path="search.method", message=say("walk_forward_tpe")))
    try:
        sweep = plan_sweep(sweep_of(body), indices)
    except RequestError as error:
        raise RequestError([*found, *error.problems]) from None
    found += [
        Problem(path=f"template.{path}", message=say("walk_forward_place"))
        for path in dict.fromkeys(use.path for use in sweep.template.uses if use.keys[0] != "strategy")
    ]
    if found:
        raise RequestError(found)
    return sweep


def divided(body: WalkForwardBody, sweep: SweepPlan, days: np.ndarray) -> WalkForwardPlan:
    """Return the plan over the day numbers of a dataset; raise RequestError for impossible windows."""
    start, end = (dt.date.fromisoformat(sweep.template.body[name]) for name in ("start", "end"))
    found = divide(days, start, end, body.windows)
    if body.carry == "positions" and has_holes(body.windows):
        raise RequestError([Problem(path="windows.step", message=say("walk_forward_step_of_positions"))])
    windows = tuple(
        WindowDates(
            train=Dates(window.train.start, window.train.end, window.train.rows),
            test=Dates(window.test.start, window.test.end, window.test.rows),
        )
        for window in found.windows
    )
    last = found.next_train
    return WalkForwardPlan(
        body=body, sweep=sweep, windows=windows, next_train=Dates(last.start, last.end, last.rows)
    )  # fmt: skip


def digest_of(plan: WalkForwardPlan, dataset: str) -> str:
    """Return the SHA-256 (hex) of everything that the answer follows from."""
    options: Mapping[str, Any] = {k: v for k, v in msgspec.to_builtins(plan.body).items() if k != "research"}
    content = ["walk-forward", options, list(plan.body.parameters), dataset, sorted(plan.sweep.indices)]
    return hashlib.sha256(canonical_json(content)).hexdigest()


def trial_digest_of(plan: WalkForwardPlan) -> int:
    """Return the digest by which the account of a walk-forward counts once as a trial, whatever the dataset."""
    options = {k: v for k, v in msgspec.to_builtins(plan.body).items() if k != "research"}
    options["template"] = {k: v for k, v in options["template"].items() if k != "dataset"}
    return digest_of_content(["walk-forward", options, list(plan.body.parameters)])


class _Stored(msgspec.Struct):
    body: WalkForwardBody
    indices: tuple[str, ...]
    windows: tuple[WindowDates, ...]
    next_train: Dates


_STORED = msgspec.json.Decoder(_Stored)
"""Built at import: msgspec is not thread-safe while it prepares a type."""


def encode_plan(plan: WalkForwardPlan) -> str:
    """Return the JSON from which `decode_plan` makes the same plan again; the parameters keep their order."""
    stored = _Stored(
        body=plan.body, indices=tuple(sorted(plan.sweep.indices)), windows=plan.windows, next_train=plan.next_train
    )  # fmt: skip
    return msgspec.json.encode(stored).decode()


def decode_plan(text: str) -> WalkForwardPlan:
    """Return the plan that `encode_plan` encoded."""
    stored = _STORED.decode(text)
    sweep = plan_walk_forward(stored.body, frozenset(stored.indices))
    return WalkForwardPlan(body=stored.body, sweep=sweep, windows=stored.windows, next_train=stored.next_train)
