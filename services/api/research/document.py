"""JSON of research lines."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from services.api.backtests.serialize import instant
from services.api.research.lines import LineReport, Row, best_returns
from services.api.research.record import sentence
from services.api.sweeps.holdout import opening_document
from shared.messages import Language
from shared.research.ledger.report import best_document


def line_head(row: Row) -> dict[str, Any]:
    """Return the fields that every answer about a line has."""
    returns = best_returns(row)
    moments = None if returns is None else best_document(returns)
    return {
        "name": row["name"],
        "created_at": instant(row["created_at"]),
        "updated_at": instant(row["updated_at"]),
        "closed_at": instant(row["closed_at"]),
        "evaluations": row["evaluations"],
        "trials": row["trials"],
        "extra_trials": row["extra_trials"],
        "best_sharpe_annual": None if moments is None else moments["sharpe_annual"],
    }


def line_document(row: Row, report: LineReport, holdouts: Sequence[Row], language: Language) -> dict[str, Any]:
    """Return the JSON of `GET /v1/research/{line}`."""
    best = None
    if report.best is not None:
        source = None if row["best_source"] is None else str(row["best_source"])
        best = {
            "kind": row["best_kind"], "id": source, "variant": row["best_variant"], "factor": row["best_factor"],
            "horizon": row["best_horizon"], **report.best,
        }  # fmt: skip
    return {
        **line_head(row),
        "counted": row["trials"] + row["extra_trials"],
        "sample": report.sample,
        "family": report.family,
        "best": best,
        "statistics": report.figures,
        "holdouts": [
            opening_document(holdout) for holdout in holdouts
        ],
        "conclusion": sentence(report.conclusion, language),
        "warnings": [sentence(message, language) for message in report.warnings],
    }  # fmt: skip
