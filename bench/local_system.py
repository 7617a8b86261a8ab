"""A measured system: `ondol serve` as a child process, its run file and its API."""

from __future__ import annotations

import asyncio
import json
import os
import pathlib
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from bench.client import Connection, request_bytes
from bench.processes import ROOT, ChildError


@dataclass
class Served:
    """A running system."""

    process: int
    port: int
    home: pathlib.Path
    ready_s: float

    def run(self) -> dict[str, Any]:
        """Return the run file: services and servers with their process ids."""
        results: dict[str, Any] = json.loads((self.home / "run.json").read_text())
        return results

    def get(self, path: str) -> Any:
        """Return the document of a GET; raise ChildError for an error status."""
        return self.call("GET", path)

    def call(self, method: str, path: str, body: Any = None, **headers: str) -> Any:
        """Return the document of a request on a new connection; raise ChildError for an error status."""

        async def once() -> Any:
            connection = Connection(self.port)
            response = await connection.send(request_bytes(method, path, body, **headers))
            connection.close()
            if response.status >= 400:
                raise ChildError(f"{method} {path}: {response.status} {response.body[:400]!r}")
            return json.loads(response.body)

        return asyncio.run(once())

    def metrics(self, service: str | None = None) -> dict[str, float]:
        """Return the metrics of all services, summed by series, or those of one."""
        results: dict[str, float] = {}
        for name, port in self.run()["metrics"].items():
            if service not in (None, name):
                continue
            for line in self._text(port).splitlines():
                if line and not line.startswith("#"):
                    series, _, value = line.rpartition(" ")
                    results[series] = results.get(series, 0.0) + float(value)
        return results

    @staticmethod
    def _text(port: int) -> str:
        async def once() -> bytes:
            connection = Connection(port)
            response = await connection.send(request_bytes("GET", "/metrics", Connection="close"))
            connection.close()
            return response.body

        return asyncio.run(once()).decode()


@contextmanager
def serving(home: pathlib.Path, *, simulators: int) -> Iterator[Served]:
    """Run `ondol serve` for the duration of the block, without nightly warm runs."""
    begin = time.perf_counter()
    child = subprocess.Popen(
        [
            sys.executable, "-m", "ondol.main", "serve", "--home", str(home), "--port", "0", "--simulators",
            str(simulators), "--json",
        ],
        stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT), "ONDOL_WARM_ENABLED": "false"},
    )  # fmt: skip
    try:
        assert child.stdout is not None
        text = b""
        while line := child.stdout.readline():
            text += line
            try:
                document = json.loads(text)
                break
            except ValueError:
                continue
        else:
            raise ChildError(f"ondol serve did not become ready; see {home}/logs")
        port = int(document["ready"].rpartition(":")[2])
        yield Served(child.pid, port, home, time.perf_counter() - begin)
    finally:
        child.send_signal(signal.SIGTERM)
        try:
            child.wait(60)
        except subprocess.TimeoutExpired:
            child.kill()
            child.wait()
