"""The robustness report of a request over a dataset version.

Groups of changed backtests (`changes`), two groups of drawn candidates (`draws`), and what the backtest's
own returns say: years, market regimes and bootstrap intervals.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import msgspec
import numpy as np

from shared.errors import RequestError, identity_of
from shared.model.panels import Panels
from shared.model.request import BacktestRequest
from shared.research.ledger.trials import WeeklyReturns, trial_digest, weeks_of
from shared.research.robustness import changes
from shared.research.robustness.changes import ChangedBacktest
from shared.research.robustness.draws import Draws, entries_of, figures
from shared.research.robustness.shapes import (
    ChangedDocument,
    ChangedFigures,
    Failure,
    Group,
    IntervalDocument,
    IntervalsDocument,
    Placed,
    RandomSelection,
    RankNoise,
    Regime,
    RobustnessDocument,
    Spread,
    SubUniverseDocument,
    SubUniverseGroup,
    TrialDocument,
)
from shared.research.statistics.bootstrap import Interval, intervals
from shared.simulation.benchmark import index_values
from shared.simulation.engine import Run, simulate
from shared.simulation.plan import expressions_of, plan
from shared.simulation.statistics import DAYS_A_YEAR
from shared.simulation.structures import NO_COLUMN
from shared.simulation.universe import universe_rows
from shared.simulation.validation import canonical_request, request_of
from shared.simulation.variants import run_variants, variant_needs

CLIFF = 0.5
"""A neighbour below this share of the backtest's Sharpe ratio is a cliff."""
SUB_UNIVERSE = 0.75
"""Share of the Sharpe ratio, times the root of the share of stocks, that a sub-universe has to keep."""
TREND_ROWS = 200
HIGHEST_SLIPPAGE_PCT = 50.0
SLIPPAGE_TOLERANCE_PCT = 0.005

Needs = Callable[[dict[str, slice]], None]


@dataclass(frozen=True, kw_only=True)
class Options:
    """What a caller may choose: numbers of draws, the noise as a share of the candidates, the seed."""

    random_draws: int
    noise_draws: int
    noise_pct: float
    seed: int
    trials: bool = False
    """Whether the report has what the ledger records of its backtests."""


@dataclass(frozen=True, kw_only=True)
class ChangedResult:
    """A changed backtest with its figures and weekly returns, or with the reason that it has none."""

    backtest: ChangedBacktest
    figures: ChangedFigures | None
    failure: Failure | None = None
    returns: WeeklyReturns | None = None

    @property
    def document(self) -> ChangedDocument:
        """Return an entry of `lines` of the answer."""
        of = self.backtest
        return {
            "name": of.name, "parameter": of.parameter, "value": of.value, "figures": self.figures,
            "failure": self.failure, "request": msgspec.to_builtins(of.request),
        }  # fmt: skip


class Runner:
    """Runs requests over one dataset version; `mapped` is called with the rows that they read before they run."""

    def __init__(self, panels: Panels, mapped: Needs) -> None:
        self.panels, self.mapped = panels, mapped
        self.reported: list[ChangedResult] = []
        self.indices = frozenset(panels.indices)

    def report(self, asked: Iterable[ChangedBacktest]) -> list[ChangedResult]:
        """Return results as `run` does, for the report: each is a trial of a research line."""
        found = self.run(asked)
        self.reported += found
        return found

    def trials(self) -> list[TrialDocument]:
        """Return digest and weekly returns of each reported backtest with a result."""
        return [
            {
                "digest": trial_digest(result.backtest.request), "weeks": result.returns.weeks.tolist(),
                "returns": [value if math.isfinite(value) else None for value in result.returns.values.tolist()],
            }
            for result in self.reported
            if result.returns is not None
        ]  # fmt: skip

    def run(self, asked: Iterable[ChangedBacktest]) -> list[ChangedResult]:
        """Return the changed backtests with their figures, in order. A request that is refused fails alone."""
        found: list[ChangedResult] = []
        together: dict[tuple[Any, Any], list[int]] = {}
        for given in asked:
            try:
                checked = request_of(msgspec.to_builtins(given.request), self.indices)
                backtest = replace(given, request=canonical_request(checked, self.indices))
            except RequestError as refused:
                found.append(ChangedResult(backtest=given, figures=None, failure=_failure(refused.problems[0].message)))
                continue
            together.setdefault((backtest.request.start, backtest.request.end), []).append(len(found))
            found.append(ChangedResult(backtest=backtest, figures=None))
        for places in together.values():
            requests = [found[at].backtest.request for at in places]
            self.mapped(variant_needs(requests, self.panels.days))
            table = run_variants(requests, self.panels)
            for k, at in enumerate(places):
                error, values = table.failures[k], table.statistics(k)
                found[at] = replace(
                    found[at],
                    figures=None if values is None else _figures(values),
                    failure=None if error is None else _failure(error.detail),
                    returns=None if error is not None else WeeklyReturns(
                        weeks=weeks_of(table.week_ends), values=table.weekly_returns[k]
                    ),
                )  # fmt: skip
        return found


def robustness(request: BacktestRequest, panels: Panels, options: Options, mapped: Needs) -> RobustnessDocument:
    """Return the report of a canonical request. Raises what `engine.run` raises for the request itself.

    With `options.trials` it has `trials` besides: what the reported backtests are in the ledger.
    """
    runner = Runner(panels, mapped)
    base = simulate(request, panels)
    own = figures(base)
    sharpe = own["sharpe"]
    neighbours = runner.report(changes.neighbour_changes(request))
    slippage = runner.report(changes.slippage_changes(request))
    starts = runner.report(changes.start_changes(request, panels.days))
    phases = runner.report(changes.phase_changes(request))
    draws = Draws.of(base)
    report: RobustnessDocument = {
        "backtest": ChangedResult(
            backtest=ChangedBacktest(name="backtest", request=request), figures=_figures(own)
        ).document,
        "neighbours": {
            **_group(neighbours), "kept_half": _share_that_keeps(neighbours, sharpe),
            "cliffs": _fragile_parameters(neighbours, sharpe),
        },
        "slippage": {**_group(slippage), "break_even": break_even(runner, request)},
        "starts": _group(starts),
        "phases": _group(phases),
        "delay": _group(runner.report(changes.delay_changes(request))),
        "sub_universes": _sub_universes(runner, request, options.seed, sharpe),
        "rank_noise": rank_noise(draws, options, sharpe),
        "random_selection": random_selection(draws, options, own),
        "years": [{"year": year, "return": value} for year, value in base.curve().yearly_returns()],
        "regimes": regimes(base),
        "intervals": _intervals(base, options.seed),
    }  # fmt: skip
    if options.trials:
        report["trials"] = runner.trials()
    return report


def break_even(runner: Runner, request: BacktestRequest) -> ChangedDocument | None:
    """Return the last slippage at which the backtest does not lose, by bisection, as an entry of `lines`.

    None where it loses without slippage already; the highest slippage there is where it does not lose at that.
    """

    def at(value: float) -> ChangedResult:
        backtest = ChangedBacktest(
            name="break even", parameter="costs.slippage_pct", value=value,
            request=changes.with_slippage(request, value),
        )  # fmt: skip
        return runner.run([backtest])[0]

    def gains(result: ChangedResult) -> bool:
        return result.figures is not None and result.figures["total_return"] >= 0

    best = at(0.0)
    if not gains(best):
        return None
    low, high = 0.0, max(1.0, request.costs.slippage_pct)
    while high < HIGHEST_SLIPPAGE_PCT and gains(result := at(high)):
        best, low, high = result, high, min(2 * high, HIGHEST_SLIPPAGE_PCT)
    if high == HIGHEST_SLIPPAGE_PCT and gains(result := at(high)):
        runner.reported.append(result)
        return result.document
    while high - low > SLIPPAGE_TOLERANCE_PCT:
        middle = round((low + high) / 2, 6)
        if gains(result := at(middle)):
            best, low = result, middle
        else:
            high = middle
    runner.reported.append(best)
    return best.document


def random_selection(draws: Draws, options: Options, own: dict[str, Any]) -> RandomSelection | None:
    """Return where the backtest lies among random selections; None for a strategy that rotates its holdings.

    Whether a rotating strategy sells depends on the ranking, so there is no random selection with the same exits.
    """
    if draws.run.request.strategy.sell.on_rebalance != "hold" or not _can_draw(draws) or not options.random_draws:
        return None
    found, bought, limit = [], 0, draws.opened()
    for order in draws.random_selections(options.random_draws, options.seed):
        drawn = draws.simulated(order, limit)
        found.append(figures(drawn))
        bought += entries_of(drawn)
    return {
        "draws": len(found),
        "seed": options.seed,
        "buys": entries_of(draws.run),
        "mean_buys": bought / len(found),
        "total_return": _placed(own["total_return"], [one["total_return"] for one in found]),
        "sharpe": _placed(own["sharpe"], [one["sharpe"] for one in found]),
    }


def rank_noise(draws: Draws, options: Options, sharpe: float | None) -> RankNoise | None:
    """Return the figures of the backtest when noise is added to its ranking."""
    if not _can_draw(draws) or not options.noise_draws:
        return None
    orders = draws.noisy_rankings(options.noise_draws, options.noise_pct / 100, options.seed)
    found = [figures(draws.simulated(order)) for order in orders]
    kept = (
        [one["sharpe"] is not None and one["sharpe"] >= CLIFF * sharpe for one in found]
        if sharpe is not None and sharpe > 0
        else []
    )
    return {
        "draws": len(found), "seed": options.seed, "noise_pct": options.noise_pct,
        "kept_half": float(np.mean(kept)) if kept else None,
        "total_return": _summary([one["total_return"] for one in found]),
        "sharpe": _summary([one["sharpe"] for one in found]),
    }  # fmt: skip


def regimes(run: Run) -> list[Regime] | None:
    """Return the returns by the trend of the benchmark index: its close of the row before against its mean of 200 rows.

    None when the benchmark is no loaded index.
    """
    name, window = run.request.benchmark, run.plan.window
    if name is None or name not in run.panels.indices:
        return None
    series, returns = index_values(name, run.panels), run.curve().returns
    regime = []
    for row in range(window.start, window.stop):
        past = series[max(0, row - TREND_ROWS) : row]
        whole = len(past) == TREND_ROWS and bool(np.isfinite(past).all())
        regime.append(("above" if past[-1] > past.mean() else "below") if whole else "unknown")
    found: list[Regime] = []
    for wanted in ("above", "below", "unknown"):
        inside = returns[np.array(regime) == wanted]
        inside = inside[np.isfinite(inside)]
        deviation = float(inside.std(ddof=1)) if len(inside) > 1 else 0.0
        mean = float(inside.mean()) if len(inside) else None
        found.append({
            "regime": wanted, "rows": len(inside), "total_return": float(np.prod(1 + inside) - 1),
            "mean_return_annual": None if mean is None else mean * DAYS_A_YEAR,
            "sharpe": None if mean is None or deviation < 1e-12 else mean / deviation * math.sqrt(DAYS_A_YEAR),
        })  # fmt: skip
    return found


def _can_draw(draws: Draws) -> bool:
    return len(draws.run.panels.instruments) < NO_COLUMN and len(draws.decisions.universe) > 0


def _sub_universes(runner: Runner, request: BacktestRequest, seed: int, sharpe: float | None) -> SubUniverseGroup:
    found = runner.report(changes.universe_changes(request, runner.panels, seed))
    whole = _mean_stocks(request, runner.panels)
    documents: list[SubUniverseDocument] = []
    for result in found:
        document = result.document
        stocks = threshold = passes = None
        if result.failure is None:
            stocks = _mean_stocks(result.backtest.request, runner.panels)
        if stocks is not None and whole and sharpe is not None and sharpe > 0 and result.figures is not None:
            threshold = SUB_UNIVERSE * math.sqrt(stocks / whole) * sharpe
            passes = result.figures["sharpe"] is not None and result.figures["sharpe"] >= threshold
        documents.append({**document, "mean_stocks": stocks, "least_sharpe": threshold, "passes": passes})
    judged = [document["passes"] for document in documents if document["passes"] is not None]
    group = _group(found)
    return {
        "lines": documents, "total_return": group["total_return"], "sharpe": group["sharpe"], "mean_stocks": whole,
        "passing": float(np.mean(judged)) if judged else None,
    }  # fmt: skip


def _mean_stocks(request: BacktestRequest, panels: Panels) -> float:
    """Return the mean number of stocks in the universe over the decision rows."""
    rows = plan(request, panels.days).decisions
    mask = universe_rows(request.strategy.universe, panels, expressions_of(request).universe).rows(rows)
    return float(np.count_nonzero(mask) / max(len(mask), 1))


def _group(found: Sequence[ChangedResult]) -> Group:
    ended = [result.figures for result in found if result.figures is not None]
    return {
        "lines": [result.document for result in found],
        "total_return": _summary([one["total_return"] for one in ended]),
        "sharpe": _summary([one["sharpe"] for one in ended]),
    }


def _figures(statistics: Mapping[str, Any]) -> ChangedFigures:
    return {
        "total_return": statistics["total_return"], "cagr": statistics["cagr"], "sharpe": statistics["sharpe"],
        "max_drawdown": statistics["max_drawdown"], "trades": statistics["trades"],
    }  # fmt: skip


def _summary(values: Sequence[float | None]) -> Spread:
    """Return what is said about a figure over several runs; runs in which it is undefined are only counted."""
    defined = np.array([value for value in values if value is not None])
    if not len(defined):
        return {"count": 0, "min": None, "median": None, "mean": None, "max": None}
    return {
        "count": len(defined), "min": float(defined.min()), "median": float(np.median(defined)),
        "mean": float(defined.mean()), "max": float(defined.max()),
    }  # fmt: skip


def _placed(value: float | None, drawn: Sequence[float | None]) -> Placed:
    """Return a figure over draws with the share of draws below the value (equal ones count half) and P(draw >= value),
    in which the value is counted."""
    defined, over = np.array([one for one in drawn if one is not None]), _summary(drawn)
    if value is None or not len(defined):
        return {**over, "percentile": None, "p_value": None}
    below, equal = int((defined < value).sum()), int((defined == value).sum())
    return {
        **over,
        "percentile": (below + equal / 2) / len(defined),
        "p_value": (1 + len(defined) - below) / (1 + len(defined)),
    }


def _keeps_sharpe(result: ChangedResult, sharpe: float) -> bool:
    return (
        result.figures is not None
        and result.figures["sharpe"] is not None
        and result.figures["sharpe"] >= CLIFF * sharpe
    )


def _share_that_keeps(found: Sequence[ChangedResult], sharpe: float | None) -> float | None:
    if sharpe is None or sharpe <= 0 or not found:
        return None
    ended = [result for result in found if result.failure is None]
    return sum(_keeps_sharpe(result, sharpe) for result in ended) / len(ended) if ended else None


def _fragile_parameters(found: Sequence[ChangedResult], sharpe: float | None) -> list[str]:
    """Return the parameters with a neighbour that has less than half of the Sharpe ratio."""
    if sharpe is None or sharpe <= 0:
        return []
    return sorted(
        {
            str(result.backtest.parameter)
            for result in found
            if result.failure is None and not _keeps_sharpe(result, sharpe)
        }
    )


def _intervals(run: Run, seed: int) -> IntervalsDocument | None:
    returns = run.curve().returns
    if len(returns) < 2 or not np.isfinite(returns).all() or not (returns > -1).all():
        return None
    found = intervals(returns, seed=seed)
    scale = math.sqrt(DAYS_A_YEAR)
    return {
        "confidence": 0.9, "block_rows": found.block,
        "sharpe": _interval(found.sharpe, lambda x: x * scale),
        "sharpe_studentised": _interval(found.sharpe_studentised, lambda x: x * scale),
        "cagr": _interval(found.growth, lambda x: math.expm1(x * DAYS_A_YEAR)),
        "max_drawdown": _interval(found.max_drawdown, lambda x: x),
    }  # fmt: skip


def _interval(found: Interval, printed: Callable[[float], float]) -> IntervalDocument:
    return {"estimate": printed(found.estimate), "low": printed(found.low), "high": printed(found.high)}


def _failure(message: str) -> Failure:
    code, params = identity_of(message)
    return {"code": code, "params": dict(params), "message": str(message)}
