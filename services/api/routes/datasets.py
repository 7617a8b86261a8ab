"""Dataset versions."""

from __future__ import annotations

from typing import Any

import orjson
from aiohttp import web

from services.api.backtests.serialize import instant
from services.api.context import AppContext, RequestContext, Route
from services.api.datasets import SQL
from services.api.errors import not_found
from services.api.http.answers import json_response
from services.api.schemas import market_responses
from shared.factors.catalogue import FACTORS

NOT_FOUND = "dataset_not_found"


async def list_datasets(app: AppContext, call: RequestContext) -> web.Response:
    """`GET /v1/datasets`."""
    async with app.database.connection() as connection:
        rows = await connection.fetch(SQL["versions"])
        current = await connection.fetchrow(SQL["current"])
    name = None if current is None else current["version"]
    return json_response({"items": [_document(row, name) for row in rows], "current": name})


async def get_dataset(app: AppContext, call: RequestContext) -> web.Response:
    """`GET /v1/datasets/{version}`; `current` names the current one."""
    requested = call.request.match_info["version"]
    async with app.database.connection() as connection:
        versions = [] if "\x00" in requested else await connection.fetch(SQL["versions"])
        rows = {row["version"]: row for row in versions}
        current = await connection.fetchrow(SQL["current"])
        name = None if current is None else current["version"]
        row = rows.get(name if requested == "current" else requested)
        if row is None:
            raise not_found(NOT_FOUND)
        about = orjson.loads(await connection.fetchval(SQL["about"], row["version"]) or b"{}")
    view = await app.datasets.get(row["version"])
    if view is None:
        raise not_found(NOT_FOUND)
    first, last = view.first_and_last()
    return json_response(
        _document(row, name)
        | {
            "first_day": None if first is None else first.isoformat(),
            "last_day": None if last is None else last.isoformat(),
            "days": len(view.days), "stocks": len(view.instruments), "indices": sorted(view.indices),
            "markets": sorted(set(view.instruments.market)), "factors": sorted(view.factors),
            "missing_factors": [factor.key for factor in FACTORS if factor.key not in view.factors],
            "reasons": dict(sorted(view.manifest.reasons.items())),
            "chunks": sum(len(years) for years in view.manifest.content.chunks.values()),
            "sizes": about.get("sizes", {}),
        }
    )  # fmt: skip


def _document(row: Any, current: str | None) -> dict[str, Any]:
    return {
        "version": row["version"], "current": row["version"] == current, "revision": row["revision"],
        "built_at": instant(row["built_at"]), "retired_at": instant(row["retired_at"]), "parts": row["parts"],
        "manifest_bytes": row["manifest_bytes"],
    }  # fmt: skip


ROUTES = (
    Route(
        method="GET", path="/v1/datasets", handler=list_datasets, tag="market",
        summary="Dataset versions, the newest first", answers={200: market_responses.DatasetList},
    ),
    Route(
        method="GET", path="/v1/datasets/{version}", handler=get_dataset, tag="market", problems=(404,),
        summary="A dataset version: ranges, chunks, bytes, when built and from which revision",
        answers={200: market_responses.DatasetDetail},
    ),
)  # fmt: skip
