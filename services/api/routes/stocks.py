"""What is in the data: factors, stocks, dataset versions."""

from __future__ import annotations

from typing import Any

import orjson
from aiohttp import web

from services.api.backtests.serialize import instant
from services.api.context import Api, Call, Route
from services.api.datasets import SQL
from services.api.errors import not_found
from services.api.http.request import read_cursor, write_cursor
from services.api.routes.analysis import needed_view
from services.api.schemas import responses
from services.api.schemas.requests import StocksQuery
from shared.contracts.http import JSON
from shared.factors.catalogue import BY_KEY, FACTORS, Factor
from shared.model.calendar import iso


async def _about(api: Api) -> dict[str, Any]:
    """What the current version tells about itself; empty before there is one."""
    async with api.database.connection() as connection:
        row = await connection.fetchrow(SQL["current_about"])
    return {} if row is None else orjson.loads(row["about"])


def _factor(factor: Factor) -> dict[str, Any]:
    return {
        "key": factor.key, "name_ko": factor.name_ko, "name_en": factor.name_en, "category": factor.category,
        "unit": factor.unit, "formula": factor.formula, "inputs": factor.inputs, "null_when": factor.null_when,
        "kind": factor.kind, "lookback_rows": factor.lookback_rows if factor.lookback_rows >= 0 else None,
        "version": factor.version,
    }  # fmt: skip


async def factors(api: Api, call: Call) -> web.Response:
    """`GET /v1/factors`."""
    view = await api.datasets.current()
    built = view.factors if view is not None else frozenset()
    items = [_factor(factor) | {"available": factor.key in built} for factor in FACTORS]
    return _json({"items": items})


async def factor(api: Api, call: Call) -> web.Response:
    """`GET /v1/factors/{key}`."""
    found = BY_KEY.get(call.request.match_info["key"].upper())
    if found is None:
        raise not_found("factor with this key; see /v1/factors")
    view = await api.datasets.current()
    about = await _about(api)
    coverage = about.get("coverage", {}).get(found.key, {})
    return _json(
        _factor(found)
        | {
            "available": view is not None and found.key in view.factors,
            "reason": view.manifest.reasons.get(found.key) if view is not None else None,
            "coverage": [{"year": int(year), "reason": None} | part for year, part in sorted(coverage.items())],
            "distribution": about.get("distributions", {}).get(found.key),
        }
    )


def _stock(view: Any, column: int) -> dict[str, Any]:
    names = view.instruments
    listed, gone = names.listed_on[column], names.delisted_on[column]
    return {
        "stock_code": names.code[column], "name": names.name[column], "name_en": names.name_en[column],
        "market": names.market[column], "sector": names.sector[column],
        "listed_on": None if listed is None else iso(listed), "delisted_on": None if gone is None else iso(gone),
    }  # fmt: skip


async def stocks(api: Api, call: Call) -> web.Response:
    """`GET /v1/stocks`: in the order of their codes."""
    query: StocksQuery = call.query
    view = await needed_view(api)
    names, after = view.instruments, read_cursor(query.cursor, str)
    wanted = query.search.casefold() if query.search else None
    found = []
    for code in view.codes:
        column = names.ordinal[code]
        if (
            (after is not None and code <= after)
            or (query.market is not None and names.market[column] != query.market)
            or (query.sector is not None and names.sector[column] != query.sector)
        ):
            continue
        if wanted is not None:
            texts = (code, names.name[column], names.name_en[column] or "")
            if not any(wanted in text.casefold() for text in texts):
                continue
        found.append(column)
        if len(found) > query.limit:
            break
    more = len(found) > query.limit
    items = [_stock(view, column) for column in found[: query.limit]]
    return _json({"items": items, "next_cursor": write_cursor(items[-1]["stock_code"]) if more else None})


async def stock(api: Api, call: Call) -> web.Response:
    """`GET /v1/stocks/{code}`."""
    view = await needed_view(api)
    column = view.instruments.ordinal.get(call.request.match_info["code"])
    if column is None:
        raise not_found("stock with this code; see /v1/stocks")
    return _json(_stock(view, column))


async def datasets(api: Api, call: Call) -> web.Response:
    """`GET /v1/datasets`."""
    async with api.database.connection() as connection:
        rows = await connection.fetch(SQL["versions"])
        current = await connection.fetchrow(SQL["current"])
    name = None if current is None else current["version"]
    return _json({"items": [_version(row, name) for row in rows], "current": name})


def _version(row: Any, current: str | None) -> dict[str, Any]:
    return {
        "version": row["version"], "current": row["version"] == current, "revision": row["revision"],
        "built_at": instant(row["built_at"]), "retired_at": instant(row["retired_at"]), "parts": row["parts"],
        "manifest_bytes": row["manifest_bytes"],
    }  # fmt: skip


async def dataset(api: Api, call: Call) -> web.Response:
    """`GET /v1/datasets/{version}`; `current` names the current one."""
    asked = call.request.match_info["version"]
    async with api.database.connection() as connection:
        rows = {} if "\x00" in asked else {row["version"]: row for row in await connection.fetch(SQL["versions"])}
        current = await connection.fetchrow(SQL["current"])
        name = None if current is None else current["version"]
        row = rows.get(name if asked == "current" else asked)
        if row is None:
            raise not_found("dataset version with this name; see /v1/datasets")
        about = orjson.loads(await connection.fetchval(SQL["about"], row["version"]) or b"{}")
    view = await api.datasets.get(row["version"])
    if view is None:
        raise not_found("dataset version with this name; see /v1/datasets")
    first, last = view.first_and_last()
    return _json(
        _version(row, name)
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


def _json(value: Any) -> web.Response:
    return web.Response(body=orjson.dumps(value), content_type=JSON)


ROUTES = (
    Route(
        method="GET", path="/v1/factors", handler=factors, summary="The 57 factors", tag="market",
        answers={200: responses.FactorList},
    ),
    Route(
        method="GET", path="/v1/factors/{key}", handler=factor, tag="market", problems=(404,),
        summary="A factor: definition, coverage by year, distribution", answers={200: responses.FactorDetail},
    ),
    Route(
        method="GET", path="/v1/stocks", handler=stocks, summary="Stocks by code", tag="market", query=StocksQuery,
        answers={200: responses.StockList}, problems=(409,),
    ),
    Route(
        method="GET", path="/v1/stocks/{code}", handler=stock, summary="A stock", tag="market",
        answers={200: responses.Stock}, problems=(404, 409),
    ),
    Route(
        method="GET", path="/v1/datasets", handler=datasets, summary="Dataset versions, the newest first", tag="market",
        answers={200: responses.DatasetList},
    ),
    Route(
        method="GET", path="/v1/datasets/{version}", handler=dataset, tag="market", problems=(404,),
        summary="A dataset version: ranges, chunks, bytes, when built and from which revision",
        answers={200: responses.DatasetDetail},
    ),
)  # fmt: skip
