"""What a service loads at its start, and what becomes of the memory that it has freed."""

from __future__ import annotations

import pathlib
import subprocess
import sys

import orjson
import pytest

ROOT = pathlib.Path(__file__).resolve().parents[3]
HEAVY = {"polars", "pydantic", "arq", "aiohttp", "pyarrow", "numba", "scipy", "rich", "pygments", "unittest"}

IMPORTS = """
import os, sys
from shared.infra.memory import light_start
with light_start(os.environ):
    import services.{service}.service
loaded = [name for name, module in sys.modules.items() if module is not None]
print(sorted({{name.partition(".")[0] for name in loaded}} | {{name for name in loaded if "jwt." in name}}))
"""

DEFERRED = """
import os, sys
from shared.infra.memory import light_start
with light_start(os.environ):
    import redis.auth.token
before = "jwt.api_jwt" in sys.modules
found = redis.auth.token.jwt.get_unverified_header("eyJhbGciOiJub25lIn0.e30.")
print([before, found["alg"], "jwt.api_jwt" in sys.modules])
"""

THREADS = """
from shared.infra.memory import light_start
environment = {"OPENBLAS_NUM_THREADS": "3"}
with light_start(environment):
    pass
print(list(environment.values()))
"""

FRAGMENTS = """
import asyncio
from shared.infra.memory import anonymous_bytes, limit_heap, trim_heap_when_idle

async def main():
    giving_back = asyncio.create_task(trim_heap_when_idle(0.05))
    await asyncio.sleep(0)  # it has begun
    pieces = [bytes(1000) for _ in range(30_000)]
    kept, most = pieces[-1], anonymous_bytes()
    del pieces
    freed = anonymous_bytes()
    async with asyncio.timeout(20):
        while anonymous_bytes() > freed - (20 << 20):
            await asyncio.sleep(0.05)
    giving_back.cancel()
    print([most, freed, anonymous_bytes(), len(kept)])

limit_heap(mapped_from_bytes=1 << 18)
asyncio.run(main())
"""


MAPPED = """
import mmap, tempfile
from shared.infra.metrics import memory_bytes
with tempfile.TemporaryFile(dir="/dev/shm") as file:
    file.write(bytes(32 << 20))
    file.flush()
    before = memory_bytes()
    panel = mmap.mmap(file.fileno(), 0, prot=mmap.PROT_READ)
    read = sum(panel[:: mmap.PAGESIZE])
    after = memory_bytes()
print([after[kind] - before[kind] for kind in ("private", "shared")])
"""


def _said(text: str) -> list[object]:
    answer = subprocess.run(
        [sys.executable, "-W", "error", "-c", text], cwd=ROOT, capture_output=True, check=True, timeout=60
    )
    found: list[object] = orjson.loads(
        answer.stdout.decode().replace("'", '"').replace("True", "true").replace("False", "false")
    )
    return found


def test_a_simulator_loads_nothing_that_no_run_needs() -> None:
    loaded = set(map(str, _said(IMPORTS.format(service="simulator"))))
    assert "numpy" in loaded
    assert not loaded & HEAVY
    assert not [name for name in loaded if name.startswith("jwt.")]


def test_what_was_put_off_is_loaded_at_its_first_use() -> None:
    assert _said(DEFERRED) == [False, "none", True]


def test_one_thread_is_enough_for_linear_algebra_unless_the_environment_says_otherwise() -> None:
    assert _said(THREADS) == ["3", "1"]


@pytest.mark.skipif(sys.platform != "linux", reason="needs /proc and glibc")
def test_memory_under_a_kept_piece_goes_back_in_a_pause() -> None:
    most, freed, left, kept = map(int, map(str, _said(FRAGMENTS)))
    assert kept == 1000
    assert most - freed < 5 << 20, "the kept piece at the end was to hold back what was freed below it"
    assert left < freed - (20 << 20)


@pytest.mark.skipif(sys.platform != "linux", reason="needs /proc")
def test_panels_that_nobody_else_has_mapped_are_no_memory_of_the_process() -> None:
    private, shared = map(int, map(str, _said(MAPPED)))
    assert private < 4 << 20
    assert shared > 28 << 20
