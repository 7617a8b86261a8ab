"""The answer of a walk-forward: the choice of each window and how it fared, the stitched account, the next values."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from typing import Any, cast

import numpy as np
import orjson
import zstandard

from shared.contracts.http import problem_document, run_problem
from shared.dataset.panel_reader import PanelReader
from shared.errors import DatasetError, Problem, RequestError, RunError
from shared.messages import say
from shared.model.request import BacktestRequest
from shared.research.ledger.trials import NO_TRIALS, Trials, WeeklyReturns, trials_of, weekly_returns
from shared.research.sweeps.columns import SweepTable
from shared.research.sweeps.plan import SweepPlan
from shared.research.walk_forward.choice import Chosen, Rank, choose, drift, rank_of, statistics_of
from shared.research.walk_forward.plan import Dates, WalkForwardPlan, trial_digest_of
from shared.research.walk_forward.shapes import (
    ChoiceDocument,
    DatesDocument,
    RankDocument,
    ShownStatistics,
    StitchedDocument,
    WalkForwardDocument,
    WindowDocument,
)
from shared.research.walk_forward.stitch import Stitched, significance, stitched_cash, stitched_positions


@dataclass(frozen=True, kw_only=True)
class WindowOutcome:
    """What a window chose; None: no variant could be chosen."""

    chosen: Chosen | None
    train: Mapping[str, float | None]
    """Statistics of the choice over the train."""
    test: Mapping[str, float | None]
    rank: Rank | None
    failure: Mapping[str, Any] | None
    """Why the choice has no result over its test; without a choice, why a variant has none over the train."""


@dataclass(frozen=True, kw_only=True)
class Choices:
    """What the windows chose, and the values to trade next; None: nothing could be chosen."""

    outcomes: list[WindowOutcome]
    following: Chosen | None


@dataclass(frozen=True, kw_only=True)
class Finished:
    """The last part of a walk-forward: the answer, the stitched result, and the problem of one that has none."""

    document: WalkForwardDocument
    result: dict[str, Any] | None
    error: dict[str, Any] | None

    def pack(self) -> bytes:
        """Return the compressed bytes."""
        compress = zstandard.ZstdCompressor(level=3).compress
        head = compress(orjson.dumps({"document": self.document, "error": self.error}))
        return b"".join((len(head).to_bytes(4, "little"), head, compress(orjson.dumps(self.result))))


def unpack(data: bytes, *, with_result: bool = False) -> Finished:
    """Return what `pack` made, its result only when it is asked for; raise DatasetError for other bytes."""
    try:
        decompress = zstandard.ZstdDecompressor().decompress
        size = int.from_bytes(data[:4], "little")
        head = orjson.loads(decompress(data[4 : 4 + size]))
        result = orjson.loads(decompress(data[4 + size :])) if with_result else None
        return Finished(document=head["document"], error=head["error"], result=result)
    except (zstandard.ZstdError, orjson.JSONDecodeError, KeyError, ValueError) as error:
        raise DatasetError("The stored end of a walk-forward is damaged.") from error


def window_outcome(plan: WalkForwardPlan, train: SweepTable, test: SweepTable) -> WindowOutcome:
    """Return what a window chose from the whole table of its train."""
    chosen = choose(train, plan.body.choose)
    if chosen is None:
        failure = next(iter(train.failures.values()), None)
        return WindowOutcome(chosen=None, train={}, test={}, rank=None, failure=failure)
    return WindowOutcome(
        chosen=chosen, train=statistics_of(train, chosen.variant), test=statistics_of(test, chosen.variant),
        rank=rank_of(test, chosen.variant), failure=test.failures.get(chosen.variant),
    )  # fmt: skip


def unfinished(plan: WalkForwardPlan) -> WalkForwardDocument:
    """Return the answer before anything is chosen."""
    nothing = WindowOutcome(chosen=None, train={}, test={}, rank=None, failure=None)
    return _document(plan, Choices(outcomes=[nothing] * len(plan.windows), following=None))


def failed(plan: WalkForwardPlan, error: dict[str, Any]) -> Finished:
    """Return a walk-forward that has nothing but a problem."""
    return Finished(document=unfinished(plan), result=None, error=error)


def stitch_requests(plan: WalkForwardPlan, outcomes: list[WindowOutcome]) -> list[BacktestRequest]:
    """Return the request of each window's test: over all test days (`positions`), or over its own (`cash`).

    Raises RequestError for a window that chose nothing, or whose choice has no result.
    """
    problems = []
    for index, (outcome, window) in enumerate(zip(outcomes, plan.windows, strict=True)):
        place = f"windows[{index}]"
        if outcome.chosen is None and outcome.failure is not None:
            message = say(
                "walk_forward_train_failed", window=index, start=window.train.start, end=window.train.end,
                reason=outcome.failure["detail"],
            )  # fmt: skip
            problems.append(Problem(path=place, message=message))
        elif outcome.chosen is None:
            kind = "walk_forward_no_choice" if plan.body.choose == "best" else "walk_forward_no_plateau"
            message = say(kind, window=index, start=window.train.start, end=window.train.end)
            problems.append(Problem(path=place, message=message))
        elif outcome.failure is not None:
            message = say("walk_forward_choice_failed", window=index, variant=outcome.chosen.variant,
                          start=window.test.start, end=window.test.end)  # fmt: skip
            problems.append(Problem(path=place, message=message))
    if problems:
        raise RequestError(problems)
    whole = plan.over(plan.tested())
    return [
        (whole if plan.body.carry == "positions" else plan.over(window.test)).request(_point(outcome))
        for outcome, window in zip(outcomes, plan.windows, strict=True)
    ]


def _point(outcome: WindowOutcome) -> np.ndarray:
    assert outcome.chosen is not None  # noqa: S101 - checked by the caller
    return np.array(outcome.chosen.point, np.int32)


def finish(
    plan: WalkForwardPlan, choices: Choices, panels: PanelReader, requests: list[BacktestRequest],
    cancelled: Callable[[], bool],
) -> Finished:  # fmt: skip
    """Simulate the stitched account of requests from `stitch_requests`; raise CancelledRunError, ChunkMissingError."""
    try:
        if plan.body.carry == "positions":
            days = [window.test.start for window in plan.windows]
            starts = panels.days.searchsorted(np.array(days, "datetime64[D]").astype(np.int32)).tolist()
            stitched = stitched_positions(requests, starts, panels, cancelled)
        else:
            stitched = stitched_cash(requests, panels, cancelled)
    except RunError as error:
        return without_account(plan, choices, run_problem(error, "walk-forward-failed"))
    document = _document(plan, choices)
    document["stitched"] = _stitched(plan, choices.outcomes, stitched)
    return Finished(document=document, result=stitched.result, error=None)


def trials_of_end(plan: WalkForwardPlan, found: Finished) -> Trials:
    """Return the account of a walk-forward as the trial that it is; none without an account."""
    if found.result is None:
        return NO_TRIALS
    return trials_of([trial_digest_of(plan)], [account_returns(found.result)], [0])


def account_returns(result: Mapping[str, Any]) -> WeeklyReturns:
    """Return the weekly returns of a stitched result."""
    points = result["equity"]
    days = np.array([point["date"] for point in points], "datetime64[D]").astype(np.int64)
    equity = np.array([point["equity"] for point in points], np.float64)
    initial = equity[0] / (1 + points[0]["daily_return"]) if points[0]["daily_return"] is not None else equity[0]
    return weekly_returns(days, equity, initial)


def without_account(plan: WalkForwardPlan, choices: Choices, error: dict[str, Any]) -> Finished:
    """Return a walk-forward whose windows are known and whose account could not be simulated."""
    return Finished(document=_document(plan, choices), result=None, error=error)


def request_error(error: RequestError) -> dict[str, Any]:
    """Return the problem of windows that cannot be traded."""
    problems = error.problems
    detail = problems[0].message if len(problems) == 1 else say("walk_forward_windows_failed", count=len(problems))
    return {**problem_document(422, "walk-forward-failed", detail, problems), "kind": "request"}


def _document(plan: WalkForwardPlan, choices: Choices) -> WalkForwardDocument:
    outcomes, following = choices.outcomes, choices.following
    points = [outcome.chosen.point for outcome in outcomes if outcome.chosen is not None]
    whole = len(points) == len(outcomes)
    space = plan.sweep.space
    return {
        "windows": [_window(plan, index, outcome) for index, outcome in enumerate(outcomes)],
        "stitched": None,
        "drift": drift(space.levels, points, list(space.lattices)) if whole else None,
        "next": None if following is None else _choice(plan.over(plan.next_train), following, dates=plan.next_train),
    }


def _choice(sweep: SweepPlan, chosen: Chosen, dates: Dates) -> ChoiceDocument:
    point = np.array(chosen.point, np.int32)
    return {
        "train": _dates(dates), "variant": chosen.variant, "values": sweep.space.values(point.tolist()),
        "mean": chosen.mean, "neighbours": chosen.neighbours, "strategy": sweep.backtest(point)["strategy"],
    }  # fmt: skip


def _dates(dates: Dates) -> DatesDocument:
    return {"first": dates.start.isoformat(), "last": dates.end.isoformat(), "rows": dates.rows}


def _window(plan: WalkForwardPlan, index: int, outcome: WindowOutcome) -> WindowDocument:
    dates, chosen = plan.windows[index], outcome.chosen
    objective = plan.sweep.objective.statistic
    found: WindowDocument = {
        "window": index, "train": _dates(dates.train), "test": _dates(dates.test), "variant": None, "values": None,
        "mean": None, "neighbours": None, "objective": None, "statistics": None, "rank": None, "request": None,
    }  # fmt: skip
    if chosen is None:
        return found
    point = np.array(chosen.point, np.int32)
    return {
        **found, "variant": chosen.variant, "values": plan.sweep.space.values(point.tolist()), "mean": chosen.mean,
        "neighbours": chosen.neighbours,
        "objective": {"train": outcome.train[objective], "test": outcome.test[objective]},
        "statistics": {"train": _shown(outcome.train), "test": _shown(outcome.test)},
        "rank": None if outcome.rank is None else cast(RankDocument, asdict(outcome.rank)),
        "request": plan.over(dates.test).backtest(point),
    }  # fmt: skip


def _shown(statistics: Mapping[str, float | None]) -> ShownStatistics:
    trades = statistics["trades"]
    return {
        "cagr": statistics["cagr"], "max_drawdown": statistics["max_drawdown"], "sharpe": statistics["sharpe"],
        "total_return": statistics["total_return"], "trades": None if trades is None else int(trades),
        "turnover": statistics["turnover"], "volatility": statistics["volatility"],
    }  # fmt: skip


def _stitched(plan: WalkForwardPlan, outcomes: list[WindowOutcome], stitched: Stitched) -> StitchedDocument:
    ranks = [outcome.rank.relative for outcome in outcomes if outcome.rank is not None]
    growth = [outcome.train["cagr"] for outcome in outcomes]
    mean = None if None in growth or not growth else sum(value or 0.0 for value in growth) / len(growth)
    cagr = stitched.result["statistics"]["cagr"]
    return {
        "carry": plan.body.carry,
        "first": stitched.result["window"]["first"],
        "last": stitched.result["window"]["last"],
        "statistics": stitched.result["statistics"],
        **significance(stitched),
        "efficiency": cagr / mean if cagr is not None and mean is not None and mean > 0 else None,
        "rank_mean": sum(ranks) / len(ranks) if ranks else None,
        "below_middle": sum(rank <= 0.5 for rank in ranks) / len(ranks) if ranks else None,
    }
