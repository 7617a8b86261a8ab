"""The benchmark's return on each row of the window (section 4, Benchmark)."""

from __future__ import annotations

from tests.reference.factors import factor
from tests.reference.options import RefusedError
from tests.reference.signals import Signals


def benchmark(run: Signals) -> list[float] | None:
    """Return the benchmark's returns, None without one; RefusedError when the index has no value."""
    name = run.request.get("benchmark", "KOSPI")
    if name is None:
        return None
    if name in {"market", "equal"}:
        return [universe_return(run, row, equally=name == "equal") for row in run.rows]
    series = run.market.index_carried(name, None)
    if series is None or series[run.rows[-1]] is None:
        raise RefusedError("benchmark", (name,))
    returns = []
    for row in run.rows:
        now, then = series[row], series[row - 1] if row > 0 else None
        returns.append(now / then - 1 if now is not None and then is not None else 0.0)
    return returns


def universe_return(run: Signals, row: int, *, equally: bool) -> float:
    """Return the return of the universe of the row before, by caps or equally; a stock that leaves counts 0."""
    if row == 0:
        return 0.0
    caps = factor(run.market, "MARKET_CAP")
    total = weights = 0.0
    for at, stock in enumerate(run.market.stocks):
        if not run.inside[row - 1][at]:
            continue
        weight = 1.0 if equally else caps[at][row - 1]
        now, then = stock.last[row], stock.last[row - 1]
        if weight is None or now is None or then is None:
            continue
        weights += weight
        total += weight * (now / (then / stock.split[row]) - 1)
    return total / weights if weights else 0.0
