"""Webhooks of paper accounts: set, show, remove; their deliveries and dead letters."""

from __future__ import annotations

import re
import secrets
from collections.abc import Mapping
from typing import Any, Final

from aiohttp import web

from services.api.accounts.access import account_of_path, page
from services.api.backtests.serialize import instant
from services.api.context import AppContext, RequestContext, Route
from services.api.errors import invalid, not_found
from services.api.http.answers import json_response
from services.api.http.pagination import read_cursor
from services.api.http.request import parse_body, parse_object, read_body
from services.api.schemas import webhook_responses as responses
from services.api.schemas.account_requests import DeliveriesQuery, WebhookBody
from shared.errors import Problem
from shared.infra.database.sql import statements
from shared.infra.webhook_sender import address_problem, url_problem
from shared.messages import say

SQL: Final = statements("webhooks")
_NUMBER: Final = re.compile(r"[0-9]{1,18}")


async def put_webhook(app: AppContext, call: RequestContext) -> web.Response:
    """`PUT /v1/accounts/{id}/webhook`."""
    body = parse_body(WebhookBody, parse_object(await read_body(call.request, app.settings.max_body_bytes)))
    account = await account_of_path(app, call, to_change=True)
    allowed = app.settings.webhook_allowed_hosts
    problem = url_problem(body.url, allowed) or await address_problem(body.url, allowed)
    if problem is not None:
        raise invalid([Problem(path="url", message=say(problem))])
    secret = body.secret or secrets.token_urlsafe(32)
    async with app.database.connection() as connection:
        row = await connection.fetchrow(SQL["set_webhook"], account["id"], body.url, secret)
    return json_response({**_webhook(row), "secret": secret})


async def get_webhook(app: AppContext, call: RequestContext) -> web.Response:
    """`GET /v1/accounts/{id}/webhook`."""
    account = await account_of_path(app, call, to_change=True)
    async with app.database.connection() as connection:
        row = await connection.fetchrow(SQL["select_webhook"], account["id"])
    if row is None:
        raise not_found("webhook_not_found")
    return json_response(_webhook(row))


async def delete_webhook(app: AppContext, call: RequestContext) -> web.Response:
    """`DELETE /v1/accounts/{id}/webhook`: waiting deliveries are not sent."""
    account = await account_of_path(app, call, to_change=True)
    async with app.database.connection() as connection:
        if await connection.fetchval(SQL["delete_webhook"], account["id"]) is None:
            raise not_found("webhook_not_found")
    return web.Response(status=204)


async def list_deliveries(app: AppContext, call: RequestContext) -> web.Response:
    """`GET /v1/accounts/{id}/deliveries`."""
    query: DeliveriesQuery = call.query
    account = await account_of_path(app, call, to_change=True)
    before = read_cursor(query.cursor, int)
    async with app.database.connection() as connection:
        rows = await connection.fetch(SQL["select_deliveries"], account["id"], query.status, before, query.limit + 1)
    return page([_delivery(row) for row in rows], query.limit, "number")


async def resend_delivery(app: AppContext, call: RequestContext) -> web.Response:
    """`POST /v1/accounts/{id}/deliveries/{number}/resend`."""
    account = await account_of_path(app, call, to_change=True)
    number = call.request.match_info["number"]
    row = None
    if _NUMBER.fullmatch(number):
        async with app.database.connection() as connection:
            row = await connection.fetchrow(SQL["resend_delivery"], account["id"], int(number))
    if row is None:
        raise not_found("delivery_not_found")
    return json_response(_delivery(row))


def _webhook(row: Mapping[str, Any]) -> dict[str, Any]:
    return {"url": row["url"], "created_at": instant(row["created_at"])}


def _delivery(row: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "number": row["number"], "event_id": str(row["event_id"]), "type": row["change"],
        "date": row["day"].isoformat(), "status": row["status"], "attempts": row["attempts"],
        "due_at": instant(row["due_at"]), "http_status": row["http_status"], "error": row["error"],
        "created_at": instant(row["created_at"]), "delivered_at": instant(row["delivered_at"]),
    }  # fmt: skip


ROUTES = (
    Route(
        method="PUT", path="/v1/accounts/{id}/webhook", handler=put_webhook, tag="accounts", body=WebhookBody,
        summary="Post the events of a paper account to an address, signed", answers={200: responses.WebhookSet},
        problems=(400, 404, 413, 415),
    ),
    Route(
        method="GET", path="/v1/accounts/{id}/webhook", handler=get_webhook, tag="accounts",
        summary="The webhook of a paper account", answers={200: responses.Webhook}, problems=(404,),
    ),
    Route(
        method="DELETE", path="/v1/accounts/{id}/webhook", handler=delete_webhook, tag="accounts",
        summary="Remove the webhook of a paper account", answers={204: ""}, problems=(404,),
    ),
    Route(
        method="GET", path="/v1/accounts/{id}/deliveries", handler=list_deliveries, tag="accounts",
        query=DeliveriesQuery, summary="Deliveries of a webhook, the newest first; dead ones were given up",
        answers={200: responses.DeliveryPage}, problems=(404,),
    ),
    Route(
        method="POST", path="/v1/accounts/{id}/deliveries/{number}/resend", handler=resend_delivery, tag="accounts",
        summary="Send a delivery again, with all its attempts", answers={200: responses.Delivery}, problems=(404,),
    ),
)  # fmt: skip
