"""Charts of a result with matplotlib (`pip install ondol[plot]`)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from shared.errors import SetupError

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from ondol.client.result import ResultData


def figure(result: ResultData) -> Figure:
    """Return a figure with equity beside the benchmark (million won) above, and the drawdown (%) below."""
    try:
        from matplotlib import pyplot
    except ImportError as error:
        raise SetupError("matplotlib is not installed; `pip install ondol[plot]` adds it.") from error
    table = result.equity
    days = table["date"].to_list()
    drawn, (upper, lower) = pyplot.subplots(2, sharex=True, figsize=(9, 6), height_ratios=(3, 1), layout="constrained")
    upper.plot(days, (table["equity"] / 1e6).to_list(), color="#1f4e9c", label="strategy")
    if table["benchmark"].null_count() < table.height:
        named = str(result.request["benchmark"])
        upper.plot(days, (table["benchmark"] / 1e6).to_list(), color="#888888", linestyle="--", label=named)
    upper.set_ylabel("million won")
    upper.legend()
    upper.set_title(f"{result.statistics['total_return']:+.1%} from {days[0]} to {days[-1]}")
    lower.fill_between(days, (100 * table["drawdown"]).to_list(), color="#b5442e", alpha=0.6)
    lower.set_ylabel("drawdown, %")
    return drawn
