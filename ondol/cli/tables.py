"""Results of backtests as tables: one line each, all figures of one, or several in columns."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ondol.cli.terminal import percent, plain, table
from shared.infra.api_client.errors import reason_in

MAIN = ("total_return", "cagr", "max_drawdown", "sharpe", "win_rate")
FRACTIONS = frozenset({
    "alpha", "average_loss", "average_win", "best_day", "best_month", "cagr", "exposure", "max_drawdown",
    "total_return", "tracking_error", "volatility", "win_rate", "worst_day", "worst_month",
})  # fmt: skip
"""Statistics that are printed as percentages."""


def figure(name: str, value: Any) -> str:
    """Return one of the `statistics` as text."""
    if value is None:
        return "-"
    if name in FRACTIONS:
        return percent(value)
    return f"{value:.2f}" if isinstance(value, float) and abs(value) < 1000 else plain(value)


def summary(names: Sequence[str], documents: Sequence[Mapping[str, Any]], what: str = "strategy") -> str:
    """Return a table of the completed backtests and their benchmarks, then errors of the others and warnings."""
    lines, rows, benchmarks = [], [], dict[tuple[str, ...], None]()
    for name, document in zip(names, documents, strict=True):
        if document["status"] != "completed":
            lines.append(f"{name}: {document['status']}: {reason_in(document.get('error') or {})}")
            continue
        result = document["result"]
        figures = result["statistics"]
        cells = [figure(key, figures.get(key)) for key in MAIN]
        total = (result.get("timing") or {}).get("total_ms")
        rows.append([name, *cells, f"{len(result['trades']):,}", "-" if total is None else f"{total:.1f} ms"])
        if figures.get("benchmark_total_return") is not None:
            known = ("benchmark_total_return", "benchmark_cagr", "benchmark_max_drawdown")
            beside = [percent(figures.get(key)) for key in known]
            benchmarks[(str(document["request"]["benchmark"]), *beside, "", "", "", "")] = None
        lines += [f"{name}: {warning}" for warning in warnings(result)]
    head = [what, "return", "a year", "drawdown", "Sharpe", "wins", "trades", "time"]
    shown = [*rows, *(list(row) for row in benchmarks)]
    return "\n".join([*([table(head, shown)] if rows else []), *lines])


def warnings(result: Mapping[str, Any]) -> list[str]:
    """Return the messages of a result's warnings."""
    return [w if isinstance(w, str) else str(w.get("message", w)) for w in result.get("warnings") or []]


def side_by_side(head: Sequence[str], several: Sequence[Mapping[str, Any]]) -> str:
    """Return a table with a row for each figure and a column for each backtest; main figures first."""
    known = {name: None for statistics in several for name in statistics}
    ordered = [name for name in MAIN if name in known] + sorted(name for name in known if name not in MAIN)
    rows = [[name, *(figure(name, statistics.get(name)) for statistics in several)] for name in ordered]
    return table(head, rows)


def trades(rows: Sequence[Mapping[str, Any]]) -> str:
    """Return a table of trade rows of the API: prices in won, shares with thousands separators."""
    head = ["date", "code", "name", "side", "shares", "price", "reason"]
    return table(head, [trade(row) for row in rows], "llllrrl")


def trade(row: Mapping[str, Any]) -> list[str]:
    """Return date, code, name, side, shares, price and reason of a trade row as texts."""
    price = f"{row['price']:,.0f}"
    return [row["date"], row["stock_code"], row["name"], row["side"], f"{row['shares']:,}", price, row["reason"]]
