"""Submission of a backtest: canonicalize, validate against the dataset, insert, publish, respond."""

from __future__ import annotations

import asyncio
import datetime as dt
import hashlib
import uuid
from contextlib import suppress
from dataclasses import dataclass, replace

import asyncpg
import structlog
from aiohttp import web

from services.api.auth import Caller
from services.api.backtests.await_outcome import respond
from services.api.backtests.canonicalize import CanonicalRequest, InvalidBodyError, canonicalize_body
from services.api.backtests.open_limit import admission
from services.api.backtests.results import Content
from services.api.backtests.row import BacktestRow
from services.api.backtests.validate import expression_indices, find_view, validate_with
from services.api.context import AppContext, RequestContext
from services.api.datasets import View
from services.api.errors import ApiProblem, as_problem, invalid
from services.api.http.request import is_no_store, parse_object, read_body, wait_seconds
from services.api.http.request_headers import idempotency_key_of, origin_of
from services.api.ids import new_id
from services.api.own_factors import resolve
from services.api.research.lines import open_line
from services.api.user_strategies import referenced_entry
from shared.contracts.events import BacktestRequested, LongRunRequested
from shared.errors import Problem, RequestError
from shared.infra.database.sql import statements
from shared.infra.redis.client import LOST
from shared.infra.redis.streams import append
from shared.market import RULES_VERSION
from shared.messages import say
from shared.simulation import ENGINE_VERSION
from shared.simulation.computing_cost import LONG_COST, result_bytes_of_request
from shared.simulation.validation import merged

log = structlog.get_logger()

SQL = statements("backtest")
MAX_CACHED_BODY = 16_384
INSERT_ATTEMPTS = 5


@dataclass(frozen=True, kw_only=True)
class Submission:
    """A valid request with the options of its HTTP request."""

    caller: Caller
    canonical: CanonicalRequest
    wait_s: float | None
    no_store: bool
    origin: str
    idempotency_key: str | None

    @property
    def body_digest(self) -> str | None:
        """Digest of the body for idempotency (1 and 1.0 are the same body); None without a key."""
        if self.idempotency_key is None:
            return None
        content = f"{self.canonical.digest} {self.canonical.dataset}"
        if self.canonical.research is not None:
            content += f" {self.canonical.research}"
        return hashlib.sha256(content.encode()).hexdigest()


async def submit_backtest(app: AppContext, call: RequestContext) -> web.StreamResponse:
    """`POST /v1/backtests`."""
    request = call.request
    raw = await read_body(request, app.settings.max_body_bytes)
    key = idempotency_key_of(request)
    canonical = await _canonicalize(app, raw, call.caller)
    submission = Submission(
        caller=call.caller, canonical=canonical, wait_s=wait_seconds(request), no_store=is_no_store(request),
        origin=origin_of(request), idempotency_key=key,
    )  # fmt: skip
    if key is not None:
        earlier = await _select_idempotent(app, submission)
        if earlier is not None:
            return await respond(app, call, earlier, submission.wait_s)
    view = await find_view(app, canonical)
    if canonical.research is not None:
        async with app.database.transaction() as connection:
            await open_line(connection, call.caller.owner, canonical.research, 1)
    row, is_new = await _insert(app, submission, view)
    return await respond(app, call, row, submission.wait_s, is_new=is_new)


async def submit_canonical(app: AppContext, call: RequestContext, canonical: CanonicalRequest) -> BacktestRow:
    """Return the row of a backtest that another resource of the caller submits, as `POST /v1/backtests` would.

    Its research line is that of the resource, which exists; a closed one takes it.
    """
    submission = Submission(
        caller=call.caller, canonical=canonical, wait_s=None, no_store=False, origin="user", idempotency_key=None
    )
    view = await find_view(app, canonical)
    row, _ = await _insert(app, submission, view)
    return row


async def _canonicalize(app: AppContext, raw: bytes, caller: Caller) -> CanonicalRequest:
    """Return the canonical request of a body; recent ones are cached, since clients repeat bodies."""
    key = (raw, await expression_indices(app, None))
    cached = app.canonical_requests.get(key)
    if cached is not None:
        return cached
    body = parse_object(raw)
    indices = await expression_indices(app, body.get("dataset"))
    own = await referenced_entry(app, caller.owner, body.get("strategy"))
    try:
        canonical, has_own_names = await resolve(
            app, caller.owner,
            lambda names: canonicalize_body(names.body(body, ""), names.entries(own or {}), indices),
        )  # fmt: skip
    except InvalidBodyError as error:
        raise invalid(merged(error.problems, await _dataset_problems(app, error.rest))) from None
    if own is None and not has_own_names and len(raw) <= MAX_CACHED_BODY:
        app.canonical_requests[key] = canonical
    return canonical


async def _dataset_problems(app: AppContext, rest: CanonicalRequest | None) -> list[Problem]:
    """Return the problems that what is right in an invalid body has with its dataset."""
    if rest is None:
        return []
    try:
        await find_view(app, rest)
    except (ApiProblem, RequestError) as error:
        return list(as_problem(error).errors)
    return []


async def _select_idempotent(app: AppContext, submission: Submission) -> BacktestRow | None:
    """Return the row that this idempotency key created; raise a 422 when another body created it."""
    owner, key = submission.caller.owner, submission.idempotency_key
    async with app.database.connection() as connection:
        found = await connection.fetchrow(SQL["select_idempotent"], owner, key)
        if found is None:
            await connection.execute(SQL["expire_idempotency_key"], owner, key)
            return None
        if found["body_digest"] != submission.body_digest:
            raise ApiProblem(422, "idempotency-conflict", say("idempotency_conflict"))
        return BacktestRow.of(await connection.fetchrow(SQL["select_backtest"], found["id"], owner))


async def _insert(app: AppContext, submission: Submission, view: View | None) -> tuple[BacktestRow, bool]:
    """Insert the row of a submission; return it, and whether its computation is new and published by this process."""
    canonical = submission.canonical
    row = BacktestRow(
        id=new_id(), request=canonical.text, created_at=dt.datetime.now(dt.UTC), strategy_id=canonical.strategy_id,
        computation_status="queued", origin=submission.origin, research=canonical.research,
    )  # fmt: skip
    if view is None:
        return await _insert_pending(app, submission, row), False
    row = replace(row, dataset_version=view.version, engine_version=ENGINE_VERSION)
    content = (canonical.digest, view.version, ENGINE_VERSION, RULES_VERSION)
    if not submission.no_store and submission.idempotency_key is None:
        cached = await _insert_cached(app, submission, row, content)
        if cached is not None:
            return cached, False
    return await _insert_computed(app, submission, row, content, await validate_with(app, canonical, view))


async def _insert_cached(
    app: AppContext, submission: Submission, row: BacktestRow, content: Content
) -> BacktestRow | None:
    """Insert a row whose result is known to be stored; None when it is not, or not any more."""
    computation = app.results.completed.get(content)
    if computation is None:
        return None
    values = (
        row.id, submission.caller.owner, computation, row.strategy_id, submission.origin, row.created_at, row.research,
    )  # fmt: skip
    with suppress(asyncpg.ForeignKeyViolationError):  # the result is being deleted
        async with app.database.connection() as connection:
            if await connection.fetchval(SQL["insert_cached_backtest"], *values) is not None:
                app.metrics.backtest_accepted("hit", submission.origin)
                return _completed_at_once(replace(row, computation=computation))
    app.results.completed.pop(content, None)
    return None


def _completed_at_once(row: BacktestRow) -> BacktestRow:
    return replace(
        row, cached=True, computation_status="completed", started_at=row.created_at, finished_at=row.created_at
    )


async def _insert_computed(
    app: AppContext, submission: Submission, row: BacktestRow, content: Content, cost: int
) -> tuple[BacktestRow, bool]:
    """Insert a row and, unless an equal computation exists, a computation that is published to the simulators.

    A content that this process sees for the first time is published before its row is committed: a simulator then
    starts meanwhile and waits for the row. A long one is leased in any case, so that nothing would be gained.
    """
    computation, is_long = new_id(), cost > LONG_COST
    size = result_bytes_of_request(submission.canonical.request)
    app.event_hub.subscription(str(computation))
    values = (
        row.id, computation, submission.caller.owner, row.request, *content, row.strategy_id, submission.origin,
        submission.idempotency_key, submission.body_digest, submission.no_store, row.created_at, cost, is_long,
        row.research, size,
    )  # fmt: skip
    publish_first = (
        not is_long
        and submission.idempotency_key is None
        and (submission.no_store or app.results.is_first_request(content))
    )
    message = LongRunRequested(computation_id=str(computation)) if is_long else BacktestRequested(
        computation_id=str(computation), request=row.request, dataset_version=row.dataset_version or "",
        origin=submission.origin, created_at=row.created_at.timestamp(), row_follows=publish_first,
    )  # fmt: skip
    publishing: asyncio.Future[None] | None = None
    for _ in range(INSERT_ATTEMPTS):
        made = None
        try:
            with suppress(asyncpg.ForeignKeyViolationError):
                async with admission(app, submission.caller, size) as connection:
                    if publish_first and publishing is None:
                        publishing = asyncio.ensure_future(publish(app, message))
                    made = await connection.fetchrow(SQL["insert_backtest"], *values)
        except ApiProblem:
            app.event_hub.unsubscribe(str(computation))
            raise
        if made is not None:
            break
        earlier = None if submission.idempotency_key is None else await _select_idempotent(app, submission)
        if earlier is not None:
            app.event_hub.unsubscribe(str(computation))
            return earlier, False
    else:
        raise ApiProblem(503, "unavailable", say("too_much_contention"),
                         headers={"Retry-After": "1"})  # fmt: skip
    row = replace(row, computation=made["computation"], computation_status=made["status"])
    if made["is_new"]:
        await asyncio.shield(publishing or asyncio.ensure_future(publish(app, message)))
        app.metrics.backtest_accepted("miss", submission.origin)
        return row, True
    app.event_hub.unsubscribe(str(computation))
    app.metrics.backtest_accepted("hit" if made["cached"] else "deduplicated", submission.origin)
    if not made["cached"]:
        return row, False
    found: uuid.UUID = made["computation"]
    app.results.completed[content] = found
    return _completed_at_once(row), False


async def _insert_pending(app: AppContext, submission: Submission, row: BacktestRow) -> BacktestRow:
    """Insert a row without a dataset version; it gets the first one that is published."""
    size = result_bytes_of_request(submission.canonical.request)
    values = (
        row.id, submission.caller.owner, row.request, submission.canonical.digest, row.strategy_id, submission.origin,
        submission.no_store, submission.idempotency_key, submission.body_digest, row.created_at, row.research, size,
    )  # fmt: skip
    async with admission(app, submission.caller, size) as connection:
        made = await connection.fetchval(SQL["insert_pending_backtest"], *values)
    if made is None:
        earlier = await _select_idempotent(app, submission)
        if earlier is not None:
            return earlier
    app.metrics.backtest_accepted("waiting", submission.origin)
    await app.datasets.request_first()
    return row


async def publish(app: AppContext, message: BacktestRequested | LongRunRequested) -> None:
    """Publish a computation to the simulators; when the broker is unavailable, the reconciler publishes it later."""
    try:
        await append(app.broker, message)
    except LOST as error:
        log.warning("job.publish_failed", computation_id=message.computation_id, error=type(error).__name__)
