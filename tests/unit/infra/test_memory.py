"""The imports of a service, and the memory that it returns to the system."""

from __future__ import annotations

import pathlib
import subprocess
import sys

import orjson
import pytest

ROOT = pathlib.Path(__file__).resolve().parents[3]
HEAVY = {"polars", "pydantic", "arq", "aiohttp", "pyarrow", "numba", "scipy"}

IMPORTS = """
import os, sys
from shared.infra.memory import light_start
with light_start(os.environ):
    import services.{service}.service
print(sorted({{name.partition(".")[0] for name in sys.modules}}))
"""

HIDDEN = """
import os
from shared.infra.memory import light_start
found = []
with light_start(os.environ):
    try:
        import rich
    except ImportError:
        found.append("hidden")
import rich
print([*found, rich.__name__])
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
    trimming = asyncio.create_task(trim_heap_when_idle(0.05))
    await asyncio.sleep(0)  # let the task start
    pieces = [bytes(1000) for _ in range(30_000)]
    last, peak = pieces[-1], anonymous_bytes()
    del pieces
    freed = anonymous_bytes()
    async with asyncio.timeout(20):
        while anonymous_bytes() > freed - (20 << 20):
            await asyncio.sleep(0.05)
    trimming.cancel()
    print([peak, freed, anonymous_bytes(), len(last)])

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


def _output_of(text: str) -> list[object]:
    process = subprocess.run(
        [sys.executable, "-W", "error", "-c", text], cwd=ROOT, capture_output=True, check=True, timeout=60
    )
    found: list[object] = orjson.loads(
        process.stdout.decode().replace("'", '"').replace("True", "true").replace("False", "false")
    )
    return found


def test_simulator_imports_only_what_runs_need() -> None:
    loaded = set(map(str, _output_of(IMPORTS.format(service="simulator"))))
    assert "numpy" in loaded
    assert not loaded & HEAVY


def test_api_imports_no_package_that_only_development_needs() -> None:
    loaded = set(map(str, _output_of(IMPORTS.format(service="api"))))
    assert "aiohttp" in loaded
    assert not loaded & {"rich", "cryptography", "pygments"}


def test_hidden_packages_can_be_imported_after_the_start() -> None:
    assert _output_of(HIDDEN) == ["hidden", "rich"]


def test_linear_algebra_uses_one_thread_by_default() -> None:
    assert _output_of(THREADS) == ["3", "1"]


@pytest.mark.skipif(sys.platform != "linux", reason="needs /proc and glibc")
def test_idle_process_returns_freed_memory() -> None:
    peak, freed, remaining, size = map(int, map(str, _output_of(FRAGMENTS)))
    assert size == 1000
    assert peak - freed < 5 << 20, "the last block of the heap keeps the freed memory below it resident"
    assert remaining < freed - (20 << 20)


@pytest.mark.skipif(sys.platform != "linux", reason="needs /proc")
def test_mapped_panels_are_no_private_memory() -> None:
    private, shared = map(int, map(str, _output_of(MAPPED)))
    assert private < 4 << 20
    assert shared > 28 << 20
