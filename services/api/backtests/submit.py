"""Accepting a backtest: understood, checked against its dataset, recorded, announced, answered."""

from __future__ import annotations

import asyncio
import datetime as dt
import hashlib
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from typing import Any

import asyncpg
import structlog
from aiohttp import web

from services.api.auth import Caller
from services.api.backtests.await_outcome import Row, answer
from services.api.backtests.canonicalize import Draft, beside, draft_without, drafted
from services.api.context import Api, Call
from services.api.datasets import View
from services.api.errors import ApiProblem, as_problem, invalid
from services.api.http.request import no_store, parse_object, read_body, wait_seconds
from services.api.ids import IDS
from services.api.user_strategies import own_entries
from shared.contracts.events import BacktestRequested
from shared.contracts.http import ORIGIN_HEADER, ORIGINS
from shared.errors import Problem, RequestError
from shared.infra.database.sql import statements
from shared.infra.redis.client import LOST
from shared.infra.redis.streams import append
from shared.market import RULES_VERSION
from shared.simulation import ENGINE_VERSION
from shared.simulation.plan import dataset_problems, expressions_of, window_of
from shared.simulation.validation import STANDARD_INDICES
from shared.strategies.catalogue import BY_ID, Entry

log = structlog.get_logger()

SQL = statements("backtest")
REMEMBERED = 2000


@dataclass(frozen=True, kw_only=True)
class Ask:
    """How the caller wants to be answered."""

    raw: bytes
    wait: float | None
    no_store: bool
    origin: str
    idempotency_key: str | None


def _body_digest(draft: Draft) -> str:
    """What a body asks for, for idempotency: who repeats a request may write it otherwise (1 and 1.0)."""
    return hashlib.sha256(f"{draft.digest} {draft.dataset}".encode()).hexdigest()


async def create(api: Api, call: Call) -> web.StreamResponse:
    """`POST /v1/backtests`."""
    request = call.request
    ask = Ask(
        raw=await read_body(request, api.settings.body_bytes),
        wait=wait_seconds(request),
        no_store=no_store(request),
        origin=_origin(request),
        idempotency_key=_idempotency_key(request),
    )
    try:
        draft = await _understood(api, ask.raw, call.caller)
    except (ApiProblem, RequestError) as error:
        raise await _with_the_dataset(api, call.caller, ask.raw, error) from None
    if ask.idempotency_key is not None:
        known = await _idempotent(api, call.caller, ask, draft)
        if known is not None:
            return await answer(api, call, known, ask.wait)
    view = await _view_that_fits(api, draft)
    await _leave_room(api, call.caller)
    row = await _recorded(api, call.caller, draft, view, ask)
    return await answer(api, call, row, ask.wait)


def _origin(request: web.Request) -> str:
    named = request.headers.get(ORIGIN_HEADER, "user").lower()
    return named if named in ORIGINS else "user"


def _idempotency_key(request: web.Request) -> str | None:
    key = request.headers.get("Idempotency-Key")
    if key is None:
        return None
    if not 1 <= len(key) <= 255 or not key.isprintable():
        raise invalid([Problem(path="Idempotency-Key", message="must have 1 to 255 printable characters")])
    return key


async def _understood(api: Api, raw: bytes, caller: Caller) -> Draft:
    """The draft of a body; the last ones are remembered, since the same bodies come again and again."""
    key = (raw, await expression_indices(api, None))
    found = api.drafts.get(key)
    if found is not None:
        return found  # type: ignore[no-any-return]
    body = parse_object(raw)
    own = await _own_of(api, body, caller)
    draft = await drafted(body, own or {}, await expression_indices(api, body.get("dataset")))
    if own is None and len(raw) <= 16_384:
        _remember(api.drafts, key, draft)
    return draft


async def expression_indices(api: Api, dataset: object) -> frozenset[str]:
    """Return the index series that expressions may name: those of the pinned or current dataset version, if any."""
    pinned = isinstance(dataset, str) and dataset.isalnum() and len(dataset) <= 64
    view = await (api.datasets.get(str(dataset)) if pinned else api.datasets.current())
    return STANDARD_INDICES if view is None else view.indices


async def _own_of(api: Api, body: dict[str, Any], caller: Caller) -> Mapping[str, Entry] | None:
    """The caller's own strategies when a body names what the catalogue does not have; None when it does not."""
    reference = body.get("strategy")
    identity = reference.get("id") if isinstance(reference, dict) else reference
    foreign = isinstance(identity, str) and identity not in BY_ID
    return await own_entries(api, caller.owner) if foreign else None


async def _with_the_dataset(api: Api, caller: Caller, raw: bytes, error: ApiProblem | RequestError) -> ApiProblem:
    """The refusal of a body, with what the dataset has against the rest of it: all mistakes at once."""
    problem = as_problem(error)
    if problem.status != 422 or not problem.errors or any(not item.path for item in problem.errors):
        return problem
    body = parse_object(raw)
    own = await _own_of(api, body, caller) or {}
    rest = await asyncio.to_thread(
        draft_without, body, problem.errors, own, await expression_indices(api, body.get("dataset"))
    )
    if rest is None:
        return problem
    try:
        await _view_that_fits(api, rest)
    except (ApiProblem, RequestError) as more:
        return invalid(beside(problem.errors, as_problem(more).errors))
    return problem


def _remember(memory: dict[Any, Any], key: Any, value: Any) -> None:
    memory[key] = value
    if len(memory) > REMEMBERED:
        del memory[next(iter(memory))]


async def _view_that_fits(api: Api, draft: Draft) -> View | None:
    """The dataset of a request; None when data are loaded and no version is made yet. 422 when it does not fit."""
    view = await api.datasets.current() if draft.dataset is None else await api.datasets.get(draft.dataset)
    if view is not None:
        await fit(api, draft, view)
        return view
    if draft.dataset is not None:
        problems = [Problem(path="dataset", message="there is no such version; see /v1/datasets")]
        current = await api.datasets.current()
        raise invalid(problems if current is None else beside(problems, await _against(draft, current)))
    if not await api.datasets.has_data():
        raise ApiProblem(409, "no-market-data", "No market data are loaded. Load some with `ondol load DIR`.")
    return None


async def _against(draft: Draft, view: View) -> list[Problem]:
    """What the manifest of a dataset has against a request."""
    look = partial(
        dataset_problems, draft.request, days=view.days, instruments=view.instruments, indices=view.indices,
        factors=view.factors,
    )  # fmt: skip
    # to find names that are like unknown ones takes long
    return await asyncio.to_thread(look) if draft.request.strategy.universe.stock_codes else look()


async def fit(api: Api, draft: Draft, view: View) -> None:
    """RequestError with everything in a request that this dataset cannot give, or that would cost too much."""
    key = (draft.digest, view.version)
    if key in api.checked:
        return
    request = draft.request
    problems = await _against(draft, view)
    if problems:
        raise RequestError(problems)
    window = window_of(request, view.days)
    nodes = sum(expression.nodes for _, expression in expressions_of(request).named())
    cost = nodes * len(view.instruments) * (window.stop - window.start)
    if cost > api.settings.cost_limit:
        raise ApiProblem(
            422, "too-costly",
            f"{nodes} nodes x {len(view.instruments)} stocks x {window.stop - window.start} days = {cost} is above the "
            f"limit of {api.settings.cost_limit}; shorten the window or the expressions.",
        )  # fmt: skip
    _remember(api.checked, key, None)


async def _leave_room(api: Api, caller: Caller) -> None:
    if caller.concurrency <= 0:
        return
    async with api.database.connection() as connection:
        unfinished = await connection.fetchval(SQL["count_open"], caller.owner)
    if unfinished >= caller.concurrency:
        raise ApiProblem(
            429, "too-many-open", f"This key has {unfinished} unfinished backtests; {caller.concurrency} are allowed.",
            headers={"Retry-After": "1"},
        )  # fmt: skip


async def _idempotent(api: Api, caller: Caller, ask: Ask, draft: Draft) -> Row | None:
    """The row that this key made before; 422 when it was made by another request."""
    async with api.database.connection() as connection:
        found = await connection.fetchrow(SQL["idempotent"], caller.owner, ask.idempotency_key)
        if found is None:
            await connection.execute(SQL["forget_idempotency"], caller.owner, ask.idempotency_key)
            return None
        if found["body_digest"] != _body_digest(draft):
            raise ApiProblem(422, "idempotency-conflict", "This Idempotency-Key was used with another body.")
        return dict(await connection.fetchrow(SQL["select_backtest"], found["id"], caller.owner))


async def _recorded(api: Api, caller: Caller, draft: Draft, view: View | None, ask: Ask) -> Row:
    """The new row of the caller, announced when its computation is new."""
    created = dt.datetime.now(dt.UTC)
    row: Row = {
        "id": IDS.new(), "owner": caller.owner, "computation": None, "request": draft.text,
        "dataset_version": None, "strategy_id": draft.strategy_id, "cached": False, "cancelled_at": None,
        "created_at": created, "status": "queued", "progress": 0.0, "started_at": None, "finished_at": None,
        "error": None, "result_digest": None,
    }  # fmt: skip
    if view is None:
        return await _recorded_waiting(api, row, draft, ask)
    row["dataset_version"] = view.version
    content = (draft.digest, view.version, ENGINE_VERSION, RULES_VERSION)
    if not ask.no_store and ask.idempotency_key is None:
        known = api.results.known.get(content)
        if known is not None:
            stored = (row["id"], caller.owner, known, draft.strategy_id, ask.origin, created)
            with suppress(asyncpg.ForeignKeyViolationError):  # the result is being forgotten this instant
                async with api.database.connection() as connection:
                    if await connection.fetchval(SQL["accept_stored"], *stored) is not None:
                        api.measures.accepted("hit", ask.origin)
                        return row | {"computation": known, "cached": True, "status": "completed",
                                      "started_at": created, "finished_at": created}  # fmt: skip
            del api.results.known[content]
    mine = IDS.new()
    api.ends.channel(str(mine))
    values = (
        row["id"], mine, caller.owner, draft.text, *content, draft.strategy_id, ask.origin, ask.idempotency_key,
        _body_digest(draft) if ask.idempotency_key else None, ask.no_store, created,
    )  # fmt: skip
    first = ask.idempotency_key is None and (ask.no_store or api.results.first_asked(content))
    hint = BacktestRequested(
        computation_id=str(mine), request=draft.text, dataset_version=view.version, origin=ask.origin,
        created_at=created.timestamp(), row_follows=first,
    )  # fmt: skip
    telling: asyncio.Future[None] | None = None
    for _ in range(5):
        made = None
        with suppress(asyncpg.ForeignKeyViolationError):
            async with api.database.connection() as connection:
                if first and telling is None:  # nobody else has it, most likely: a simulator begins meanwhile
                    telling = asyncio.ensure_future(announce(api, hint))
                made = await connection.fetchrow(SQL["accept"], *values)
        if made is not None:
            break
        known_row = None if ask.idempotency_key is None else await _idempotent(api, caller, ask, draft)
        if known_row is not None:
            api.ends.forget(str(mine))
            return known_row
    else:
        raise ApiProblem(503, "unavailable", "The request met too many equal ones at once; try again.",
                         headers={"Retry-After": "1"})  # fmt: skip
    row |= {"computation": made["computation"], "cached": made["cached"], "status": made["status"]}
    if made["fresh"]:
        row["announced_here"] = True
        await asyncio.shield(telling or asyncio.ensure_future(announce(api, hint)))
        api.measures.accepted("miss", ask.origin)
    else:
        api.ends.forget(str(mine))
        api.measures.accepted("hit" if made["cached"] else "joined", ask.origin)
    if made["cached"]:
        api.results.remember(content, made["computation"])
        row |= {"started_at": created, "finished_at": created}
    return row


async def _recorded_waiting(api: Api, row: Row, draft: Draft, ask: Ask) -> Row:
    """Data are loaded and the first version is on its way: the row waits for it."""
    values = (
        row["id"], row["owner"], draft.text, draft.digest, draft.strategy_id, ask.origin, ask.no_store,
        ask.idempotency_key, _body_digest(draft) if ask.idempotency_key else None, row["created_at"],
    )  # fmt: skip
    async with api.database.connection() as connection:
        made = await connection.fetchval(SQL["accept_waiting"], *values)
    if made is None:
        known = await _idempotent(api, Caller(owner=row["owner"], rate_per_minute=0, concurrency=0), ask, draft)
        if known is not None:
            return known
    api.measures.accepted("waiting", ask.origin)
    await api.datasets.ask_for_first()
    return row


async def announce(api: Api, hint: BacktestRequested) -> None:
    """The hint for the simulators; when the broker is away the reconciler brings it later."""
    try:
        await append(api.broker, hint)
    except LOST as error:
        log.warning("hint.lost", computation=hint.computation_id, error=type(error).__name__)
