"""What the commands of walk-forwards print: the windows, the stitched account, the values to trade next."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ondol.cli.research import deflated_text
from ondol.cli.sweeps import parameter_text
from ondol.cli.tables import MAIN, figure
from ondol.cli.terminal import table
from shared.infra.api_client.errors import reason_in


def windows_table(document: Mapping[str, Any]) -> str:
    """Return a table with a line for each window: days, choice, objective in and out of sample, rank."""
    statistic = document["objective"]["statistic"]
    rows = []
    for window in document["windows"]:
        values, objective, rank = window["values"], window["objective"], window["rank"]
        chosen = (
            "-" if values is None else ", ".join(f"{name} {parameter_text(value)}" for name, value in values.items())
        )
        figures = [figure(statistic, None if objective is None else objective[kind]) for kind in ("train", "test")]
        place = "-" if rank is None else f"{rank['rank']:g} of {rank['of']:,}"
        rows.append(
            [str(window["window"]), window["train"]["first"], window["test"]["first"], window["test"]["last"], chosen,
             *figures, place]
        )  # fmt: skip
    head = ["window", "train from", "test from", "to", "chosen", f"{statistic} train", "test", "rank"]
    return table(head, rows, "rllllrrr")


def stitched_text(document: Mapping[str, Any]) -> str:
    """Return what the account over all test days says, and the values to trade next, in some lines."""
    lines = [
        f"walk-forward {document['id']}: {document['status']}, {document['done']:,} of {document['variants']:,} runs, "
        f"chosen by {document['choose']}, {document['carry']} carried"
    ]
    found = document["stitched"]
    if found is not None:
        figures = ", ".join(f"{name} {figure(name, found['statistics'][name])}" for name in MAIN)
        lines.append(f"out of sample, {found['first']} to {found['last']}: {figures}")
        lines.append(_evidence(found))
    if document["deflated"] is not None:
        lines.append(deflated_text(document["deflated"]))
    if document["error"] is not None:
        lines.append(f"error: {reason_in(document['error'])}")
    if document["next"] is not None:
        values = ", ".join(f"{name} {parameter_text(value)}" for name, value in document["next"]["values"].items())
        lines.append(f"to trade next: {values}")
    return "\n".join(lines)


def _evidence(found: Mapping[str, Any]) -> str:
    parts = [] if found["t"] is None else [f"t {found['t']:.2f}"]
    if found["intervals"] is not None:
        low, high = found["intervals"]["sharpe"]
        parts.append(f"Sharpe {found['intervals']['confidence']:.0%} between {low:.2f} and {high:.2f}")
    if found["below_middle"] is not None:
        parts.append(f"choice below the middle in {found['below_middle']:.0%} of the windows")
    if found["efficiency"] is not None:
        parts.append(f"efficiency {found['efficiency']:.0%}")
    return ", ".join(parts) or "the returns do not vary"
