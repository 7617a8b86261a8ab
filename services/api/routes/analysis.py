"""Questions that a simulator answers: the screen, and what can be asked about a finished backtest."""

from __future__ import annotations

import datetime as dt
from typing import Any

import numpy as np
import orjson
from aiohttp import web

from services.api.backtests.canonicalize import Draft, drafted
from services.api.backtests.serialize import status_of
from services.api.backtests.submit import fit
from services.api.context import Api, Call, Route
from services.api.datasets import View
from services.api.errors import ApiProblem, as_problem, invalid, not_found
from services.api.http.request import parse_object, read_body
from services.api.routes.backtests import own_row
from services.api.schemas import responses
from services.api.schemas.requests import AuditBody, RankingQuery, ScreenQuery
from services.api.simulator_queries import ask
from services.api.user_strategies import own_entries
from shared.contracts.http import JSON
from shared.contracts.rankings import RANKINGS
from shared.errors import Problem, RequestError
from shared.model.calendar import from_day, to_day
from shared.strategies.catalogue import BY_ID


async def needed_view(api: Api) -> View:
    """The current dataset; 409 without data, 503 while the first version is made."""
    view = await api.datasets.current()
    if view is not None and len(view.days):
        return view
    if view is None and await api.datasets.has_data():
        raise ApiProblem(
            503, "no-dataset", "The first dataset version is being prepared.", headers={"Retry-After": "5"}
        )
    raise ApiProblem(409, "no-market-data", "No market data are loaded. Load some with `ondol load DIR`.")


def row_day(view: View, date: dt.date | None) -> dt.date:
    """The trading day that a `date` parameter names, the last one by default; 422 for a day without a row."""
    if date is None:
        return from_day(int(view.days[-1]))
    place = int(np.searchsorted(view.days, to_day(date)))
    if place < len(view.days) and int(view.days[place]) == to_day(date):
        return date
    first, last = view.first_and_last()
    message = f"{date} is no trading day of the dataset, which has {first} to {last}"
    raise invalid([Problem(path="date", message=message)])


async def screen(api: Api, call: Call) -> web.Response:
    """`GET /v1/screen`."""
    query: ScreenQuery = call.query
    view = await needed_view(api)
    problems: list[Problem] = []
    day = from_day(int(view.days[-1]))
    try:
        day = row_day(view, query.date)
    except ApiProblem as error:
        problems += error.errors
    try:
        draft = await _screen_draft(api, call, query, day, view.indices)
        await fit(api, draft, view)
    except (ApiProblem, RequestError) as error:
        if not problems:
            raise
        raise invalid([*problems, *as_problem(error).errors]) from None
    if problems:
        raise invalid(problems)
    payload = {"version": view.version, "request": draft.text, "limit": query.limit}
    return web.Response(body=await ask(api, "screen", payload), content_type=JSON)


async def _screen_draft(api: Api, call: Call, query: ScreenQuery, day: dt.date, indices: frozenset[str]) -> Draft:
    """The screen as the request that would buy what it finds."""
    buy = {name: getattr(query, name) for name in ("where", "rank_by", "order") if name in query.model_fields_set}
    strategy: dict[str, Any] = {"buy": buy}
    own = {}
    if query.strategy is not None:
        strategy["id"] = query.strategy
        own = {} if query.strategy in BY_ID else await own_entries(api, call.caller.owner)
    body = {"strategy": strategy, "start": day.isoformat(), "end": day.isoformat(), "benchmark": None}
    try:
        return await drafted(body, own, indices)
    except ApiProblem as problem:
        problem.errors = [_as_parameter(item) for item in problem.errors]
        raise
    except RequestError as error:
        raise RequestError([_as_parameter(item) for item in error.problems]) from None


def _as_parameter(problem: Problem) -> Problem:
    path = problem.path.removeprefix("strategy.buy.")
    return Problem(
        path="strategy" if path == "strategy.id" else path, message=problem.message, line=problem.line,
        column=problem.column, suggestions=problem.suggestions,
    )  # fmt: skip


async def explain(api: Api, call: Call) -> web.Response:
    """`GET /v1/backtests/{id}/explain`."""
    row = await _completed(api, call)
    return await _about(api, row, "explain", {})


async def replay(api: Api, call: Call) -> web.Response:
    """`POST /v1/backtests/{id}/replay`."""
    row = await _completed(api, call)
    if await api.datasets.get(row["dataset_version"]) is None:
        return web.Response(body=orjson.dumps(_gone(row)), content_type=JSON)
    more = {"computation": str(row["computation"]), "result_digest": row["result_digest"]}
    return await _about(api, row, "replay", more, stored=False)


def _gone(row: dict[str, Any]) -> dict[str, Any]:
    return {
        "outcome": "dataset_gone", "result_digest": None, "stored_result_digest": row["result_digest"],
        "first_difference": None, "provenance": None, "stored_provenance": None,
    }  # fmt: skip


async def audit(api: Api, call: Call) -> web.Response:
    """`POST /v1/backtests/{id}/audit`."""
    row = await _completed(api, call)
    raw = await read_body(call.request, api.settings.body_bytes) if call.request.body_exists else b""
    options = AuditBody.model_validate(parse_object(raw) if raw.strip() else {})
    return await _about(api, row, "audit", {"seed": options.seed, "cuts": options.cuts})


async def _about(
    api: Api, row: dict[str, Any], kind: str, more: dict[str, Any], *, stored: bool = True
) -> web.Response:
    if await api.datasets.get(row["dataset_version"]) is None:
        raise ApiProblem(409, "conflict", f"The dataset version {row['dataset_version']} is not kept any more.")
    payload = {"version": row["dataset_version"], "request": row["request"], **more}
    return web.Response(body=await ask(api, kind, payload, stored=stored), content_type=JSON)


async def _completed(api: Api, call: Call) -> dict[str, Any]:
    row = await own_row(api, call)
    status = status_of(row)
    if status != "completed":
        raise ApiProblem(409, "conflict", f"The backtest is {status}; only a completed one can be asked about.")
    return row


async def ranking(api: Api, call: Call) -> web.Response:
    """`GET /v1/rankings/{kind}`."""
    kind = call.request.match_info["kind"]
    if kind not in RANKINGS:
        raise not_found(f"ranking of this kind; there are {', '.join(RANKINGS)}")
    query = call.query
    view = await needed_view(api)
    day = row_day(view, query.date)
    markets = sorted(set(view.instruments.market))
    if query.market is not None and query.market not in markets:
        raise invalid([Problem(path="market", message=f"there are {', '.join(markets)}")])
    payload = {
        "version": view.version, "kind": kind, "day": to_day(day), "market": query.market, "limit": query.limit,
    }  # fmt: skip
    return web.Response(body=await ask(api, "ranking", payload), content_type=JSON)


ROUTES = (
    Route(
        method="GET", path="/v1/screen", handler=screen, tag="market", query=ScreenQuery,
        summary="The stocks that pass a condition on one row, in the order of a number", problems=(409,),
        answers={200: responses.Screen},
    ),
    Route(
        method="GET", path="/v1/backtests/{id}/explain", handler=explain, tag="backtests", problems=(404, 409),
        summary="Why each trade was made, and how many stocks passed each part of the condition",
        answers={200: responses.Explanation},
    ),
    Route(
        method="POST", path="/v1/backtests/{id}/replay", handler=replay, tag="backtests", problems=(404, 409),
        summary="Run it again on its dataset: identical, dataset_gone, or where the first difference is",
        answers={200: responses.Replay},
    ),
    Route(
        method="POST", path="/v1/backtests/{id}/audit", handler=audit, tag="backtests", body=AuditBody,
        summary="The look-ahead audit: reruns on cut data", problems=(400, 404, 409, 413, 415),
        answers={200: responses.Audit},
    ),
    Route(
        method="GET", path="/v1/rankings/{kind}", handler=ranking, tag="market", query=RankingQuery,
        summary="Greatest by market_cap, trading_volume or trading_value", problems=(404, 409),
        answers={200: responses.Ranking},
    ),
)  # fmt: skip
