"""Analysis of a completed backtest by a simulator: explain, holdings, replay, look-ahead audit, robustness."""

from __future__ import annotations

from typing import Any

import orjson
from aiohttp import web

from services.api.backtests.row import BacktestRow
from services.api.backtests.serialize import is_outdated
from services.api.context import AppContext, RequestContext, Route
from services.api.datasets import View
from services.api.errors import ApiProblem, invalid
from services.api.http.answers import json_response, localized_response
from services.api.http.request import parse_body, read_optional_body
from services.api.localization import language_of
from services.api.research.robustness_trials import record_robustness
from services.api.routes.backtests import find_completed
from services.api.schemas import analysis_responses as responses
from services.api.schemas.requests import AuditBody, ExplainQuery, HoldingsQuery, RobustnessBody
from services.api.simulator_queries import query_simulator
from services.api.tables.download import MEDIA_TYPES, check_format, send_table
from services.api.tables.table import Column, Table, blocks_of_objects, columns_of
from shared.contracts import queries
from shared.errors import Problem, UnavailableError
from shared.messages import Language, render, say
from shared.model.request import request_from_json
from shared.simulation.computing_cost import cost_of_request

PURPOSE = "can be analysed"
DRAWS_OF_A_REQUEST = 100
"""A robustness report counts as one more request of the key for each so many drawn runs."""
CHANGED_RUNS = 30
"""About the runs of a robustness report beside the drawn ones."""
DRAWS_OF_A_RUN = 10
"""About the drawn runs that take as long as a run, since they decide nothing anew."""


async def get_explanation(app: AppContext, call: RequestContext) -> web.Response:
    """`GET /v1/backtests/{id}/explain`."""
    query: ExplainQuery = call.query
    if (query.stock_code is None) != (query.date is None):
        path = "date" if query.date is None else "stock_code"
        raise invalid([Problem(path=path, message=say("fields_go_together", one="stock_code", other="date"))])
    row, _ = await find_completed(app, call, PURPOSE)
    date = None if query.date is None else query.date.isoformat()
    view = await _require_dataset(app, row)
    asked = queries.Explain(version=view.version, request=row.request, stock_code=query.stock_code, date=date)
    language = language_of(call.request)
    body = await query_simulator(app, asked, call.caller.owner, cost=_cost(row, view))
    if language != "en" and query.stock_code is not None:
        found = orjson.loads(body)
        found["message"] = render(f"not_bought_{found['outcome']}", {}, language) or found["message"]
        body = orjson.dumps(found)
    return localized_response(body, language)


async def get_holdings(app: AppContext, call: RequestContext) -> web.StreamResponse:
    """`GET /v1/backtests/{id}/holdings`."""
    query: HoldingsQuery = call.query
    check_format(query)
    row, computation = await find_completed(app, call, PURPOSE)
    day = query.date.isoformat()
    view = await _require_dataset(app, row)
    asked = queries.Holdings(version=view.version, computation=str(computation), date=day)
    body = await query_simulator(app, asked, call.caller.owner)
    if query.format == "json":
        return json_response(body)
    columns = (Column(name="date", kind="date"), *columns_of(responses.Holding))
    holdings = [{"date": day, **holding} for holding in orjson.loads(body)["holdings"]]
    table = Table(name=f"holdings-{day}-{row.id}", columns=columns, blocks=blocks_of_objects(columns, [holdings]))
    return await send_table(app, call, table)


async def post_replay(app: AppContext, call: RequestContext) -> web.Response:
    """`POST /v1/backtests/{id}/replay`."""
    row, computation = await find_completed(app, call, PURPOSE)
    _check_engine(row)
    view = await _dataset_of(app, row)
    if view is None:
        return json_response(_dataset_gone(row))
    asked = queries.Replay(
        version=view.version, request=row.request, computation=str(computation), result_digest=row.result_digest
    )
    body = await query_simulator(app, asked, call.caller.owner, cost=_cost(row, view), use_cache=False)
    return json_response(body)


def _dataset_gone(row: BacktestRow) -> dict[str, Any]:
    return {
        "outcome": "dataset_gone", "result_digest": None, "stored_result_digest": row.result_digest,
        "first_difference": None, "provenance": None, "stored_provenance": None,
    }  # fmt: skip


async def post_audit(app: AppContext, call: RequestContext) -> web.Response:
    """`POST /v1/backtests/{id}/audit`."""
    row, _ = await find_completed(app, call, PURPOSE)
    options = parse_body(AuditBody, await read_optional_body(call.request, app.settings.max_body_bytes))
    view = await _require_dataset(app, row)
    asked = queries.Audit(version=view.version, request=row.request, seed=options.seed, cuts=options.cuts)
    cost = _cost(row, view) * (1 + options.cuts)
    return json_response(await query_simulator(app, asked, call.caller.owner, cost=cost))


async def post_robustness(app: AppContext, call: RequestContext) -> web.Response:
    """`POST /v1/backtests/{id}/robustness`."""
    row, _ = await find_completed(app, call, PURPOSE)
    options = parse_body(RobustnessBody, await read_optional_body(call.request, app.settings.max_body_bytes))
    view = await _require_dataset(app, row)
    draws = options.random_draws + options.noise_draws
    app.authenticator.charge(call.caller, draws // DRAWS_OF_A_REQUEST)
    asked = queries.Robustness(
        version=view.version, request=row.request, random_draws=options.random_draws, noise_draws=options.noise_draws,
        noise_pct=options.noise_pct, seed=options.seed, trials=row.research is not None,
    )  # fmt: skip
    cost = _cost(row, view) * (CHANGED_RUNS + draws // DRAWS_OF_A_RUN)
    body = await query_simulator(app, asked, call.caller.owner, cost=cost)
    language = language_of(call.request)
    report = orjson.loads(body)
    trials = report.pop("trials", None)
    if asked.trials and trials is None:  # the simulator is of an older version than the api
        raise UnavailableError(say("query_unknown"))
    recorded = await record_robustness(app, call.caller.owner, row, trials or [])
    return localized_response(_in_language(report, language) | {"recorded": recorded}, language)


def _in_language(report: dict[str, Any], language: Language) -> dict[str, Any]:
    """Return a robustness report whose failures are said in a language."""
    if language == "en":
        return report
    for group in report.values():
        for line in group.get("lines", ()) if isinstance(group, dict) else ():
            if (failure := line["failure"]) is not None:
                failure["message"] = render(failure["code"], failure["params"], language) or failure["message"]
    return report


async def _require_dataset(app: AppContext, row: BacktestRow) -> View:
    """Return the dataset version of a backtest; raise a 409 when it is deleted or the result is of an older engine."""
    _check_engine(row)
    view = await _dataset_of(app, row)
    if view is None:
        raise ApiProblem(409, "conflict", say("dataset_deleted", version=row.dataset_version))
    return view


async def _dataset_of(app: AppContext, row: BacktestRow) -> View | None:
    return None if row.dataset_version is None else await app.datasets.get(row.dataset_version)


def _cost(row: BacktestRow, view: View) -> int:
    """Return what a run of a backtest costs."""
    return cost_of_request(request_from_json(row.request), view.days, len(view.instruments))


def _check_engine(row: BacktestRow) -> None:
    """Raise a 409 for a result of an older engine, which cannot be computed again."""
    if is_outdated(row):
        raise ApiProblem(409, "conflict", say("backtest_outdated", version=row.engine_version))


ROUTES = (
    Route(
        method="GET", path="/v1/backtests/{id}/explain", handler=get_explanation, tag="backtests",
        summary="Why each trade was made; with stock_code and date, why a stock was not bought",
        query=ExplainQuery, problems=(404, 409), answers={200: responses.Explanation},
    ),
    Route(
        method="GET", path="/v1/backtests/{id}/holdings", handler=get_holdings, tag="backtests", query=HoldingsQuery,
        summary="The positions on the evening of a day as JSON, CSV, XLSX or Parquet", problems=(404, 409),
        answers={200: responses.Holdings}, also=MEDIA_TYPES,
    ),
    Route(
        method="POST", path="/v1/backtests/{id}/replay", handler=post_replay, tag="backtests", problems=(404, 409),
        summary="Run it again on its dataset: identical, dataset_gone, or where the first difference is",
        answers={200: responses.Replay},
    ),
    Route(
        method="POST", path="/v1/backtests/{id}/audit", handler=post_audit, tag="backtests", body=AuditBody,
        summary="Look-ahead audit: reruns on data that end earlier", problems=(400, 404, 409, 413, 415),
        answers={200: responses.Audit},
    ),
    Route(
        method="POST", path="/v1/backtests/{id}/robustness", handler=post_robustness, tag="backtests",
        body=RobustnessBody, problems=(400, 404, 409, 413, 415), answers={200: responses.Robustness},
        summary="Its figures under changes that should not matter, and against random selections",
    ),
)  # fmt: skip
