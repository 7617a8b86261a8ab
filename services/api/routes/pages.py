"""The web application: one page for every screen, and its assets under the name of the build."""

from __future__ import annotations

from aiohttp import web

from services.api.context import AppContext, RequestContext, Route
from services.api.errors import ApiProblem, not_found
from services.api.schemas.requests import AnyQuery
from services.api.web_bundle import Asset
from shared.messages import say

SCREENS = {
    "/": "start",
    "/new": "builder",
    "/runs": "backtests",
    "/runs/{id}": "one backtest",
    "/stocks": "stocks",
    "/stocks/{code}": "one stock",
    "/compare": "comparison",
    "/shared": "backtest of a link",
    "/sweeps": "sweeps",
    "/sweeps/new": "new sweep",
    "/sweeps/{id}": "one sweep",
    "/walk-forwards": "walk-forwards",
    "/walk-forwards/new": "new walk-forward",
    "/walk-forwards/{id}": "one walk-forward",
    "/research": "research lines",
    "/research/{line}": "one research line",
    "/accounts": "paper accounts",
    "/accounts/{id}": "one paper account",
    "/screen": "screener",
    "/factors": "factors",
    "/factors/{key}": "one factor",
    "/factor-matrix": "matrix of factors and holding times",
    "/factor-reports": "factor reports",
    "/factor-reports/{id}": "one factor report",
    "/own-factors": "own factors",
    "/own-factors/{key}": "one own factor",
    "/quality": "quality of the data",
    "/ops": "operations",
}
"""Path -> screen of the web application; the page itself shows the screen of its address."""

POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self' data:; "
    "manifest-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; "
    "require-trusted-types-for 'script'"
)
PAGE_HEADERS = {
    "Content-Security-Policy": POLICY,
    "Permissions-Policy": "camera=(), display-capture=(), geolocation=(), microphone=(), payment=(), usb=()",
    "Cache-Control": "no-cache",
}
ASSET_HEADERS = {"Cache-Control": "public, max-age=31536000, immutable"}


def _answer(asset: Asset, request: web.Request, headers: dict[str, str]) -> web.Response:
    """Return a file in the best coding that the client accepts; 304 when the client has it."""
    body, coding = asset.select(request.headers.get("Accept-Encoding", ""))
    etag = asset.etag if coding is None else f"{asset.etag}-{coding}"
    headers = headers | {"Vary": "Accept-Encoding"}
    known = request.if_none_match
    if known is not None and any(each.value in (etag, "*") for each in known):
        response = web.Response(status=304, headers=headers)
        response.etag = etag
        return response
    if coding is not None:
        headers["Content-Encoding"] = coding
    charset = None if asset.media_type in ("image/svg+xml", "application/manifest+json") else "utf-8"
    response = web.Response(body=body, content_type=asset.media_type, charset=charset, headers=headers)
    response.etag = etag
    return response


async def get_screen(app: AppContext, call: RequestContext) -> web.Response:
    """`GET /` and the other screens."""
    if app.bundle is None:
        raise not_found("web_off")
    return _answer(app.bundle.page, call.request, PAGE_HEADERS)


async def get_asset(app: AppContext, call: RequestContext) -> web.Response:
    """`GET /assets/{build}/{name}`."""
    build, name = call.request.match_info["build"], call.request.match_info["name"]
    asset = None
    if app.bundle is not None and build == app.bundle.build:
        asset = app.bundle.assets.get(name)
    if asset is None:
        raise ApiProblem(404, "not-found", say("asset_not_found"))
    return _answer(asset, call.request, ASSET_HEADERS)


ROUTES = (
    *(
        Route(
            method="GET", path=path, handler=get_screen, summary=f"Web application: {screen}", tag="web",
            answers={200: "text/html"}, query=AnyQuery, public=True, problems=(404,),
        )
        for path, screen in SCREENS.items()
    ),
    Route(
        method="GET", path="/assets/{build}/{name}", handler=get_asset, summary="File of the web application",
        tag="web", answers={200: "text/javascript"}, also=("text/css", "image/svg+xml"), public=True, problems=(404,),
    ),
)  # fmt: skip
