"""The health check of the containers, as they run it."""

from __future__ import annotations

import asyncio
import pathlib
import sys

import pytest

from ondol.local.ports import free_port
from shared.infra.health_server import health_server
from shared.infra.metrics import exposition

ROOT = pathlib.Path(__file__).resolve().parents[3]


async def _probe(port: int) -> int:
    """The exit code of the command of compose.yaml."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-S", "-m", "shared.infra.probe", str(port), cwd=ROOT, env={"PYTHONPATH": str(ROOT)}
    )
    return await process.wait()


@pytest.mark.parametrize("ready", [True, False])
async def test_the_exit_code_is_that_of_readiness(ready: bool) -> None:
    async def check() -> bool:
        return ready

    async with health_server("127.0.0.1", 0, {"database": check}, exposition) as port:
        assert await _probe(port) == (0 if ready else 1)


async def test_a_closed_port_is_not_ready() -> None:
    assert await _probe(free_port()) == 1
