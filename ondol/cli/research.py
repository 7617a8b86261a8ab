"""Texts of the commands about research lines and luck."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ondol.cli.terminal import details, moment, plain, table


def deflated_text(deflated: Mapping[str, Any] | None) -> str:
    """Return the statistics corrected for the number of trials of the line; an empty text without a line."""
    return "" if deflated is None else f"research {deflated['research']}: {deflated['conclusion']['message']}"


def recorded_text(recorded: Mapping[str, Any] | None) -> str:
    """Return how many trials a request has recorded in its line; an empty text without a line."""
    if recorded is None:
        return ""
    return (
        f"research {recorded['research']}: {recorded['new']:,} new trials, {recorded['repeated']:,} repeated, "
        f"{recorded['trials']:,} in all"
    )


def holdout_text(holdout: Mapping[str, Any]) -> str:
    """Return the days of a holdout and when they were opened, by what when it was another sweep or walk-forward."""
    found = f"{holdout['from']} to {holdout['to']}, opened {moment(holdout['opened_at'])}"
    before = holdout["opened_before"]
    if before is None:
        return found
    source = f"{before['kind'].replace('_', '-')} {before['id']}, variant {before['variant']}"
    return f"{found}; {before['from']} to {before['to']} opened {moment(before['opened_at'])} UTC by {source}"


def line_text(document: Mapping[str, Any]) -> str:
    """Return a line: counts, best trial, statistics with formulas, conclusion and warnings."""
    best = document["best"]
    source = None
    if best is not None:
        words = [
            (best["kind"] or "trial").replace("_", "-"), best["id"] or "",
            "" if best["variant"] is None else f"variant {best['variant']}",
            "" if best["factor"] is None else f"{best['factor']} at {best['horizon']} rows",
        ]  # fmt: skip
        source = (
            f"{' '.join(word for word in words if word)}: annual Sharpe ratio of weekly returns "
            f"{best['sharpe_annual']:.2f} over {best['years']:.1f} years"
        )
    closed = document["closed_at"]
    pairs: list[tuple[str, object]] = [
        ("research", document["name"]),
        ("trials", f"{document['trials']:,} distinct of {document['evaluations']:,} runs"),
        ("made elsewhere", plain(document["extra_trials"])),
        ("best", source),
        ("closed at", None if closed is None else moment(closed) + " UTC"),
        *(
            (
                "holdout opened",
                f"{moment(held['opened_at'])} UTC, {held['from']} to {held['to']}, variant {held['variant']}",
            )
            for held in document["holdouts"]
        ),
    ]
    rows = [
        [name, _shown(figure), figure["unit"], figure["formula"]] for name, figure in document["statistics"].items()
    ]
    warnings = "".join(f"\nwarning: {warning['message']}" for warning in document["warnings"])
    statistics = table(["statistic", "value", "unit", "formula"], rows, "lrll")
    return f"{details(pairs)}\n\n{statistics}\n\n{document['conclusion']['message']}{warnings}"


def _shown(figure: Mapping[str, Any]) -> str:
    low, high, value = figure["low"], figure["high"], figure["value"]
    ends = "" if low is None and high is None else f"{_number(low)} to {_number(high)}"
    if value is None:
        return ends or "-"
    return f"{_number(value)} ({ends})" if ends else _number(value)


def _number(value: float | None) -> str:
    return "-" if value is None else f"{value:,.4g}"
