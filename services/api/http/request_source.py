"""Where a request comes from: host, page of a browser, proxy, and the media type of its body; checked before any route.

A web page of any site can make a browser on this machine send requests to a loopback address. Such a request has no
key, so that its headers must show that it is not from a foreign page: the browser states the page's origin in
`Origin` and `Sec-Fetch-Site`, which pages cannot change, and a name that an attacker has pointed to 127.0.0.1 is in
`Host`. A body that is not declared as JSON is refused, since a page may send only other types without asking first.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Awaitable, Callable, Collection, Iterable
from functools import lru_cache

from aiohttp import web
from aiohttp.typedefs import Middleware

from services.api.errors import ApiProblem
from services.api.http.cors import origin_allowed
from shared.infra import metrics
from shared.messages import say

FORWARDING_HEADERS = ("Forwarded", "Via", "X-Forwarded-For", "X-Forwarded-Host", "X-Forwarded-Proto", "X-Real-IP")
SAFE_METHODS = ("GET", "HEAD")
MAX_HOSTS = 1024
"""Number of different `Host` headers whose check is remembered."""

Network = ipaddress.IPv4Network | ipaddress.IPv6Network
Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


def is_loopback(host: str) -> bool:
    """Whether only this machine can reach a server that listens on the host."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False


def is_forwarded(request: web.BaseRequest) -> bool:
    """Whether a proxy has forwarded the request, so that its sender may be on another machine."""
    return any(name in request.headers for name in FORWARDING_HEADERS)


def is_same_origin(request: web.BaseRequest) -> bool:
    """Whether a request that a browser sends with the session cookie comes from a page of this server.

    A browser that does not send `Sec-Fetch-Site` sends `Origin` with every request that changes something.
    """
    site = request.headers.get("Sec-Fetch-Site")
    if site is not None:
        return site == "same-origin" or (site == "none" and request.method in SAFE_METHODS)
    origin = request.headers.get("Origin")
    if origin is None:
        return request.method in SAFE_METHODS
    return origin.partition("://")[2] == request.host


class SourceCheck:
    """Refuses requests by their source; `pages` are the paths that a link of another site may open."""

    def __init__(
        self, *, hosts: Iterable[str], any_host: bool, origins: Collection[str], pages: Collection[str]
    ) -> None:
        self._hosts = frozenset(hosts)
        self._any_host = any_host
        self._origins = origins
        self._pages = frozenset(pages)
        self._is_allowed_host = lru_cache(MAX_HOSTS)(self._is_host)

    def check(self, request: web.BaseRequest, path: str) -> None:
        """Raise a problem: 421 for a foreign host, 403 for a page of another origin, 415 for a body that is no JSON."""
        host = request.headers.get("Host")
        if host is not None and not self._is_allowed_host(host):
            metrics.REFUSED_SOURCES.labels("host").inc()
            raise ApiProblem(421, "foreign-host", say("foreign_host", setting="ONDOL_ALLOWED_HOSTS"))
        if not self._is_own_page(request, path):
            metrics.REFUSED_SOURCES.labels("origin").inc()
            raise ApiProblem(403, "cross-origin", say("cross_origin", setting="ONDOL_CORS_ORIGINS"))
        if request.method not in SAFE_METHODS and request.body_exists and not _is_json(request):
            metrics.REFUSED_SOURCES.labels("media_type").inc()
            raise ApiProblem(415, "unsupported-media-type", say("body_not_json_type"))

    def _is_host(self, host: str) -> bool:
        name = host.rpartition("]")[0].removeprefix("[") or host.partition(":")[0]
        name = name.lower().removesuffix(".")
        if name == "localhost" or name.endswith(".localhost") or name in self._hosts:
            return True
        if self._any_host and not self._hosts:
            return True
        try:
            ipaddress.ip_address(name)
        except ValueError:
            return False
        return True  # no name that somebody could point to this machine

    def _is_own_page(self, request: web.BaseRequest, path: str) -> bool:
        headers = request.headers
        site, origin = headers.get("Sec-Fetch-Site"), headers.get("Origin")
        if (site is None and origin is None) or request.method == "OPTIONS":
            return True  # no browser; or the question whether a page may send a request, which is answered by CORS
        if site == "same-origin" or origin_allowed(request, self._origins) is not None:
            return True
        if site in (None, "none"):
            return origin is None or origin.partition("://")[2] == request.host
        return (
            request.method in SAFE_METHODS
            and path in self._pages
            and headers.get("Sec-Fetch-Mode") == "navigate"
            and headers.get("Sec-Fetch-Dest") == "document"
        )


def _is_json(request: web.BaseRequest) -> bool:
    kind = request.content_type
    return kind == "application/json" or kind.endswith("+json")


def source_middleware(check: SourceCheck) -> Middleware:
    """Return the middleware that checks each request, also of paths that do not exist."""

    @web.middleware
    async def middleware(request: web.Request, handler: Handler) -> web.StreamResponse:
        resource = request.match_info.route.resource
        check.check(request, request.path if resource is None else resource.canonical)
        return await handler(request)

    return middleware


class ClientAddresses:
    """Finds the address of a client: that of the connection, or the one that a trusted proxy names."""

    def __init__(self, proxies: Iterable[str]) -> None:
        self._proxies: tuple[Network, ...] = tuple(ipaddress.ip_network(proxy) for proxy in proxies)

    def address_of(self, request: web.BaseRequest) -> str:
        """Return the address of the client; of IPv6 the network of 64 bits, which one client has whole."""
        address = request.remote or ""
        if self._proxies and self._is_proxy(address):
            hops = ",".join(request.headers.getall("X-Forwarded-For", [])).split(",")
            for hop in reversed([hop.strip() for hop in hops if hop.strip()]):
                address = hop
                if not self._is_proxy(hop):
                    break
        return _client_network(address)

    def _is_proxy(self, address: str) -> bool:
        try:
            found = ipaddress.ip_address(address)
        except ValueError:
            return False
        return any(found in network for network in self._proxies)


def _client_network(address: str) -> str:
    if ":" not in address:
        return address[:64]
    try:
        return str(ipaddress.ip_network((address.partition("%")[0], 64), strict=False).network_address)
    except ValueError:
        return address[:64]
