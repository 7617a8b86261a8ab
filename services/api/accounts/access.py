"""The account of a path, the request of an account, and pages."""

from __future__ import annotations

import asyncio
import uuid
from typing import Any, Final

import msgspec
from aiohttp import web

from services.api.accounts.computed import Row
from services.api.accounts.step import select_account
from services.api.auth import VISITOR, may_use
from services.api.backtests.canonicalize import CanonicalRequest, InvalidBodyError, canonicalize_body
from services.api.backtests.validate import expression_indices
from services.api.context import AppContext, RequestContext
from services.api.errors import invalid, not_found
from services.api.http.answers import json_response
from services.api.http.pagination import write_cursor
from services.api.http.request import parse_uuid
from services.api.own_factors import resolve
from services.api.user_strategies import referenced_entry
from services.api.views import require_view
from shared.contracts.http import PUBLIC
from shared.model.calendar import from_day
from shared.simulation.plan import dataset_problems

NOT_FOUND: Final = "account_not_found"


def readable_owners(call: RequestContext) -> list[str]:
    """Return the owners whose accounts the caller may read."""
    return [call.caller.owner, PUBLIC]


def changeable_owners(call: RequestContext) -> list[str]:
    """Return the owners whose accounts the caller may change: a visitor none, an operator also the public ones."""
    if call.caller is VISITOR:
        return []
    return [call.caller.owner, *([PUBLIC] if may_use(call.caller, "operator") else [])]


async def account_of_path(app: AppContext, call: RequestContext, *, to_change: bool = False) -> Row:
    """Return the account whose id is in the path, if the caller may read or change it; 404 for others."""
    return await require_account(app, call, parse_uuid(call.request.match_info["id"], "account"), to_change=to_change)


async def require_account(
    app: AppContext, call: RequestContext, identity: uuid.UUID, *, to_change: bool = False
) -> Row:
    """Return an account that the caller may read or change; 404 for others."""
    account = await select_account(app, identity, changeable_owners(call) if to_change else readable_owners(call))
    if account is None:
        raise not_found(NOT_FOUND)
    return account


async def canonical_of(app: AppContext, owner: str, request: dict[str, Any]) -> CanonicalRequest:
    """Return the canonical form of an account's request; 422 with every problem."""
    try:
        own = await referenced_entry(app, owner, request.get("strategy")) or {}
        indices = await expression_indices(app, None)
        canonical, _ = await resolve(
            app, owner, lambda names: canonicalize_body(names.body(request, ""), names.entries(own), indices)
        )
    except InvalidBodyError as error:
        raise invalid(error.problems) from None
    view = await require_view(app)
    # the window is that of the account's days, so only its last row is validated
    known = msgspec.structs.replace(
        canonical.request, start=from_day(int(view.days[-1])), end=from_day(int(view.days[-1]))
    )
    problems = await asyncio.to_thread(
        dataset_problems, known, days=view.days, instruments=view.instruments, indices=view.indices,
        factors=view.factors, listings=view.manifest.listings,
    )  # fmt: skip
    if problems:
        raise invalid(problems)
    return canonical


def page(items: list[dict[str, Any]], limit: int, key: str) -> web.Response:
    """Return a page of at most `limit` items, with a cursor when there are more."""
    following = write_cursor(items[limit - 1][key]) if len(items) > limit else None
    return json_response({"items": items[:limit], "next_cursor": following})
