"""Loopback ports: choose a free one, check a given one, probe an HTTP endpoint."""

from __future__ import annotations

import asyncio
import socket

from shared.errors import SetupError

HOST = "127.0.0.1"
_PATIENCE_S = 5.0


def free_port() -> int:
    """Return a loopback port that is free now."""
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        return int(probe.getsockname()[1])


def checked_port(port: int) -> int:
    """Return the port, or raise SetupError when it cannot be bound."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except (OSError, OverflowError) as error:
            raise SetupError(
                f"Port {port} cannot be used ({error}); choose another with --port, or --port 0."
            ) from error
    return port


async def is_ok(port: int, path: str = "/readyz") -> bool:
    """Return whether a GET returns status 200 in time."""
    try:
        reader, writer = await asyncio.open_connection(HOST, port)
    except OSError:
        return False
    try:
        writer.write(f"GET {path} HTTP/1.1\r\nHost: {HOST}:{port}\r\nConnection: close\r\n\r\n".encode())
        status = await asyncio.wait_for(reader.readline(), timeout=_PATIENCE_S)
    except (OSError, TimeoutError):
        return False
    finally:
        writer.close()
    return b" 200 " in status
