"""Warnings of a result: objects `{code, message, …figures}`, each code declared once.

WARNINGS is the declaration that docs/reference/warnings.md shows. A message names the figures and the remedy; every
number or name in it is a figure of the object too, so that programs need not parse it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import orjson

MAX_LISTED = 20
"""Stocks or dates that a warning lists; its count has them all."""


@dataclass(frozen=True, kw_only=True)
class WarningKind:
    """When a warning is given, its figures (name -> meaning with unit), and what to do about it."""

    when: str
    figures: Mapping[str, str]
    remedy: str


WARNINGS: dict[str, WarningKind] = {
    "window_clipped": WarningKind(
        when="`start` lies before the data, or `end` after them",
        figures={
            "side": "`start` or `end`", "requested": "requested date", "available": "first or last date of the data",
        },
        remedy="load the missing days, or request the dates that the data have",
    ),
    "no_signal": WarningKind(
        when="the window begins on the first row of the dataset, which has no row before it",
        figures={"date": "that row"},
        remedy="nothing can be bought on this row; start a row later or load earlier prices",
    ),
    "short_window": WarningKind(
        when="the window has fewer than 60 rows",
        figures={"rows": "rows of the window"},
        remedy="do not read annualised figures (cagr, volatility, sharpe, …) of so few days; choose a longer window",
    ),
    "unknown_stocks": WarningKind(
        when="`universe.exclude` names stock codes that the dataset does not have",
        figures={"stock_codes": f"the codes (at most {MAX_LISTED})", "count": "number of unknown codes"},
        remedy="correct the codes",
    ),
    "suspicious_value": WarningKind(
        when="a stop, target or trailing stop lies between 0 and 0.5 %; `min_hold_days` exceeds `max_hold_days`; "
        "or the strategy has no rule at all",
        figures={"field": "path in the request", "value": "its value (null: no rule)"},
        remedy="percentages are percent numbers: 10 means 10 %, 0.1 means 0.1 %",
    ),
    "no_effect": WarningKind(
        when="a field has another value than its default, and nothing reads it because of another field",
        figures={"field": "path in the request", "value": "its value", "needs": "what it has an effect with"},
        remedy="set the other field, or leave this one out",
    ),
    "factor_gap": WarningKind(
        when="a factor that the request names has no value for any stock of the universe on 20 or more consecutive "
        "rows that decide something",
        figures={
            "factor": "factor key", "path": "expression in the request", "from": "first row without a value",
            "to": "last row without a value", "rows": "deciding rows without a value",
            "rebalances": "rebalance days of the stretch without a candidate",
        },
        remedy="load the missing data, shorten the window, or remove the factor",
    ),
    "scarce_factor": WarningKind(
        when="a factor that the request names is present on less than 5 % of the stocks and rows that are read",
        figures={
            "factor": "factor key", "path": "expression in the request", "coverage": "present / read (0 to 1)",
            "reason": "why values are absent, if known",
        },
        remedy="load the data that the factor needs; do not judge a strategy by such a run",
    ),
    "no_candidate": WarningKind(
        when="no stock was ever a candidate for a purchase",
        figures={
            "universe": "stocks that were in the universe on some deciding row",
            "parts": "for each part of `buy.where`: stocks that fulfilled it at least once, and for a factor that is "
            "compared with a number and never fulfilled it, its lowest and highest value and its unit",
            "ranked": "stocks whose `rank_by` had a value at least once",
        },
        remedy="relax the part that few stocks fulfil, or widen the universe",
    ),
    "low_exposure": WarningKind(
        when="something was bought and the mean exposure is below 0.8",
        figures={
            "exposure": "mean invested share of equity (0 to 1)", "mean_positions": "mean number of positions",
            "slots": "`portfolio.max_positions`",
            "stopped_rows": "rows on which `portfolio.when` or the drawdown stop forbade purchases",
            "open_exposure": "`exposure` of the other rows (null: none)",
            "open_positions": "`mean_positions` of the other rows (null: none)",
        },
        remedy="few candidates: lower `max_positions`, or use `on_rebalance: reweight`, `invest: full`; full slots: "
        "lower `initial_cash` or choose larger stocks; market timing or a drawdown stop: compare with cash",
    ),
    "long_idle": WarningKind(
        when="after the first position there is none for 60 or more consecutive rows",
        figures={
            "from": "first row of the longest such stretch", "to": "its last row", "rows": "its rows",
            "stretches": "number of such stretches",
        },
        remedy="see which part of the condition failed in `explain`; compare the strategy with cash in this time",
    ),
    "large_orders": WarningKind(
        when="a purchase took more than 10 % of the volume of its day",
        figures={
            "share": "purchases above 10 % of the day's volume / purchases (0 to 1)", "orders": "their number",
            "buys": "number of purchases", "largest": "largest purchase / volume of its day",
            "above_listed_shares": "those of them that bought more shares than were listed",
        },
        remedy="such orders move the price: lower `initial_cash`, keep `execution.max_volume_pct`, set `costs.impact`, "
        "or choose larger stocks",
    ),
    "mostly_not_common": WarningKind(
        when="more than 20 % of the purchases are preferred shares, SPACs or REITs",
        figures={
            "share": "such purchases / purchases (0 to 1)", "preferred": "purchases of preferred shares",
            "spac": "purchases of SPACs", "reit": "purchases of REITs", "buys": "number of purchases",
        },
        remedy="leave these kinds out of `universe.kinds` unless they are meant",
    ),
    "suspect_price": WarningKind(
        when="the open or close of a position moved more than one tick beyond the daily limit of its market without a "
        "split, outside first and liquidation rows",
        figures={
            "stock_code": "stock of the largest move", "date": "its day", "move": "its change against the base price",
            "count": "number of such prices", "prices": f"the largest ones (at most {MAX_LISTED})",
        },
        remedy="check the prices of these days; a missing split, consolidation or capital reduction is the usual cause",
    ),
    "stale_exit": WarningKind(
        when="positions left at a delisting at a price that was more than 30 days old",
        figures={"count": "number of such exits", "stock_codes": f"their stocks (at most {MAX_LISTED})"},
        remedy="such a price could not be had: see `execution.delisting` and `execution.stale_haircut_pct`",
    ),
    "unpriced_holdings": WarningKind(
        when="stocks that are held on the last row have not traded for more than 60 rows",
        figures={
            "count": "number of such stocks", "value": "their value in won at the last close",
            "holdings": f"stock_code and last_traded of each (at most {MAX_LISTED})",
        },
        remedy="their value may not be realisable; load `delisted_on` if they were delisted",
    ),
    "benchmark_starts_late": WarningKind(
        when="the benchmark index has no value before a day inside the window",
        figures={"benchmark": "name of the index", "first": "its first day; the return before is 0"},
        remedy="load earlier values of the index, or start the window later",
    ),
    "benchmark_ends_early": WarningKind(
        when="the benchmark index has no value after a day inside the window",
        figures={"benchmark": "name of the index", "last": "its last day; the return after is 0"},
        remedy="load later values of the index, or end the window earlier",
    ),
}  # fmt: skip
"""Code -> declaration, in the order in which a result lists warnings."""

_ORDER = {code: position for position, code in enumerate(WARNINGS)}


@dataclass(frozen=True)
class ResultWarning:
    """One warning; `figures` are exactly those that WARNINGS declares for its code."""

    code: str
    message: str
    figures: Mapping[str, Any]

    def document(self) -> dict[str, Any]:
        """Return the object of the result."""
        return {"code": self.code, "message": self.message, **self.figures}


def warn(code: str, message: str, figures: Mapping[str, Any]) -> ResultWarning:
    """Return a warning; raise ValueError for a code or figures that are not declared."""
    if set(figures) != set(WARNINGS[code].figures):
        raise ValueError(f"the warning {code} has the figures {sorted(WARNINGS[code].figures)}, not {sorted(figures)}")
    return ResultWarning(code, message, figures)


def documents(warnings: Iterable[ResultWarning]) -> list[dict[str, Any]]:
    """Return the objects of a result in the order of WARNINGS, equal codes by message, without duplicates."""
    distinct = {(_ORDER[warning.code], warning.message): warning for warning in warnings}
    return [distinct[key].document() for key in sorted(distinct)]


def encode_warnings(warnings: Iterable[ResultWarning]) -> bytes:
    """Return `documents` as canonical JSON."""
    return orjson.dumps(documents(warnings), option=orjson.OPT_SORT_KEYS)


def percent(fraction: float) -> str:
    """Return a fraction for a message: `12.3 %`."""
    return f"{100 * fraction:.4g} %"


def listed(names: Iterable[str]) -> str:
    """Return names for a message, at most MAX_LISTED of them."""
    every = list(names)
    more = len(every) - MAX_LISTED
    return ", ".join(every[:MAX_LISTED]) + (f" and {more} more" if more > 0 else "")


def benchmark_starts_late(benchmark: str, first: str) -> ResultWarning:
    """`first` is the ISO date of the first value."""
    message = f"the index {benchmark} begins on {first}; its return before is 0. Start the window on that day or later."
    return warn("benchmark_starts_late", message, {"benchmark": benchmark, "first": first})


def benchmark_ends_early(benchmark: str, last: str) -> ResultWarning:
    """`last` is the ISO date of the last value."""
    message = (
        f"the index {benchmark} has no value after {last} in this window; its return is 0 there. "
        "Load later values or end the window on that day."
    )
    return warn("benchmark_ends_early", message, {"benchmark": benchmark, "last": last})


def scarce_factor(factor: str, path: str, coverage: float, reason: str | None) -> ResultWarning:
    """`coverage` is the fraction of the stocks and rows read on which the factor has a value."""
    because = f" ({reason})" if reason else ""
    message = (
        f"{factor} ({path}) is present on only {percent(coverage)} of the stocks and rows that are read{because}; "
        "do not judge the strategy by this run"
    )
    return warn("scarce_factor", message, {"factor": factor, "path": path, "coverage": coverage, "reason": reason})


def factor_gap(factor: str, path: str, *, first: str, last: str, rows: int, rebalances: int) -> ResultWarning:
    """`first` and `last` are ISO dates of the stretch of deciding rows without any value."""
    buys = path.startswith(("strategy.buy", "strategy.universe"))
    effect = (
        f"on {rebalances} rebalance days of this stretch no stock was a candidate"
        if buys
        else "comparisons with it were false on these rows"
    )
    message = (
        f"{factor} ({path}) has no value for any stock of the universe on {rows} deciding rows from {first} to {last}; "
        f"{effect}. Load the missing data or shorten the window."
    )
    figures = {"factor": factor, "path": path, "from": first, "to": last, "rows": rows, "rebalances": rebalances}
    return warn("factor_gap", message, figures)
