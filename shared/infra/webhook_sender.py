"""Requests to addresses that users name: signed, without redirects, and only to public addresses.

A name is resolved once for a request, and the socket connects to the addresses that were checked: a name that resolves
otherwise a moment later changes nothing.
"""

from __future__ import annotations

import errno
import hashlib
import hmac
import ipaddress
import socket
from collections.abc import AsyncIterator, Collection
from contextlib import asynccontextmanager
from typing import Any, Final
from urllib.parse import urlsplit

import aiohttp
from aiohttp.abc import AbstractResolver, ResolveResult
from aiohttp.resolver import ThreadedResolver

TIMEOUT_S: Final = 10.0
"""Seconds that a receiver has for its answer."""
_NAT64: Final = ipaddress.ip_network("64:ff9b::/96")
_SCHEMES: Final = {"https": 443, "http": 80}


class RefusedAddressError(OSError):
    """An address that no request is sent to."""


def is_public(address: str) -> bool:
    """Return whether an IP address is one of the public internet, also inside an IPv6 address."""
    found: ipaddress.IPv4Address | ipaddress.IPv6Address = ipaddress.ip_address(address.partition("%")[0])
    if isinstance(found, ipaddress.IPv6Address):
        inner = found.ipv4_mapped or found.sixtofour or (found.teredo[1] if found.teredo else None)
        if found in _NAT64:
            inner = ipaddress.IPv4Address(int(found) & 0xFFFFFFFF)
        if inner is not None:
            found = inner
    return found.is_global and not found.is_multicast


def url_problem(url: str, allowed_hosts: Collection[str]) -> str | None:
    """Return the name of the message about a URL that cannot be a webhook; None when it can be, as far as it is read.

    Only hosts of `allowed_hosts` may have plain http.
    """
    try:
        parts = urlsplit(url)
        host, port = parts.hostname, parts.port
    except ValueError:
        return "webhook_url_malformed"
    if parts.scheme not in _SCHEMES or not host or parts.username is not None or parts.fragment or port == 0:
        return "webhook_url_malformed"
    if host in allowed_hosts:
        return None
    if parts.scheme != "https":
        return "webhook_url_plain"
    return None if _literal(host) is None or is_public(host) else "webhook_url_private"


async def address_problem(url: str, allowed_hosts: Collection[str]) -> str | None:
    """Return the name of the message about a URL whose host resolves to no public address; None otherwise."""
    parts = urlsplit(url)
    if parts.hostname is None or parts.hostname in allowed_hosts:
        return None
    resolver = PublicResolver()
    try:
        await resolver.resolve(parts.hostname, parts.port or _SCHEMES[parts.scheme])
    except RefusedAddressError:
        return "webhook_url_private"
    except OSError:
        return "webhook_url_unknown"
    finally:
        await resolver.close()
    return None


def _literal(host: str) -> str | None:
    try:
        return str(ipaddress.ip_address(host))
    except ValueError:
        return None


class PublicResolver(AbstractResolver):
    """Resolves names; RefusedAddressError when one of the addresses is not public."""

    def __init__(self) -> None:
        self._inner = ThreadedResolver()

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_UNSPEC
    ) -> list[ResolveResult]:
        """Return the addresses of a host; raise OSError for a name with an empty or too long label."""
        try:
            found = await self._inner.resolve(host, port, family)
        except UnicodeError as error:
            raise OSError(f"{host[:80]} is no name of a host") from error
        for one in found:
            _require_public(one["host"])
        return found

    async def close(self) -> None:
        """Release what the resolver holds."""
        await self._inner.close()


def _require_public(address: str) -> None:
    if not is_public(address):
        raise RefusedAddressError(errno.EACCES, f"{address} is not a public address")


def _public_socket(address: Any) -> socket.socket:
    """Return a socket for an address that is about to be connected to."""
    family, kind, protocol, _, target = address
    _require_public(target[0])
    return socket.socket(family=family, type=kind, proto=protocol)


def signature(secret: str, timestamp: int, body: bytes) -> str:
    """Return the value of `Ondol-Signature`: HMAC-SHA256 over `timestamp.body` with the secret, as hexadecimal."""
    digest = hmac.new(secret.encode(), b"%d." % timestamp + body, hashlib.sha256).hexdigest()
    return f"t={timestamp},v1={digest}"


class WebhookSender:
    """Sends signed bodies. Hosts of `allowed_hosts` may have any address and plain http."""

    def __init__(
        self, public: aiohttp.ClientSession, internal: aiohttp.ClientSession, allowed_hosts: Collection[str]
    ) -> None:
        self._public, self._internal, self._allowed = public, internal, frozenset(allowed_hosts)

    async def send(self, url: str, secret: str, event_id: str, timestamp: int, body: bytes) -> int:
        """Return the status of the answer; raise RefusedAddressError, other OSErrors, TimeoutError and ClientError."""
        problem = url_problem(url, self._allowed)
        if problem is not None:
            raise RefusedAddressError(problem)
        session = self._internal if urlsplit(url).hostname in self._allowed else self._public
        headers = {
            "Content-Type": "application/json", "Ondol-Event-Id": event_id,
            "Ondol-Signature": signature(secret, timestamp, body),
        }  # fmt: skip
        async with session.post(url, data=body, headers=headers, allow_redirects=False) as response:
            return response.status


@asynccontextmanager
async def webhook_sender(allowed_hosts: Collection[str]) -> AsyncIterator[WebhookSender]:
    """Open a sender; its connections are closed at the end of the block."""
    timeout = aiohttp.ClientTimeout(total=TIMEOUT_S)
    guarded = aiohttp.TCPConnector(resolver=PublicResolver(), socket_factory=_public_socket, use_dns_cache=False)
    async with (
        aiohttp.ClientSession(connector=guarded, timeout=timeout) as public,
        aiohttp.ClientSession(timeout=timeout) as internal,
    ):
        yield WebhookSender(public, internal, allowed_hosts)
