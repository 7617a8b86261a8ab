"""Types are met where there is one thread: two threads that meet one at the same time end the process."""

from __future__ import annotations

import ast
import pathlib
import subprocess
import sys

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[3]
MEETING = """
import sys, threading
from shared.dataset.manifest import from_bytes
from shared.errors import DatasetError
from shared.model.request import request_from_json
sys.setswitchinterval(1e-6)
start = threading.Barrier(4)
def meet():
    start.wait()
    for read in (from_bytes, request_from_json):
        try:
            read(b'{"strategy": {}}')
        except (DatasetError, ValueError):
            pass
threads = [threading.Thread(target=meet) for _ in range(4)]
for thread in threads: thread.start()
for thread in threads: thread.join()
"""


def _meets_a_type(call: ast.Call) -> bool:
    function = ast.unparse(call.func)
    return function in ("msgspec.json.decode", "msgspec.msgpack.decode") and (
        len(call.args) > 1 or any(keyword.arg == "type" for keyword in call.keywords)
    )


@pytest.mark.parametrize("package", ["shared", "services", "ondol"])
def test_decoders_are_compiled_at_import(package: str) -> None:
    files = sorted((ROOT / package).rglob("*.py"))
    assert files
    found = [
        f"{file.relative_to(ROOT)}:{call.lineno}"
        for file in files
        for call in ast.walk(ast.parse(file.read_text(encoding="utf-8")))
        if isinstance(call, ast.Call) and _meets_a_type(call)
    ]
    assert not found


def test_threads_decode_first_values_concurrently() -> None:
    for _ in range(5):
        subprocess.run([sys.executable, "-c", MEETING], cwd=ROOT, check=True, timeout=60)
