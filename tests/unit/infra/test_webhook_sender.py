"""Which addresses webhooks may have, and what their receivers get."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import pytest
import pytest_asyncio
from aiohttp import web

from shared.infra.webhook_sender import (
    PublicResolver,
    RefusedAddressError,
    address_problem,
    is_public,
    signature,
    url_problem,
    webhook_sender,
)

PRIVATE = (
    "127.0.0.1", "10.1.2.3", "172.16.0.1", "192.168.1.1", "169.254.169.254", "0.0.0.1", "100.64.0.1", "224.0.0.1",
    "255.255.255.255", "::1", "::", "fe80::1", "fe80::1%eth0", "fc00::1", "ff02::1", "::ffff:127.0.0.1",
    "::ffff:10.0.0.1", "64:ff9b::7f00:1", "2002:7f00:0001::1", "2001:db8::1",
)  # fmt: skip


@pytest.mark.parametrize("address", PRIVATE)
def test_addresses_that_are_not_public_are_refused(address: str) -> None:
    assert not is_public(address)


@pytest.mark.parametrize("address", ["1.1.1.1", "203.248.252.2", "2606:4700:4700::1111", "::ffff:1.1.1.1"])
def test_public_addresses_are_accepted(address: str) -> None:
    assert is_public(address)


@pytest.mark.parametrize(
    ("url", "problem"),
    [
        ("https://example.com/hook", None), ("https://example.com:8443/hook", None), ("https://1.1.1.1/", None),
        ("http://example.com/hook", "webhook_url_plain"), ("ftp://example.com/", "webhook_url_malformed"),
        ("https://user@example.com/", "webhook_url_malformed"), ("https:///path", "webhook_url_malformed"),
        ("https://example.com:99999/", "webhook_url_malformed"), ("https://[::1/", "webhook_url_malformed"),
        ("https://127.0.0.1/", "webhook_url_private"), ("https://[::1]/", "webhook_url_private"),
        ("https://169.254.169.254/latest", "webhook_url_private"), ("http://hooks.internal/", None),
    ],
)  # fmt: skip
def test_urls_are_checked_as_they_are_read(url: str, problem: str | None) -> None:
    assert url_problem(url, ("hooks.internal",)) == problem


async def test_names_are_refused_by_what_they_resolve_to() -> None:
    assert await address_problem("https://localhost/", ()) == "webhook_url_private"
    assert await address_problem("https://localhost/", ("localhost",)) is None
    for host in ("no-such-host.invalid", "a..b", f"{'a' * 64}.com", "日" * 64):
        assert await address_problem(f"https://{host}/", ()) == "webhook_url_unknown"
    resolver = PublicResolver()
    with pytest.raises(RefusedAddressError):
        await resolver.resolve("localhost", 443)


def test_signature_is_that_of_the_documented_recipe() -> None:
    expected = hmac.new(b"a secret of mine", b'1700000000.{"a":1}', hashlib.sha256).hexdigest()
    assert signature("a secret of mine", 1_700_000_000, b'{"a":1}') == f"t=1700000000,v1={expected}"


class Receiver:
    """A receiver on loopback that answers with given statuses."""

    def __init__(self) -> None:
        self.answers: list[int] = []
        self.received: list[tuple[dict[str, str], bytes]] = []
        self.url = ""

    async def handle(self, request: web.Request) -> web.Response:
        self.received.append((dict(request.headers), await request.read()))
        status = self.answers.pop(0) if self.answers else 200
        return web.Response(status=status, headers={"Location": self.url} if status == 302 else {})


@pytest_asyncio.fixture
async def receiver() -> AsyncIterator[Receiver]:
    found = Receiver()
    app = web.Application()
    app.router.add_post("/hook", found.handle)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    server: Any = site._server
    found.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/hook"
    yield found
    await runner.cleanup()


async def test_bodies_are_signed_and_redirects_are_not_followed(receiver: Receiver) -> None:
    receiver.answers = [200, 302]
    async with webhook_sender(("127.0.0.1",)) as sender:
        assert await sender.send(receiver.url, "s" * 16, "event", 7, b"{}") == 200
        assert await sender.send(receiver.url, "s" * 16, "event", 7, b"{}") == 302
    assert len(receiver.received) == 2
    headers, body = receiver.received[0]
    assert (headers["Ondol-Signature"], headers["Ondol-Event-Id"], body) == (
        signature("s" * 16, 7, b"{}"), "event", b"{}",
    )  # fmt: skip


async def test_no_socket_is_opened_to_a_private_address(receiver: Receiver) -> None:
    port = receiver.url.rpartition(":")[2].partition("/")[0]
    async with webhook_sender(()) as sender:
        for url in (receiver.url, f"https://127.0.0.1:{port}/hook", f"https://localhost:{port}/hook"):
            with pytest.raises((OSError, aiohttp.ClientError), match=r"not a public|webhook_url"):
                await sender.send(url, "s" * 16, "event", 7, b"{}")
        # at connect time, whatever was read before
        with pytest.raises((OSError, aiohttp.ClientError), match="not a public"):
            await sender._public.post(f"http://127.0.0.1:{port}/hook")
    assert receiver.received == []
