"""The session of a browser: a key is exchanged for a cookie that scripts cannot read."""

from __future__ import annotations

from aiohttp import web

from services.api.auth import SESSION_COOKIE
from services.api.context import AppContext, RequestContext, Route
from services.api.errors import ApiProblem
from services.api.http.request import parse_body, read_optional_body
from services.api.schemas.requests import SessionBody
from shared.messages import say


async def post_session(app: AppContext, call: RequestContext) -> web.Response:
    """`POST /v1/session`: the cookie ends with the browser, and the key can be revoked at any time."""
    body = parse_body(SessionBody, await read_optional_body(call.request, app.settings.max_body_bytes))
    if await app.authenticator.caller_of(body.key, call.request) is None:
        raise ApiProblem(401, "unauthorized", say("key_unknown"))
    response = web.Response(status=204)
    is_secure = call.request.secure or call.request.headers.get("X-Forwarded-Proto") == "https"
    response.set_cookie(SESSION_COOKIE, body.key, path="/", httponly=True, samesite="Strict", secure=is_secure)
    return response


async def delete_session(app: AppContext, call: RequestContext) -> web.Response:
    """`DELETE /v1/session`: remove the cookie."""
    response = web.Response(status=204)
    response.del_cookie(SESSION_COOKIE, path="/", httponly=True, samesite="Strict")
    return response


ROUTES = (
    Route(
        method="POST", path="/v1/session", handler=post_session, summary="Exchange a key for a session cookie",
        tag="web", body=SessionBody, answers={204: ""}, public=True, problems=(400, 401, 413, 415),
    ),
    Route(
        method="DELETE", path="/v1/session", handler=delete_session, summary="End the session of this browser",
        tag="web", answers={204: ""}, public=True,
    ),
)  # fmt: skip
