"""JSON of sweeps: state, progress, best variants, plateau; and the rows of their tables."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from typing import Any

import msgspec
import numpy as np

from services.api.backtests.serialize import instant
from services.api.localization import localized_problem
from services.api.sweeps.holdout import Earlier, holdout_document
from services.api.sweeps.row import SweepRow
from services.api.tables.table import BLOCK_ROWS, Column, Rows
from shared.contracts.research import BEST_VARIANTS
from shared.messages import Language
from shared.model.calendar import iso
from shared.research.sweeps.columns import SweepTable
from shared.research.sweeps.plan import SweepPlan
from shared.research.sweeps.plateau import plateau
from shared.simulation.statistics import COUNT_FIGURES, DATE_FIGURES
from shared.simulation.variants import FIGURES


def sweep_head(row: SweepRow, now: dt.datetime) -> dict[str, Any]:
    """Return the fields that every answer about a sweep has."""
    seconds = ((row.finished_at or now) - row.started_at).total_seconds() if row.started_at else 0.0
    rate = row.done / seconds if row.done and seconds > 0 else None
    left = row.variants - row.done
    return {
        "id": str(row.id),
        "status": row.status,
        "research": row.research,
        "method": row.method,
        "variants": row.variants,
        "done": row.done,
        "failed": row.failed,
        "parts": row.parts,
        "parts_done": row.parts_done,
        "runs_per_second": None if rate is None else round(rate, 1),
        "eta_seconds": None if row.has_ended or rate is None else round(left / rate, 1),
        "partial": row.done < row.variants,
        "seen": row.done,
        "cost": row.cost,
        "digest": row.digest,
        "dataset": row.dataset_version,
        "engine_version": row.engine_version,
        "rules_version": row.rules_version,
        "created_at": instant(row.created_at),
        "started_at": instant(row.started_at),
        "finished_at": instant(row.finished_at),
    }


def sweep_document(
    row: SweepRow, plan: SweepPlan, table: SweepTable, *, statistics: dict[str, Any] | None,
    deflated: dict[str, Any] | None, earlier: Earlier | None, now: dt.datetime,
) -> dict[str, Any]:  # fmt: skip
    """Return the JSON of `GET /v1/sweeps/{id}`; `deflated` is what its research line makes of the best variant."""
    path = f"/v1/sweeps/{row.id}"
    return {
        **sweep_head(row, now),
        "objective": objective_of(plan),
        "best": [variant_row(table, row) for row in table.best(BEST_VARIANTS).tolist()],
        "plateau": _plateau(table),
        "statistics": statistics,
        "deflated": deflated,
        "holdout": holdout_document(row, plan.body, earlier),
        "request": msgspec.to_builtins(plan.body),
        "links": {
            "self": path, "table": f"{path}/table", "heatmap": f"{path}/heatmap", "events": f"{path}/events",
        },
    }  # fmt: skip


def objective_of(plan: SweepPlan) -> dict[str, Any]:
    """Return what the variants are ranked by."""
    return {
        "statistic": plan.objective.statistic,
        "direction": "maximize" if plan.objective.descending else "minimize",
        "where": None if plan.objective.where is None else plan.objective.where.text,
    }


def _plateau(table: SweepTable) -> dict[str, Any] | None:
    found = plateau(table)
    if found is None:
        return None
    row, mean, neighbours = found
    shown = mean if table.plan.objective.descending else -mean
    return {**variant_row(table, row), "mean": shown, "neighbours": neighbours}


def variant_row(table: SweepTable, row: int, language: Language = "en") -> dict[str, Any]:
    """Return the JSON of one row of a table."""
    variant = int(table.variants[row])
    failure = table.failures.get(variant)
    found: dict[str, Any] = {
        "variant": variant,
        "status": "completed" if failure is None else "failed",
        "ranked": not np.isnan(table.scores[row]),
        "values": table.plan.space.values(table.points[row].tolist()),
        "statistics": None if failure is not None else _statistics(table.figures[row].tolist()),
    }
    if failure is not None:
        found["error"] = localized_problem(failure, language)
    return found


def _statistics(values: list[float]) -> dict[str, Any]:
    return {name: _figure(name, value) for name, value in zip(FIGURES, values, strict=True)}


def _figure(name: str, value: float) -> Any:
    if value != value:  # noqa: PLR0124  NaN
        return None
    if name in DATE_FIGURES:
        return iso(int(value))
    return int(value) if name in COUNT_FIGURES else value


def table_columns(table: SweepTable) -> tuple[Column, ...]:
    """Return the columns of a download."""
    parameters = []
    for name, lattice in table.plan.space.lattices.items():
        kinds = {type(value) for value in lattice.values if value is not None}
        kind = "boolean" if kinds == {bool} else "number" if kinds and kinds <= {int, float} else "text"
        parameters.append(Column(name=f"${name}", kind=kind))  # type: ignore[arg-type]
    figures = [
        Column(name=name, kind="date" if name in DATE_FIGURES else "integer" if name in COUNT_FIGURES else "number")
        for name in FIGURES
    ]
    return (
        Column(name="variant", kind="integer"), Column(name="status", kind="text"),
        Column(name="ranked", kind="boolean"), *parameters, *figures, Column(name="error", kind="text"),
    )  # fmt: skip


def table_blocks(table: SweepTable, rows: np.ndarray) -> Iterator[Rows]:
    """Yield the rows of a download."""
    kinds = {column.name: column.kind for column in table_columns(table)}
    texts = {f"${name}" for name in table.plan.space.lattices if kinds[f"${name}"] == "text"}
    for start in range(0, len(rows), BLOCK_ROWS):
        block = []
        for row in rows[start : start + BLOCK_ROWS].tolist():
            item = variant_row(table, row)
            values = (
                str(value) if f"${name}" in texts and value is not None else value
                for name, value in item["values"].items()
            )
            figures = (item["statistics"] or {}).get
            error = item["error"]["code"] if "error" in item else None
            block.append(
                [item["variant"], item["status"], item["ranked"], *values, *(figures(name) for name in FIGURES), error]
            )
        yield block
