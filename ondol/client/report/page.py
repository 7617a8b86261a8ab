"""The report of a result as one page of HTML without scripts and external files, for screens and paper."""

from __future__ import annotations

import html
import json
from collections.abc import Iterable, Sequence
from importlib.resources import files
from typing import TYPE_CHECKING, Any

from ondol.client.report.charts import ChartLine, chart
from ondol.client.report.figures import worst_drawdowns, yearly

if TYPE_CHECKING:
    from ondol.client.result import ResultData

MAX_TRADES = 5_000
"""Trades on the page; the rest is counted and left to the downloads."""

BESIDE = {
    "total_return": ("Total return", "benchmark_total_return"),
    "cagr": ("Return a year", "benchmark_cagr"),
    "max_drawdown": ("Deepest drawdown", "benchmark_max_drawdown"),
}
"""Figures with the benchmark's beside them."""

FRACTIONS = {
    "excess_return": "Return above the benchmark",
    "volatility": "Volatility a year",
    "alpha": "Alpha a year",
    "tracking_error": "Tracking error",
    "win_rate": "Round trips with a gain",
    "average_win": "Average gain",
    "average_loss": "Average loss",
    "best_month": "Best month",
    "worst_month": "Worst month",
    "exposure": "Mean exposure",
    "invested_days": "Days with a position",
    "participation_median": "Median share of the day's volume",
}
NUMBERS = {
    "sharpe": "Sharpe ratio",
    "sortino": "Sortino ratio",
    "calmar": "Calmar ratio",
    "beta": "Beta",
    "information_ratio": "Information ratio",
    "profit_factor": "Profit factor",
    "average_holding_days": "Average holding, days",
    "turnover": "Turnover, times a year",
    "trades": "Trades",
    "commission_paid": "Commission, won",
    "tax_paid": "Tax, won",
    "slippage_paid": "Slippage, won",
    "dividends_received": "Dividends, won",
}


def page(result: ResultData) -> str:
    """Return the whole page."""
    title = f"{result.name}, {result.request['start']} to {result.request['end']}"
    parts = [
        _head(result),
        _warnings(result),
        "<h2>Figures</h2>",
        _figures(result),
        _equity(result),
        "<h2>Returns by month</h2>",
        _months(result),
        "<h2>Returns by year</h2>",
        _years(result),
        "<h2>Worst drawdowns</h2>",
        _drawdowns(result),
        "<h2>Trades</h2>",
        _trades(result),
        "<h2>Request</h2>",
        f"<pre>{html.escape(json.dumps(result.request, indent=1, ensure_ascii=False))}</pre>",
        _provenance(result),
    ]
    return (
        '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>{html.escape(title)}</title>\n<style>\n{_style()}</style>\n</head>\n<body>\n"
        + "\n".join(parts)
        + "\n</body>\n</html>\n"
    )


def fragment(result: ResultData) -> str:
    """Return figures, warnings and equity for a notebook, with styles that reach nothing else on its page."""
    style = _style().replace(":root, .ondol", "&").replace("body, .ondol", "&")
    body = "\n".join([_head(result), _warnings(result), _figures(result, short=True), _equity(result)])
    return f"<style>\n.ondol {{\n{style}}}\n</style>\n<div class='ondol'>{body}</div>"


def _style() -> str:
    return files("ondol.client.report").joinpath("report.css").read_text(encoding="utf-8")


class Cell(str):
    """A cell as HTML, from `<td` on."""

    __slots__ = ()


def table(head: Sequence[str], rows: Iterable[Sequence[str]], kind: str = "") -> str:
    """Return a table; cells are escaped unless they are Cell."""
    cells = "".join(f"<th>{html.escape(name)}</th>" for name in head)
    body = "".join(
        "<tr>" + "".join(c if isinstance(c, Cell) else f"<td>{html.escape(c)}</td>" for c in row) + "</tr>"
        for row in rows
    )
    return f'<table class="{kind}"><thead><tr>{cells}</tr></thead><tbody>{body}</tbody></table>'


def percent(value: float | None) -> str:
    """Return a fraction as a percentage."""
    return "–" if value is None else f"{100 * value:,.2f} %"


def number(value: float | None) -> str:
    """Return a number with thousands separators."""
    if value is None:
        return "–"
    return f"{value:,.0f}" if abs(value) >= 1000 or value == int(value) else f"{value:,.2f}"


def _head(result: ResultData) -> str:
    request = result.request
    against = request.get("benchmark")
    named = f"beside {html.escape(str(against))}" if against else "without a benchmark"
    cash = f"{request['initial_cash']:,.0f} won"
    return (
        f"<h1>{html.escape(result.name)}</h1>"
        f"<p>{request['start']} to {request['end']}, {cash}, {named}. Past results of a model are no promise.</p>"
    )


def _warnings(result: ResultData) -> str:
    found = [str(warning) for warning in result.warnings]
    if result.deflated is not None:
        found.insert(0, str(result.deflated["conclusion"]["message"]))
    if not found:
        return ""
    items = "".join(f"<li>{html.escape(warning)}</li>" for warning in found)
    return f'<section class="warnings"><h2>Read this first</h2><ul>{items}</ul></section>'


def _figures(result: ResultData, *, short: bool = False) -> str:
    found = result.statistics
    rows = [[title, percent(found.get(name)), percent(found.get(other))] for name, (title, other) in BESIDE.items()]
    fractions = {name: FRACTIONS[name] for name in ("excess_return", "volatility", "win_rate")} if short else FRACTIONS
    numbers = {name: NUMBERS[name] for name in ("sharpe", "trades")} if short else NUMBERS
    rows += [[title, percent(found.get(name)), ""] for name, title in fractions.items()]
    rows += [[title, number(found.get(name)), ""] for name, title in numbers.items()]
    unfilled = ", ".join(f"{reason} {count:,}" for reason, count in result.unfilled.items())
    if unfilled and not short:
        rows.append(["Orders not filled", unfilled, ""])
    return table(["figure", "strategy", str(result.request.get("benchmark") or "no benchmark")], rows, "figures")


def _equity(result: ResultData) -> str:
    curve = result.equity
    days, cash = curve["date"].to_list(), result.request["initial_cash"]
    grown = [None if value is None else value / cash - 1 for value in curve["equity"].to_list()]
    lines = [ChartLine(name="strategy", values=grown, kind="strategy")]
    against = [None if value is None else value / cash - 1 for value in curve["benchmark"].to_list()]
    if any(value is not None for value in against):
        lines.append(ChartLine(name=str(result.request["benchmark"]), values=against, kind="benchmark"))
    fall = ChartLine(name="strategy", values=curve["drawdown"].to_list(), kind="fall", filled=True)
    return chart(days, lines, title="Return since the start", unit="%") + chart(
        days, [fall], title="Drawdown", unit="%", height=140
    )


def _months(result: ResultData) -> str:
    by_year: dict[str, dict[int, float | None]] = {}
    for month, value in result.monthly_returns.iter_rows():
        by_year.setdefault(month[:4], {})[int(month[5:7])] = value
    months = [f"{month:02d}" for month in range(1, 13)]
    years = dict(result.yearly_returns.iter_rows())
    rows = [
        [year, *(_heat(values.get(month)) for month in range(1, 13)), percent(years.get(year))]
        for year, values in by_year.items()
    ]
    return table(["year", *months, "year's"], rows, "months")


def _heat(value: float | None) -> Cell:
    if value is None:
        return Cell("<td></td>")
    strength = min(abs(value) / 0.1, 1.0) * 0.75
    colour = "var(--rise)" if value > 0 else "var(--loss)"
    style = f"background:color-mix(in srgb, {colour} {100 * strength:.0f}%, transparent)"
    return Cell(f'<td style="{style}">{100 * value:+.1f}</td>')


def _years(result: ResultData) -> str:
    curve, cash = result.equity, result.request["initial_cash"]
    days = curve["date"].to_list()
    own = yearly(days, curve["equity"].to_list(), cash)
    other = yearly(days, curve["benchmark"].to_list(), cash)
    rows = [
        [
            str(year), percent(value), percent(other.get(year)),
            percent(value - other[year]) if year in other else "–",
        ]
        for year, value in own.items()
    ]  # fmt: skip
    return table(["year", "strategy", str(result.request.get("benchmark") or "no benchmark"), "difference"], rows)


def _drawdowns(result: ResultData) -> str:
    curve = result.equity
    falls = worst_drawdowns(curve["date"].to_list(), curve["equity"].to_list(), result.request["initial_cash"])
    if not falls:
        return "<p>The equity never fell below a peak.</p>"
    rows = [[percent(f.depth), str(f.peak), str(f.bottom), str(f.recovery or "not yet"), f"{f.days:,}"] for f in falls]
    return table(["depth", "peak", "bottom", "recovered", "days"], rows)


def _trades(result: ResultData) -> str:
    table_ = result.trades
    count = table_.height
    if not count:
        return "<p>There are no trades.</p>"
    by_reason = table_.group_by("side", "reason", maintain_order=True).len()
    summary = table(["side", "reason", "trades"], [[s, r, f"{n:,}"] for s, r, n in by_reason.iter_rows()])
    rows = [
        [
            str(trade["date"]), trade["stock_code"], trade["name"] or "", trade["side"], number(trade["shares"]),
            number(trade["price"]), number(trade["shares"] * trade["price"]), trade["reason"],
        ]
        for trade in table_.head(MAX_TRADES).iter_rows(named=True)
    ]  # fmt: skip
    head = ["date", "code", "name", "side", "shares", "price", "won", "reason"]
    note = f"<p>The first {MAX_TRADES:,} of {count:,}; downloads have all.</p>" if count > MAX_TRADES else ""
    listed = f"<details><summary>All {count:,} trades</summary>{note}{table(head, rows, 'trades')}</details>"
    return summary + listed


def _provenance(result: ResultData) -> str:
    known: dict[str, Any] = {"backtest": result.id, **result.provenance}
    return "<h2>Provenance</h2>" + table(["what", "value"], [[n.replace("_", " "), str(v)] for n, v in known.items()])
