"""The aiohttp application: every route behind authentication, query validation, metrics and problem documents."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import msgspec
import structlog
from aiohttp import web

from services.api.context import AppContext, RequestContext, Route
from services.api.errors import CORS_ORIGINS, RETRY_AFTER, problem_middleware
from services.api.http.content_coding import coding_of, encode_response
from services.api.http.cors import allow_origin
from services.api.http.protocol import StrictRunner
from services.api.http.request import parse_query
from services.api.http.retry_after import RetryAfterEstimator
from services.api.routes import ROUTES
from services.api.routes.docs import openapi_json
from services.api.schemas.requests import AnyQuery
from shared.errors import SetupError

log = structlog.get_logger()

SHUTDOWN_S = 5.0
CLIENT_CLOSED_REQUEST = 499
"""Status that is counted when the client disconnects before the answer."""


def application(context: AppContext) -> web.Application:
    """Return the application with all routes."""
    openapi_json()  # encoded before the first request: it takes a while
    app = web.Application(middlewares=[problem_middleware], client_max_size=context.settings.max_body_bytes + 1)
    app[RETRY_AFTER] = RetryAfterEstimator()
    origins = app[CORS_ORIGINS] = context.settings.cors_origins
    if origins:

        async def allow(request: web.Request, response: web.StreamResponse) -> None:
            allow_origin(request, response, origins)

        app.on_response_prepare.append(allow)
    for route in ROUTES:
        handler = _handler(context, route)
        app.router.add_route(route.method, route.path, handler)
        if route.method == "GET":
            app.router.add_route("HEAD", route.path, handler)
    return app


def _handler(context: AppContext, route: Route) -> Callable[[web.Request], Awaitable[web.StreamResponse]]:
    handler, query_shape, anonymous = route.handler, route.query, context.authenticator.anonymous
    path = route.path
    has_default = not any(field.required for field in msgspec.structs.fields(query_shape))
    default = query_shape() if has_default else None

    async def handle(request: web.Request) -> web.StreamResponse:
        begin = time.perf_counter()
        status = 500
        try:
            coding_of(request)  # refuses before anything is done
            caller = anonymous if route.public else await context.authenticator.authenticate(request)
            if query_shape is AnyQuery:
                query = default
            else:
                query = parse_query(query_shape, request) if request.query_string or default is None else default
            response = await handler(context, RequestContext(request=request, caller=caller, query=query))
            status = response.status
            await encode_response(request, response)
        except asyncio.CancelledError:
            status = CLIENT_CLOSED_REQUEST
            raise
        finally:
            context.metrics.request_served(path, request.method, status, time.perf_counter() - begin)
        return response

    return handle


@asynccontextmanager
async def listening_on(context: AppContext, listening: Callable[[str], None] | None) -> AsyncIterator[str]:
    """Serve the application; yield its address, and give it to `listening`.

    Raises SetupError when the port cannot be bound.
    """
    runner = StrictRunner(application(context), shutdown_timeout=SHUTDOWN_S)
    await runner.setup()
    settings = context.settings
    try:
        site = web.TCPSite(runner, settings.api_host, settings.api_port, backlog=4096)
        try:
            await site.start()
        except OSError as error:
            raise SetupError(
                f"The port {settings.api_port} of {settings.api_host} cannot be used ({error.strerror}); "
                "choose another with ONDOL_API_PORT or --port."
            ) from error
        host, port = runner.addresses[0][:2]
        address = f"http://[{host}]:{port}" if ":" in str(host) else f"http://{host}:{port}"
        log.info("api.started", address=address)
        if listening is not None:
            listening(address)
        yield address
    finally:
        await runner.cleanup()
