"""Bodies of the routes of factor reports, and the backtest request that a report is read as."""

from __future__ import annotations

import datetime as dt
from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta

from shared.model.request import CostPercent, Expression, Percent, ResearchName, Universe, Word, about

MAX_HORIZON = 250
DIGEST_VERSION = 1
"""Version of the definitions of a report, which is part of its digest."""

Horizon = Annotated[int, Meta(ge=1, le=MAX_HORIZON)]
Horizons = Annotated[tuple[Horizon, ...], Meta(min_length=1, max_length=10)]


class FactorWindow(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What reports and matrices have in common."""

    start: Annotated[dt.date, about("First row that is judged.", "date, YYYY-MM-DD")]
    end: Annotated[dt.date, about("Last row that is judged; not before the start.", "date, YYYY-MM-DD")]
    universe: Annotated[Universe, about("Stocks that are judged.")] = msgspec.field(default_factory=Universe)
    horizons: Annotated[
        Horizons, about("Holding times: from the open after a row to the open so many rows later.", "rows")
    ] = (1, 5, 20, 60)
    neutral: Annotated[
        Literal["none", "sector"],
        about("sector: values and returns less the mean of their sector on the row; stocks without a sector are left "
              "out."),
    ] = "none"  # fmt: skip
    delisting: Annotated[
        Literal["liquidation", "last_price", "haircut", "zero"],
        about("How a delisting inside a holding time ends it, as in `execution.delisting` of a backtest."),
    ] = "liquidation"
    delisting_haircut_pct: Annotated[
        Percent, about("With delisting haircut: reduction of the last price.", "% of the price")
    ] = 0.0
    stale_haircut_pct: Annotated[
        Percent,
        about("With delisting liquidation: reduction of a last price of more than 30 days before the delisting.",
              "% of the price"),
    ] = 80.0  # fmt: skip
    dataset: Annotated[Word | None, about("Dataset version; null: the current one.")] = None
    research: Annotated[
        ResearchName | None,
        about("Name of the research line whose trials the portfolios of factor and horizon are; null: none.",
              examples=["value-momentum"]),
    ] = None  # fmt: skip


class FactorReportBody(FactorWindow, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Body of `POST /v1/factor-reports`."""

    factor: Annotated[
        Expression, about("The number that is judged: a factor or an expression.", examples=["-rank(PBR) - rank(PER)"])
    ]
    quantiles: Annotated[Annotated[int, Meta(ge=2, le=20)], about("Quantile portfolios.", "portfolios")] = 10
    controls: Annotated[
        Annotated[tuple[Expression, ...], Meta(max_length=7)],
        about("Further regressors of the Fama-MacBeth regression.", examples=[["log(MARKET_CAP)"]]),
    ] = ()
    cost_pct: Annotated[
        CostPercent, about("Cost of a purchase or a sale, for the returns after costs.", "% of the amount")
    ] = 0.2
    breakdowns: Annotated[
        Annotated[tuple[Literal["sector", "market", "cap_group"], ...], Meta(max_length=3)],
        about("Groups within which the rank IC and the spread are computed as well.", examples=[["sector", "market"]]),
    ] = ()
    correlations: Annotated[bool, about("Whether the correlation with every factor is computed.")] = True
    series: Annotated[bool, about("Whether the figures of every row are answered.")] = True


class FactorMatrixBody(FactorWindow, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Body of `POST /v1/factor-reports/matrix`."""

    factors: Annotated[
        Annotated[tuple[Expression, ...], Meta(min_length=1, max_length=200)] | None,
        about("Factors and expressions that are compared; null: every factor of the dataset version.",
              examples=[["PER", "-rank(PBR) - rank(PER)"]]),
    ] = None  # fmt: skip


def backtest_body(of: FactorWindow, factor: str) -> dict[str, Any]:
    """Return the body of the backtest request that has the factor as its ranking, and the window and universe."""
    return {
        "strategy": {"buy": {"rank_by": factor}, "universe": msgspec.to_builtins(of.universe)},
        "start": of.start.isoformat(),
        "end": of.end.isoformat(),
        "execution": {
            "delisting": of.delisting, "delisting_haircut_pct": of.delisting_haircut_pct,
            "stale_haircut_pct": of.stale_haircut_pct,
        },
        "benchmark": None,
    }  # fmt: skip


def place_of(path: str) -> str:
    """Return the field of a report's body for a path of that backtest request."""
    if path in {"strategy", "strategy.buy.rank_by"}:
        return "factor"
    return path.removeprefix("strategy.").removeprefix("execution.")
