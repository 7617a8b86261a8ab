"""The description of the interface: the OpenAPI document, and a page for people."""

from __future__ import annotations

import pathlib
from functools import cache

import orjson
from aiohttp import web

from services.api.context import AppContext, RequestContext, Route
from services.api.http.answers import json_response
from services.api.schemas import operation_responses as responses
from services.api.schemas.openapi import document

PAGE = pathlib.Path(__file__).resolve().parent.parent / "docs_page" / "docs.html"
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src data:; frame-ancestors 'none'"
)


@cache
def openapi_json() -> bytes:
    """Return the OpenAPI document as JSON."""
    from services.api import routes  # the list that this module is part of

    return orjson.dumps(document(routes.ROUTES))


@cache
def _page(name: str) -> bytes:
    return PAGE.with_name(name).read_bytes()


async def get_openapi(app: AppContext, call: RequestContext) -> web.Response:
    """`GET /openapi.json`."""
    return json_response(openapi_json())


async def get_page(app: AppContext, call: RequestContext) -> web.Response:
    """`GET /docs`: loads nothing from another server."""
    headers = {"Content-Security-Policy": POLICY}
    return web.Response(body=_page("docs.html"), content_type="text/html", charset="utf-8", headers=headers)


async def get_script(app: AppContext, call: RequestContext) -> web.Response:
    """`GET /docs/docs.js`."""
    return web.Response(body=_page("docs.js"), content_type="text/javascript", charset="utf-8")


async def get_style(app: AppContext, call: RequestContext) -> web.Response:
    """`GET /docs/docs.css`."""
    return web.Response(body=_page("docs.css"), content_type="text/css", charset="utf-8")


ROUTES = (
    Route(
        method="GET", path="/openapi.json", handler=get_openapi, summary="This document", tag="description",
        answers={200: responses.OpenApi}, opened_by="open_description",
    ),
    Route(
        method="GET", path="/docs", handler=get_page, summary="The interface as a page", tag="description",
        answers={200: "text/html"}, opened_by="open_description",
    ),
    Route(
        method="GET", path="/docs/docs.js", handler=get_script, summary="Script of the page", tag="description",
        answers={200: "text/javascript"}, public=True,
    ),
    Route(
        method="GET", path="/docs/docs.css", handler=get_style, summary="Style of the page", tag="description",
        answers={200: "text/css"}, public=True,
    ),
)  # fmt: skip
