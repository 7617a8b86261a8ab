"""Factor reports as values with frames."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal, TypedDict

from ondol.client.answers import ResultWarning, warnings_in
from ondol.client.frames import frame

if TYPE_CHECKING:
    import polars as pl


class FactorWindowFields(TypedDict, total=False):
    """Fields that reports and matrices have in common."""

    universe: Mapping[str, Any]
    horizons: Iterable[int]
    neutral: Literal["none", "sector"]
    delisting: Literal["liquidation", "last_price", "haircut", "zero"]
    delisting_haircut_pct: float
    stale_haircut_pct: float
    dataset: str | None
    research: str | None


class FactorReportFields(FactorWindowFields, total=False):
    """Fields of a factor report besides the factor and its window."""

    quantiles: int
    controls: Iterable[str]
    cost_pct: float
    breakdowns: Iterable[Literal["sector", "market", "cap_group"]]
    correlations: bool
    series: bool


@dataclass(frozen=True, kw_only=True)
class FactorReport:
    """What a factor says about the returns that follow.

    horizons: a row for each holding time with the mean, t, … of `rank_ic`, `ic`, `spread` and `fama_macbeth`.
    quantiles: a row for each holding time and quantile. decay, years, correlations, checks: tables. groups: rank IC and
    spread within the groups of `breakdowns`. series: figures by
    day in long form (`date`, `horizon`, `rank_ic`, `ic`, `spread`). id: that of the stored report. recorded: the trials
    that the request has recorded in its research line (`new`, `repeated`, `trials`, `portfolios`), None without one.
    document: the whole answer.
    """

    id: str
    factor: str
    horizons: pl.DataFrame
    quantiles: pl.DataFrame = field(repr=False)
    decay: pl.DataFrame = field(repr=False)
    half_life: float | None
    years: pl.DataFrame = field(repr=False)
    groups: pl.DataFrame = field(repr=False)
    correlations: pl.DataFrame = field(repr=False)
    checks: pl.DataFrame = field(repr=False)
    series: pl.DataFrame = field(repr=False)
    warnings: tuple[ResultWarning, ...]
    digest: str
    recorded: Mapping[str, Any] | None = field(repr=False)
    document: Mapping[str, Any] = field(repr=False)

    @classmethod
    def of(cls, document: Mapping[str, Any]) -> FactorReport:
        """Return the report of a document."""
        horizons = [
            {"horizon": of["horizon"]}
            | {
                f"{group}_{name}": of[group][name]
                for group, names in (
                    ("rank_ic", ("mean", "deviation", "t", "ratio", "ratio_annual", "positive", "rows")),
                    ("ic", ("mean", "t")), ("spread", ("mean", "t", "turnover", "net")),
                    ("fama_macbeth", ("mean", "t")),
                )
                for name in names
            }
            | {"rank_autocorrelation": of["rank_autocorrelation"]}
            for of in document["horizons"]
        ]  # fmt: skip
        quantiles = [{"horizon": of["horizon"]} | q for of in document["horizons"] for q in of["quantiles"]]
        return cls(
            id=document["id"], factor=document["factor"], horizons=frame(horizons), quantiles=frame(quantiles),
            decay=frame(document["decay"]["horizons"]), half_life=document["decay"]["half_life"],
            years=frame(document["years"]), groups=frame(_groups(document)),
            correlations=frame(document["correlations"] or []),
            checks=frame(document["checks"]), series=frame(_series(document)), warnings=warnings_in(document),
            digest=document["digest"], recorded=document["recorded"], document=document,
        )  # fmt: skip

    def _repr_html_(self) -> str:
        return str(self.horizons._repr_html_())


@dataclass(frozen=True, kw_only=True)
class FactorMatrix:
    """Rank IC of factors by holding time.

    cells: a row for each factor and horizon with `rank_ic`, its t, `ratio`, the mean `ic`, and `p`, `p_holm`, `p_bhy`.
    rank_ic: a row for each factor, a column for each horizon. failures: factor -> why it has no figures.
    recorded: as in a report.
    """

    cells: pl.DataFrame = field(repr=False)
    rank_ic: pl.DataFrame
    tests: int
    failures: Mapping[str, str]
    recorded: Mapping[str, Any] | None = field(repr=False)
    document: Mapping[str, Any] = field(repr=False)

    @classmethod
    def of(cls, document: Mapping[str, Any]) -> FactorMatrix:
        """Return the matrix of a document."""
        cells, rows = [], []
        for item in document["factors"]:
            row: dict[str, Any] = {"factor": item["factor"]} | {f"{h}": None for h in document["horizons"]}
            for cell in item["horizons"]:
                found = cell["rank_ic"]
                row[str(cell["horizon"])] = found["mean"]
                cells.append({
                    "factor": item["factor"], "horizon": cell["horizon"], "rank_ic": found["mean"], "t": found["t"],
                    "ratio": found["ratio"], "ic": cell["ic"]["mean"],
                    **{name: cell[name] for name in ("p", "p_holm", "p_bhy")},
                })  # fmt: skip
            rows.append(row)
        failures = {item["factor"]: item["failure"]["message"] for item in document["factors"] if item["failure"]}
        return cls(
            cells=frame(cells), rank_ic=frame(rows), tests=document["tests"], failures=failures,
            recorded=document["recorded"], document=document,
        )  # fmt: skip

    def _repr_html_(self) -> str:
        return str(self.rank_ic._repr_html_())


@dataclass(frozen=True, kw_only=True)
class OwnFactor:
    """An own factor: its newest definition, `coverage` by year and `versions`, the newest first.

    canonical: the text that replaces the name.
    """

    key: str
    version: int
    expression: str
    canonical: str
    unit: str
    summary: str
    coverage: pl.DataFrame = field(repr=False)
    versions: pl.DataFrame = field(repr=False)

    @classmethod
    def of(cls, document: Mapping[str, Any]) -> OwnFactor:
        """Return the factor of a document."""
        names = ("key", "version", "expression", "canonical", "unit", "summary")
        return cls(
            **{name: document[name] for name in names}, coverage=frame(document["coverage"]),
            versions=frame(document["versions"]),
        )  # fmt: skip


def _groups(document: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return a row for each group and horizon."""
    return [
        {name: of[name] for name in ("by", "group", "horizon", "stocks")}
        | {f"{part}_{name}": of[part][name] for part in ("rank_ic", "spread") for name in ("mean", "t", "rows")}
        for of in document["groups"] or ()
    ]


def _series(document: Mapping[str, Any]) -> dict[str, list[Any]]:
    """Return the figures by row in long form, empty columns without them."""
    names = ("rank_ic", "ic", "spread")
    found: dict[str, list[Any]] = {"date": [], "horizon": [], **{name: [] for name in names}}
    series = document["series"]
    for at, of in enumerate(document["horizons"] if series is not None else ()):
        found["date"] += series["date"]
        found["horizon"] += [of["horizon"]] * len(series["date"])
        for name in names:
            found[name] += series[name][at]
    return found
