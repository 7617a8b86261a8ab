"""What the commands of sweeps print: progress, the table of variants, the state of a sweep."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import quote

from ondol.cli.tables import figure
from ondol.cli.terminal import Bar, plain, table
from ondol.client.sweep import ENDS
from shared.infra.api_client.client import ApiClient

COLUMNS = ("total_return", "cagr", "max_drawdown", "sharpe", "trades")


async def followed(
    api: ApiClient, document: Mapping[str, Any], bar: Bar, resource: str = "sweeps"
) -> dict[str, Any]:  # fmt: skip
    """Show the progress of a sweep or walk-forward on a bar until its end; return its document."""
    path = f"/v1/{resource}/{quote(document['id'], safe='')}"
    done = 0
    if document["status"] not in ENDS:
        async for event in api.events(f"{path}/events", ends=ENDS):
            if event.kind == "part":
                done += event.data["variants"]
                bar("variants", done, max(document["variants"], done))
    found: dict[str, Any] = await api.call("GET", path)
    return found


def variants_table(rows: Sequence[Mapping[str, Any]], objective: Mapping[str, Any]) -> str:
    """Return a table of variants: parameters, the statistic of the objective, main figures."""
    if not rows:
        return "no variant is ranked: none is completed, has the statistic and meets the condition"
    first = objective["statistic"]
    names = list(rows[0]["values"])
    shown = [first, *(name for name in COLUMNS if name != first)]
    cells = [
        [str(row["variant"]), *(parameter_text(row["values"][name]) for name in names),
         *(figure(name, (row["statistics"] or {}).get(name)) for name in shown)]
        for row in rows
    ]  # fmt: skip
    return table(["variant", *(f"${name}" for name in names), *shown], cells, "r" * (1 + len(names) + len(shown)))


def parameter_text(value: Any) -> str:
    """Return the value of a parameter as its table shows it."""
    return "null" if value is None else plain(value)


def significance_text(statistics: Mapping[str, Any] | None) -> str:
    """Return how much of the best variant may be luck, in two lines; an empty text without statistics."""
    if statistics is None:
        return ""
    low, high = statistics["sr0_annual"]
    best, pbo = statistics["best"], statistics["pbo"]
    independent = statistics["independent"]["participation"]
    overfitting = "" if pbo is None else f", probability of overfitting {pbo['probability']:.0%}"
    return (
        f"{statistics['trials']:,} trials, equivalent to {independent:.1f} independent trials: the best without any "
        f"skill shows an annual Sharpe ratio of weekly returns of {low:.2f} to {high:.2f}, "
        f"this one {best['sharpe_annual']:.2f}\n"
        f"deflated Sharpe ratio {best['dsr'][0]:.1%} to {best['dsr'][1]:.1%}{overfitting}"
    )


def objective_text(document: Mapping[str, Any]) -> str:
    """Return what was run and how it was ranked, in a line."""
    objective = document["objective"]
    failed = f", {document['failed']:,} failed" if document["failed"] else ""
    where = f" where {objective['where']}" if objective["where"] else ""
    speed = f", {document['runs_per_second']:,.0f} a second" if document["runs_per_second"] else ""
    return (
        f"sweep {document['id']}: {document['status']}, {document['done']:,} of {document['variants']:,} variants"
        f"{failed}{speed}; {objective['direction']} {objective['statistic']}{where}"
    )
