"""What the API answers, as values with frames: screens, holdings, explanations, audits, comparisons."""

from __future__ import annotations

import datetime as dt
import html
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from ondol.client.frames import frame
from shared.infra.api_client.errors import Mistake, mistakes_in

if TYPE_CHECKING:
    import polars as pl


ROBUSTNESS_FIGURES = ("total_return", "cagr", "sharpe", "max_drawdown", "trades")


@dataclass(frozen=True, kw_only=True)
class ResultWarning:
    """What a reader must know before trusting figures: a stable code, a sentence, and the figures of the code."""

    code: str
    message: str
    figures: Mapping[str, Any] = field(default_factory=dict)

    def __str__(self) -> str:
        return self.message


def warnings_in(document: Mapping[str, Any]) -> tuple[ResultWarning, ...]:
    """Return the warnings of a result or a screen; results of engine version 1 have texts only."""
    items = document.get("warnings") or ()
    if isinstance(items, Mapping):  # by columns, where a warning has null in the columns of others
        names, columns = list(items), list(items.values())
        rows = [dict(zip(names, row, strict=True)) for row in zip(*columns, strict=True)]
        items = [{name: value for name, value in row.items() if value is not None} for row in rows]
    found = []
    for item in items:
        if isinstance(item, Mapping):
            figures = {name: value for name, value in item.items() if name not in ("code", "message")}
            found.append(ResultWarning(code=str(item.get("code")), message=str(item.get("message")), figures=figures))
        else:
            found.append(ResultWarning(code="text", message=str(item)))
    return tuple(found)


class Statistics(Mapping[str, Any]):
    """Figures of a result by name: `statistics["sharpe"]` or `statistics.sharpe`; fractions, won, days, None."""

    def __init__(self, figures: Mapping[str, Any]) -> None:
        self._figures = dict(figures)

    def __getitem__(self, name: str) -> Any:
        return self._figures[name]

    def __getattr__(self, name: str) -> Any:
        try:
            return self.__dict__["_figures"][name]
        except KeyError:
            raise AttributeError(f"the statistics have no figure {name!r}") from None

    def __iter__(self) -> Iterator[str]:
        return iter(self._figures)

    def __len__(self) -> int:
        return len(self._figures)

    def __dir__(self) -> list[str]:
        return [*super().__dir__(), *self._figures]

    def __repr__(self) -> str:
        return "\n".join(f"{name:<24} {value}" for name, value in self._figures.items())

    def to_polars(self) -> pl.DataFrame:
        """Return one row with a column for each figure."""
        import polars as pl

        return pl.DataFrame({name: [value] for name, value in self._figures.items()}, strict=False)


@dataclass(frozen=True, kw_only=True)
class Screen:
    """The stocks that passed a condition on the row of `date`.

    Of the `universe`, `total` stocks passed; `frame` has the first of them, `parts` the number that passed each part of
    the condition, and that remained after it.
    """

    date: dt.date
    total: int
    frame: pl.DataFrame
    warnings: tuple[ResultWarning, ...] = ()
    universe: int | None = None
    parts: pl.DataFrame | None = field(default=None, repr=False)

    @classmethod
    def of(cls, document: Mapping[str, Any]) -> Screen:
        """Return the screen of a document."""
        return cls(
            date=dt.date.fromisoformat(document["date"]),
            total=document["total"],
            frame=frame([_flat(item) for item in document["items"]], "screen"),
            warnings=warnings_in(document),
            universe=document.get("universe"),
            parts=frame(document.get("parts") or (), "parts"),
        )

    def _repr_html_(self) -> str:
        notes = "".join(f"<p>⚠ {html.escape(str(warning))}</p>" for warning in self.warnings)
        return f"<p>{self.total:,} stocks on {self.date}</p>{notes}{self.frame._repr_html_()}"


def _flat(item: Mapping[str, Any]) -> dict[str, Any]:
    """Return a stock of a screen with its further values as columns."""
    return {name: value for name, value in item.items() if name != "values"} | dict(item.get("values") or {})


@dataclass(frozen=True, kw_only=True)
class Holdings:
    """The positions on the evening of a day; their values and the cash add up to the equity (won)."""

    date: dt.date
    equity: float
    cash: float
    frame: pl.DataFrame

    @classmethod
    def of(cls, document: Mapping[str, Any]) -> Holdings:
        """Return the holdings of a document."""
        return cls(
            date=dt.date.fromisoformat(document["date"]),
            equity=document["equity"],
            cash=document["cash"],
            frame=frame(document["holdings"], "holdings"),
        )

    def _repr_html_(self) -> str:
        head = f"<p>{self.date}: equity {self.equity:,.0f} won, cash {self.cash:,.0f} won</p>"
        return head + self.frame._repr_html_()


@dataclass(frozen=True, kw_only=True)
class Explanation:
    """Why each trade was made, and how many stocks passed each part of the condition on each rebalance day."""

    document: Mapping[str, Any] = field(repr=False)

    @property
    def trades(self) -> pl.DataFrame:
        """Trades with rule, level and reference price of their decision, the row that decided, and its values."""
        rows = [dict(trade) | _why(trade.get("why") or {}) for trade in self.document.get("trades") or ()]
        return frame([{k: v for k, v in row.items() if k != "why"} for row in rows], "trades")

    @property
    def rebalances(self) -> pl.DataFrame:
        """One row for each rebalance day and part of the condition, with the number of stocks that passed it."""
        rows = [
            {
                "date": day["date"], "decided_on": day["decided_on"], "universe": day["universe"],
                "candidates": day["candidates"], "condition": part["condition"], "passed": part["passed"],
            }
            for day in self.document.get("rebalances") or ()
            for part in day["parts"] or ({"condition": "", "passed": day["universe"]},)
        ]  # fmt: skip
        return frame(rows)


def _why(why: Mapping[str, Any]) -> dict[str, Any]:
    values = ", ".join(f"{name} = {value}" for name, value in (why.get("values") or {}).items())
    found = {name: why.get(name) for name in ("rule", "level", "reference", "decided_on", "rank", "candidates")}
    return found | {"values": values}


@dataclass(frozen=True, kw_only=True)
class Audit:
    """Result of the look-ahead audit: `identical` when no trade before a cut depends on data after it."""

    identical: bool
    cuts: pl.DataFrame = field(repr=False)

    @classmethod
    def of(cls, document: Mapping[str, Any]) -> Audit:
        """Return the audit of a document."""
        rows = [{name: cut.get(name) for name in ("date", "trades", "identical")} for cut in document["cuts"]]
        return cls(identical=document["identical"], cuts=frame(rows))


@dataclass(frozen=True, kw_only=True)
class Robustness:
    """Figures of a backtest under changes that should not matter, and against random selections.

    lines: one row for each changed backtest (`group`, `name`, `parameter`, `value`, figures, `failure`). percentile and
    p_value: where its Sharpe ratio lies among random selections with the same exits, None where none were drawn.
    cliffs: parameters with a neighbour below half of the Sharpe ratio. recorded: the trials that the report recorded
    in its research line (`new`, `repeated`, `trials`), None without one. document: the whole answer.
    """

    lines: pl.DataFrame = field(repr=False)
    percentile: float | None
    p_value: float | None
    cliffs: tuple[str, ...]
    recorded: Mapping[str, Any] | None
    document: Mapping[str, Any] = field(repr=False)

    @classmethod
    def of(cls, document: Mapping[str, Any]) -> Robustness:
        """Return the report of a document."""
        rows = []
        for group in ("neighbours", "slippage", "starts", "phases", "delay", "sub_universes"):
            for line in document[group]["lines"]:
                figures = line["figures"] or dict.fromkeys(ROBUSTNESS_FIGURES)
                failure = line["failure"] and line["failure"]["message"]
                value = None if line["value"] is None else str(line["value"])
                named = {"group": group, "name": line["name"], "parameter": line["parameter"], "value": value}
                rows.append(named | {name: figures[name] for name in ROBUSTNESS_FIGURES} | {"failure": failure})
        drawn = (document["random_selection"] or {}).get("sharpe") or {}
        return cls(
            lines=frame(rows), percentile=drawn.get("percentile"), p_value=drawn.get("p_value"),
            cliffs=tuple(document["neighbours"]["cliffs"]), recorded=document["recorded"],
            document=document,
        )  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class Replay:
    """Whether a backtest gives the same result again: `identical`, `different` or `dataset_gone`."""

    outcome: str
    result_digest: str | None
    stored_result_digest: str | None
    first_difference: Mapping[str, Any] | None

    @classmethod
    def of(cls, document: Mapping[str, Any]) -> Replay:
        """Return the replay of a document."""
        return cls(**{name: document.get(name) for name in cls.__dataclass_fields__})  # type: ignore[arg-type]


@dataclass(frozen=True, kw_only=True)
class Comparison:
    """Backtests side by side: figures in `statistics`, equity on the days that all have in `equity`.

    `sharpe_differences` has for each backtest after the first its Sharpe ratio less that of the first, a year, with
    standard error and two-sided p-value (Ledoit and Wolf 2008).
    """

    statistics: pl.DataFrame
    equity: pl.DataFrame = field(repr=False)
    sharpe_differences: pl.DataFrame

    @classmethod
    def of(cls, document: Mapping[str, Any]) -> Comparison:
        """Return the comparison of a document; columns are named by strategy, or by the end of the id."""
        names: list[str] = []
        for item in document["items"]:
            name = item.get("name") or item["strategy_id"] or "…" + item["id"][-8:]
            names.append(name if name not in names else f"{name} …{item['id'][-8:]}")
        figures = dict.fromkeys(figure for item in document["items"] for figure in item["statistics"])
        columns: dict[str, Any] = {"figure": list(figures)}
        for name, item in zip(names, document["items"], strict=True):
            values = [item["statistics"].get(figure) for figure in figures]
            columns[name] = [value if isinstance(value, int | float) else None for value in values]
        curves = {name: item["equity"] for name, item in zip(names, document["items"], strict=True)}
        compared = list(zip(names, document["items"], strict=True))[1:]
        differences: dict[str, Any] = {"backtest": [name for name, _ in compared]}
        for column in ("difference", "error", "p"):
            differences[column] = [(item.get("sharpe_difference") or {}).get(column) for _, item in compared]
        return cls(
            statistics=frame(columns), equity=frame({"date": document["dates"], **curves}),
            sharpe_differences=frame(differences),
        )  # fmt: skip

    def _repr_html_(self) -> str:
        return str(self.statistics._repr_html_())


@dataclass(frozen=True, kw_only=True)
class ExpressionCheck:
    """What the API says about an expression: its canonical text and the fields that it reads, or its mistakes."""

    ok: bool
    canonical: str | None
    type: str | None
    reads: tuple[str, ...]
    errors: tuple[Mistake, ...]
    tree: Mapping[str, Any] | None = field(repr=False, default=None)

    @classmethod
    def of(cls, document: Mapping[str, Any]) -> ExpressionCheck:
        """Return the check of a document."""
        return cls(
            ok=document["ok"],
            canonical=document.get("canonical"),
            type=document.get("type"),
            reads=tuple(document.get("reads") or ()),
            errors=mistakes_in(document),
            tree=document.get("tree"),
        )
