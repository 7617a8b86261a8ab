"""Loopback ports: choose a free one, check a given one, probe an HTTP endpoint."""

from __future__ import annotations

import asyncio
import socket

from shared.errors import SetupError

HOST = "127.0.0.1"
_MAX_WAIT_S = 5.0


def free_port(host: str = HOST) -> int:
    """Return a port of an address that is free now."""
    with socket.socket(_family(host)) as probe:
        probe.bind((host, 0))
        return int(probe.getsockname()[1])


def checked_port(port: int, host: str = HOST) -> int:
    """Return the port, or raise SetupError when it cannot be bound."""
    with socket.socket(_family(host)) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except (OSError, OverflowError) as error:
            raise SetupError(
                f"Port {port} of {host} cannot be used ({error}); choose another with --port, or --port 0, or another "
                "ONDOL_API_HOST."
            ) from error
    return port


def _family(host: str) -> socket.AddressFamily:
    return socket.AF_INET6 if ":" in host else socket.AF_INET


def reachable(host: str) -> str:
    """Return an address by which this machine reaches a server that listens on `host`."""
    return {"0.0.0.0": HOST, "": HOST, "::": "::1", "localhost": HOST}.get(host, host)  # noqa: S104


def url_of(host: str, port: int) -> str:
    """Return the URL by which this machine reaches a server that listens on `host`."""
    address = reachable(host)
    return f"http://[{address}]:{port}" if ":" in address else f"http://{address}:{port}"


async def is_ok(port: int, path: str = "/readyz", host: str = HOST) -> bool:
    """Return whether a GET returns status 200 in time."""
    try:
        reader, writer = await asyncio.open_connection(host, port)
    except OSError:
        return False
    try:
        writer.write(f"GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n".encode())
        status = await asyncio.wait_for(reader.readline(), timeout=_MAX_WAIT_S)
    except (OSError, TimeoutError):
        return False
    finally:
        writer.close()
    return b" 200 " in status
