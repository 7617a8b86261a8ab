"""Opening quotes: posted by an operator at the open, shown to every key."""

from __future__ import annotations

from aiohttp import web

from services.api.accounts.opening_quotes import quotes_document, store_quotes
from services.api.context import AppContext, RequestContext, Route
from services.api.errors import not_found
from services.api.http.answers import json_response
from services.api.http.request import parse_body, parse_object, read_body
from services.api.schemas import opening_quotes_responses as responses
from services.api.schemas.account_requests import MAX_QUOTES, OpeningQuotesBody, OpeningQuotesQuery, PostQuotesQuery

MAX_VALUES = 10 + 3 * MAX_QUOTES
"""Values of a body: each quote is an object with a code and a price."""


async def post_quotes(app: AppContext, call: RequestContext) -> web.Response:
    """`POST /v1/quotes/open`."""
    query: PostQuotesQuery = call.query
    raw = await read_body(call.request, app.settings.max_body_bytes)
    body = parse_body(OpeningQuotesBody, parse_object(raw, MAX_VALUES))
    return json_response(await store_quotes(app, body, replace=query.replace))


async def get_quotes(app: AppContext, call: RequestContext) -> web.Response:
    """`GET /v1/quotes/open`."""
    query: OpeningQuotesQuery = call.query
    document = await quotes_document(app, query.date)
    if document is None:
        raise not_found("quotes_not_found")
    return json_response(document)


ROUTES = (
    Route(
        method="POST", path="/v1/quotes/open", handler=post_quotes, tag="accounts", query=PostQuotesQuery,
        body=OpeningQuotesBody, role="operator", answers={200: responses.QuotesPosted}, problems=(400, 409, 413, 415),
        summary="Post the opening prices of a day, from which paper accounts are booked until its rows are loaded",
    ),
    Route(
        method="GET", path="/v1/quotes/open", handler=get_quotes, tag="accounts", query=OpeningQuotesQuery,
        answers={200: responses.OpeningQuoteList}, problems=(404,),
        summary="The opening prices that were posted for a day",
    ),
)  # fmt: skip
