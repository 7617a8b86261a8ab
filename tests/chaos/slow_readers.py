"""R24: clients that do not receive their answers, and clients that send half of a request."""

from __future__ import annotations

import asyncio
import socket
import time
from contextlib import suppress

import aiohttp

from tests.chaos.memory import forget_peak, peak_bytes, resident_bytes
from tests.chaos.results import CheckResult, Context
from tests.chaos.stored_bytes import large_strategy
from tests.chaos.system import FaultError, System, until
from tests.chaos.tenancy import Caller, new_key

READERS = 5_000
GROWTH_MIB = 256
"""The default limit is 32 MiB of unsent bytes, each of them in two copies, beside the answers that are computed."""
END_S = 30.0
HEAD_S = 12.0
WHOLE = "GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n"
HALVES = ("G", "GET /healthz HTTP/1.1\r\nHost: local", WHOLE + "GET /hea", WHOLE + WHOLE + "GET /healthz HTTP/1.1\r\nX")
EACH_HALF = 50


async def r24(context: Context) -> CheckResult:
    """Let many clients request large answers and read nothing, beside half heads; compare memory and durations."""
    result, system, count = CheckResult(), context.system, context.count(READERS, 400)
    key = await new_key(context, "faults-readers")
    api = system.pids()["api"]
    async with aiohttp.ClientSession() as session:
        caller = Caller(session, system.url, key)
        body = {"id": "large", "name": "large", "strategy": large_strategy(0)}
        status, text = await caller.call("POST", "/v1/strategies", body)
        if status != 201:
            raise FaultError(f"{status} {text[:200]}")
        try:
            status, text = await caller.call("GET", "/v1/strategies/large")
            answer_bytes = len(text)
            await _slow_readers(context, result, key, api, count)
            await _half_heads(system, result)
        finally:
            await caller.call("DELETE", "/v1/strategies/large")
    result.add(readers=count, answer_bytes=answer_bytes)
    result.require(answer_bytes < 1 << 20, "the answer is not of the kind that is written at once")
    result.require(api == system.pids()["api"], "the api was restarted")
    return result


async def _slow_readers(context: Context, result: CheckResult, key: str, api: int, count: int) -> None:
    """Open connections that receive nothing; measure the memory of the api and how long it holds them."""
    system = context.system
    request = f"GET /v1/strategies/large HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {key}\r\n\r\n".encode()
    forget_peak(api)
    before = resident_bytes(api)
    readers: list[socket.socket] = []
    slowest_s = 0.0
    try:
        for number in range(count):
            readers.append(_connected(system.url, 4096))
            readers[-1].sendall(request)
            if number % 25 == 24:  # so that answers, not their computation, are what grows
                began = time.monotonic()
                if not await system.ready():
                    result.require(False, "not ready beside slow readers")
                slowest_s = max(slowest_s, time.monotonic() - began)

        async def released() -> bool:
            return bool(await _unsent_bytes(system) == 0)

        ended_s = await until(released, 120, "no unsent bytes", every_s=0.5)
    finally:
        for reader in readers:
            reader.close()
    growth = (peak_bytes(api) - before) / (1 << 20)
    result.add(api_growth_mib=growth, held_s=ended_s, slowest_ready_s=slowest_s)
    result.require(growth <= GROWTH_MIB, f"the api grew by {growth:.0f} MiB")
    result.require_in_time(ended_s <= END_S, f"slow readers were held {ended_s:.0f} s")


async def _half_heads(system: System, result: CheckResult) -> None:
    """Send half of a request, alone or behind whole ones; each connection has to end with a 408."""
    clients = [_connected(system.url, 65_536) for _ in range(EACH_HALF * len(HALVES))]
    began = time.monotonic()
    try:
        for number, client in enumerate(clients):
            client.sendall(HALVES[number % len(HALVES)].encode())
        async with asyncio.timeout(90):
            answers = await asyncio.gather(*(_received(client) for client in clients))
        took_s = time.monotonic() - began
    finally:
        for client in clients:
            client.close()
    answered = sum(b" 408 " in answer for answer in answers)
    result.add(half_heads=len(clients), answered_408=answered, half_heads_s=took_s)
    result.require(answered == len(clients), f"{len(clients) - answered} half heads were not answered with 408")
    result.require_in_time(took_s <= HEAD_S, f"half heads ended after {took_s:.0f} s")


def _connected(url: str, receive_bytes: int) -> socket.socket:
    client = socket.socket()
    client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_bytes)
    client.connect(("127.0.0.1", int(url.rpartition(":")[2])))
    client.setblocking(False)
    return client


async def _received(client: socket.socket) -> bytes:
    """Return everything that a connection receives until its end."""
    loop, received = asyncio.get_running_loop(), b""
    with suppress(ConnectionError):
        while piece := await loop.sock_recv(client, 65_536):
            received += piece
    return received


async def _unsent_bytes(system: System) -> float:
    async with aiohttp.ClientSession() as session, session.get(system.url + "/metrics") as response:
        return system.metric(await response.text(), "ondol_unsent_bytes")
