"""Run `ondol` commands in child processes, and `ondol serve` around a test."""

from __future__ import annotations

import asyncio
import os
import pathlib
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import orjson

MAX_WAIT_S = 180.0


def _environment() -> dict[str, str]:
    return {name: value for name, value in os.environ.items() if not name.startswith("ONDOL_")}


async def ondol(*words: str | pathlib.Path) -> str:
    """Run a command and return its standard output; fail the test with standard error otherwise."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "ondol", *map(str, words), env=_environment(),
        stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
    )  # fmt: skip
    output, errors = await asyncio.wait_for(process.communicate(), MAX_WAIT_S)
    assert process.returncode == 0, errors.decode() + output.decode()
    return output.decode()


@asynccontextmanager
async def serving(home: pathlib.Path, *, simulators: int = 1) -> AsyncIterator[dict[str, Any]]:
    """Run `ondol serve` on a free port; yield its JSON output: `ready` (URL), `services`, `metrics`."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "ondol", "serve", "--home", str(home), "--port", "0", "--simulators", str(simulators),
        "--json", env=_environment(), stdout=asyncio.subprocess.PIPE,
    )  # fmt: skip
    assert process.stdout is not None
    try:
        lines = b""
        async with asyncio.timeout(MAX_WAIT_S):
            while True:
                lines += await process.stdout.readline()
                try:
                    run = orjson.loads(lines)
                    break
                except orjson.JSONDecodeError:
                    assert process.returncode is None, lines
        yield run
    finally:
        process.send_signal(signal.SIGTERM)
        await asyncio.wait_for(process.wait(), 60)
