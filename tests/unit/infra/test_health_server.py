"""The small HTTP server: what it answers, and what it refuses."""

from __future__ import annotations

import asyncio
import socket

import pytest

from shared.errors import SetupError
from shared.infra.health_server import health_server
from shared.infra.metrics import exposition, memory_bytes


async def _ask(port: int, request: bytes) -> tuple[int, bytes]:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(request)
    answer = await asyncio.wait_for(reader.read(), timeout=5)
    writer.close()
    await writer.wait_closed()
    head, _, body = answer.partition(b"\r\n\r\n")
    return int(head.split()[1]), body


async def _yes() -> bool:
    return True


async def _no() -> bool:
    return False


async def test_readyz_names_failing_checks() -> None:
    async with health_server("127.0.0.1", 0, {"database": _yes, "broker": _no}, exposition) as port:
        assert await _ask(port, b"GET /healthz HTTP/1.1\r\n\r\n") == (200, b'{"status":"ok"}')
        status, body = await _ask(port, b"GET /readyz HTTP/1.1\r\n\r\n")
        assert (status, body) == (503, b'{"status":"not_ready","dependencies":{"database":true,"broker":false}}')
        status, body = await _ask(port, b"GET /metrics HTTP/1.1\r\n\r\n")
        assert status == 200
        assert b"ondol_process_memory_bytes" in body
        assert (await _ask(port, b"POST /metrics HTTP/1.1\r\n\r\n"))[0] == 405
        assert (await _ask(port, b"GET /etc/passwd HTTP/1.1\r\n\r\n"))[0] == 404
        assert (await _ask(port, b"\x00\r\n\r\n"))[0] == 405


async def test_port_in_use_is_a_setup_error() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        with pytest.raises(SetupError, match="ONDOL_METRICS_PORT"):
            async with health_server("127.0.0.1", taken.getsockname()[1], {}, exposition):
                pass


def test_memory_metrics_split_private_and_shared() -> None:
    assert memory_bytes()["private"] > 0
