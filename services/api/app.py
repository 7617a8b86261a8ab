"""The aiohttp application: every route behind authentication, query validation, metrics and problem documents."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import msgspec
import structlog
from aiohttp import web

from services.api.auth import may_use
from services.api.context import AppContext, RequestContext, Route
from services.api.errors import CORS_ORIGINS, RETRY_AFTER, ApiProblem, as_problem, problem_middleware
from services.api.http.content_coding import coding_of, encode_response
from services.api.http.cors import allow_origin
from services.api.http.default_headers import secure_prepared
from services.api.http.protocol import StrictRunner
from services.api.http.request import parse_query
from services.api.http.request_headers import CHECKED
from services.api.http.request_source import SourceCheck, source_middleware
from services.api.http.retry_after import RetryAfterEstimator
from services.api.http.streaming import in_slices
from services.api.http.unsent import UnsentBytes
from services.api.routes import ROUTES
from services.api.routes.docs import openapi_json
from services.api.schemas.requests import AnyQuery
from shared.errors import SetupError
from shared.messages import say

log = structlog.get_logger()

SHUTDOWN_S = 5.0
CLIENT_CLOSED_REQUEST = 499
"""Status that is counted when the client disconnects before the answer."""
PAGES = tuple(route.path for route in ROUTES if route.answers.get(200) == "text/html")
"""Paths that links of other sites may open."""


def application(context: AppContext) -> web.Application:
    """Return the application with all routes."""
    openapi_json()  # encoded before the first request: it takes a while
    settings = context.settings
    origins = settings.cors_origins
    check = SourceCheck(
        hosts=settings.allowed_hosts, any_host=context.authenticator.key_required, origins=origins, pages=PAGES
    )
    app = web.Application(
        middlewares=[problem_middleware, source_middleware(check)], client_max_size=settings.max_body_bytes + 1
    )
    app[RETRY_AFTER] = RetryAfterEstimator()
    app[CORS_ORIGINS] = origins
    app.on_response_prepare.append(secure_prepared)
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
    path, settings, stores_work = route.path, context.settings, route.stores_work
    is_public = route.public or bool(route.opened_by and getattr(settings, route.opened_by))
    has_default = not any(field.required for field in msgspec.structs.fields(query_shape))
    default = query_shape() if has_default else None
    header_checks = tuple(CHECKED[name] for name in route.headers if name in CHECKED)

    async def handle(request: web.Request) -> web.StreamResponse:
        begin = time.perf_counter()
        status = 500
        caller = anonymous
        response: web.StreamResponse | None = None
        try:
            coding_of(request)  # refuses before anything is done
            if not is_public:
                caller = await context.authenticator.authenticate(request, admits_visitors=route.admits_visitors)
                if not may_use(caller, route.role):
                    raise ApiProblem(403, "forbidden", say("role_missing", role=route.role))
            if stores_work:
                context.disk.require_room()
            for check in header_checks:
                check(request)
            if query_shape is AnyQuery:
                query = default
            else:
                query = parse_query(query_shape, request) if request.query_string or default is None else default
            response = await handler(context, RequestContext(request=request, caller=caller, query=query))
            status = response.status
            await encode_response(request, response)
            response = await in_slices(request, response)
        except asyncio.CancelledError:
            status = CLIENT_CLOSED_REQUEST
            raise
        except Exception as error:
            status = as_problem(error).status
            raise
        finally:
            seconds = time.perf_counter() - begin
            context.metrics.request_served(path, request.method, status, seconds)
            if settings.access_log:
                log.info(
                    "request.served", key=caller.key, address=context.authenticator.addresses.address_of(request),
                    method=request.method, path=request.path, status=status,
                    bytes=0 if response is None else response.content_length or response.body_length,
                    ms=round(seconds * 1e3, 2),
                )  # fmt: skip
        return response

    return handle


@asynccontextmanager
async def listening_on(context: AppContext, listening: Callable[[str], None] | None) -> AsyncIterator[str]:
    """Serve the application; yield its address, and give it to `listening`.

    Raises SetupError when the port cannot be bound.
    """
    runner = StrictRunner(
        application(context), shutdown_timeout=SHUTDOWN_S, unsent=UnsentBytes(context.settings.max_unsent_bytes)
    )
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
