"""Values of factors, price fields and expressions, in long form."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Sequence

import orjson
from aiohttp import web

from services.api.backtests.canonicalize import CanonicalRequest
from services.api.backtests.validate import require_memory_of_columns
from services.api.context import AppContext, RequestContext, Route
from services.api.datasets import View
from services.api.errors import ApiProblem, as_problem, invalid
from services.api.http.streaming import send
from services.api.own_factors import read_own_columns
from services.api.row_ranges import rows_between
from services.api.schemas import series_responses
from services.api.schemas.requests import ValuesQuery
from services.api.simulator_queries import query_simulator
from services.api.stock_codes import unknown_codes
from services.api.tables import table
from services.api.tables.download import MEDIA_TYPES, check_format, send_table
from services.api.universe_requests import universe_request
from services.api.views import require_view
from shared.contracts import queries
from shared.contracts.http import JSON
from shared.errors import Problem, RequestError
from shared.language.columns import Column, read_columns
from shared.messages import say
from shared.model.calendar import from_day
from shared.simulation.computing_cost import cost_of_expressions

MAX_FIELDS = 50
BLOCK_CELLS = 200_000
"""Cells that one query to a simulator answers; a larger request is several queries."""
CONCURRENT_BLOCKS = 2
CELLS_OF_A_REQUEST = 100_000
"""A request for values counts as one more request of the key for each so many cells."""


async def get_values(app: AppContext, call: RequestContext) -> web.StreamResponse:
    """`GET /v1/values`."""
    query: ValuesQuery = call.query
    check_format(query)
    view = await require_view(app)
    rows, columns, canonical = await _validated(app, call.caller.owner, query, view)
    stocks = len(view.instruments) if query.codes is None else len(query.codes)
    cells = (rows.stop - rows.start) * stocks * len(columns)
    cost = _checked_cost(app, rows, stocks, columns, cells)
    app.authenticator.charge(call.caller, cells // CELLS_OF_A_REQUEST)
    codes = None if query.codes is None else tuple(sorted(query.codes))
    step = max(1, BLOCK_CELLS // (stocks * len(columns)))
    blocks = [(first, min(first + step, rows.stop)) for first in range(rows.start, rows.stop, step)]
    for first, stop in blocks:
        require_memory_of_columns(app, canonical.request, view, columns, slice(first, stop))
    answers = await _answers(app, [
        queries.Values(
            version=view.version, request=canonical.text, fields=tuple(column.name for column in columns),
            codes=codes, first=first, stop=stop,
        )
        for first, stop in blocks
    ], call.caller.owner, cost // len(blocks))  # fmt: skip
    if query.format == "json":
        pieces = await app.computed.in_thread(call.caller.owner, _joined, view.version, columns, answers)
        return await send(call.request, pieces, JSON)
    return await send_table(app, call, _table(columns, answers))


async def _validated(
    app: AppContext, owner: str, query: ValuesQuery, view: View
) -> tuple[slice, tuple[Column, ...], CanonicalRequest]:
    """Return rows, columns and the request of the universe; raise a 422 with every problem of the query."""
    problems: list[Problem] = []
    rows = slice(len(view.days) - 1, len(view.days))
    columns: tuple[Column, ...] = ()
    try:
        rows = rows_between(view, query.start, query.end, default=1)
    except ApiProblem as error:
        problems += error.errors
    try:
        columns = await read_own_columns(
            app, owner, query.fields,
            lambda text: read_columns(text, "fields", view.indices, view.factors, MAX_FIELDS),
        )  # fmt: skip
    except RequestError as error:
        problems += error.problems
    codes = query.codes or ()
    problems += await unknown_codes(view, codes, "codes")
    if len(set(codes)) != len(codes):
        problems.append(Problem(path="codes", message=say("code_repeated")))
    universe = {name: list(value) for name in ("markets", "kinds", "sectors") if (value := getattr(query, name))}
    canonical = None
    try:
        canonical = await universe_request(app, universe, view, from_day(int(view.days[rows.start])))
    except (ApiProblem, RequestError) as error:
        problems += as_problem(error).errors
    if problems or canonical is None:
        raise invalid(problems)
    return rows, columns, canonical


def _checked_cost(app: AppContext, rows: slice, stocks: int, columns: Sequence[Column], cells: int) -> int:
    """Return what the values cost; raise a 422 when they are too many or cost too much."""
    count, settings = rows.stop - rows.start, app.settings
    if cells > settings.max_value_cells:
        message = say(
            "too_many_cells", days=count, stocks=stocks, fields=len(columns), cells=cells,
            limit=settings.max_value_cells,
        )  # fmt: skip
        raise invalid([Problem(path="start" if count > 1 else "codes", message=message)])
    cost = cost_of_expressions((column.expression for column in columns), rows, stocks)
    if cost > settings.max_request_cost:
        nodes = sum(column.expression.nodes for column in columns)
        raise ApiProblem(
            422, "too-costly",
            say("too_costly_values", nodes=nodes, stocks=stocks, days=count, cost=cost,
                limit=settings.max_request_cost),
        )  # fmt: skip
    return cost


async def _answers(app: AppContext, blocks: Sequence[queries.Values], owner: str, cost: int) -> list[bytes]:
    """Return the answers of the simulators to the blocks of rows, in their order."""
    running = asyncio.Semaphore(CONCURRENT_BLOCKS)

    async def ask(block: queries.Values) -> bytes:
        async with running:
            return await query_simulator(app, block, owner, cost=cost)

    tasks = [asyncio.ensure_future(ask(block)) for block in blocks]
    try:
        return await asyncio.gather(*tasks)
    finally:
        for task in tasks:  # an error ends the answer, so that the other blocks are not needed
            task.cancel()


def _joined(version: str, columns: Sequence[Column], answers: Sequence[bytes]) -> list[bytes]:
    """Return the JSON answer in pieces: the columns of the blocks one behind the other."""
    names = ["date", "stock_code", *(column.name for column in columns)]
    lists: dict[str, list[bytes]] = {name: [] for name in names}
    count = 0
    for answer in answers:
        block = orjson.loads(answer)
        count += block["rows"]
        for name in names:
            if inner := orjson.dumps(block["columns"][name])[1:-1]:
                lists[name] += [b",", inner] if lists[name] else [inner]
    head = {"dataset_version": version, "fields": names[2:], "rows": count}
    pieces = [orjson.dumps(head)[:-1], b',"columns":{']
    for at, name in enumerate(names):
        pieces += [b"," if at else b"", orjson.dumps(name), b":[", *lists[name], b"]"]
    return [*pieces, b"}}"]


def _table(columns: Sequence[Column], answers: Sequence[bytes]) -> table.Table:
    kinds: list[tuple[str, table.Kind]] = [("date", "date"), ("stock_code", "code")]
    kinds += [(column.name, "boolean" if column.kind == "condition" else "number") for column in columns]
    described = tuple(table.Column(name=name, kind=kind) for name, kind in kinds)

    def blocks() -> Iterator[table.Rows]:
        for answer in answers:
            found = orjson.loads(answer)["columns"]
            yield from table.blocks_of_columns([found[name] for name, _ in kinds])

    return table.Table(name="values", columns=described, blocks=blocks())


ROUTES = (
    Route(
        method="GET", path="/v1/values", handler=get_values, tag="market", query=ValuesQuery,
        summary="Values of factors, price fields and expressions by day and stock, in columns",
        answers={200: series_responses.Values}, also=MEDIA_TYPES, problems=(409,),
    ),
)  # fmt: skip
