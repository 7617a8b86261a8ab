"""The description of the interface, for programs and for people."""

from __future__ import annotations

import pathlib
from functools import cache

import orjson
from aiohttp import web

from services.api.context import Api, Call, Route
from services.api.schemas import responses
from services.api.schemas.openapi import document
from shared.contracts.http import JSON

PAGE = pathlib.Path(__file__).resolve().parent.parent / "docs_page" / "docs.html"
POLICY = "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src data:"


@cache
def described() -> bytes:
    """The OpenAPI document as JSON."""
    from services.api import routes  # the list that this file is part of

    return orjson.dumps(document(routes.ROUTES))


@cache
def _page(name: str) -> bytes:
    return PAGE.with_name(name).read_bytes()


async def openapi(api: Api, call: Call) -> web.Response:
    """`GET /openapi.json`."""
    return web.Response(body=described(), content_type=JSON)


async def docs(api: Api, call: Call) -> web.Response:
    """`GET /docs`: needs nothing from anywhere else."""
    headers = {"Content-Security-Policy": POLICY}
    return web.Response(body=_page("docs.html"), content_type="text/html", charset="utf-8", headers=headers)


async def script(api: Api, call: Call) -> web.Response:
    """`GET /docs/docs.js`."""
    return web.Response(body=_page("docs.js"), content_type="text/javascript", charset="utf-8")


async def style(api: Api, call: Call) -> web.Response:
    """`GET /docs/docs.css`."""
    return web.Response(body=_page("docs.css"), content_type="text/css", charset="utf-8")


ROUTES = (
    Route(
        method="GET", path="/openapi.json", handler=openapi, summary="This document", tag="description",
        answers={200: responses.OpenApi}, public=True,
    ),
    Route(
        method="GET", path="/docs", handler=docs, summary="The interface for people", tag="description",
        answers={200: "text/html"}, public=True,
    ),
    Route(
        method="GET", path="/docs/docs.js", handler=script, summary="The script of /docs", tag="description",
        answers={200: "text/javascript"}, public=True,
    ),
    Route(
        method="GET", path="/docs/docs.css", handler=style, summary="The style of /docs", tag="description",
        answers={200: "text/css"}, public=True,
    ),
)  # fmt: skip
