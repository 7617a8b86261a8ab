"""Importing the package."""

from __future__ import annotations

import subprocess
import sys

HEAVY = ("polars", "numpy", "pandas", "matplotlib", "aiohttp", "pydantic", "mcp", "asyncpg", "redis")


def loaded(statement: str) -> set[str]:
    """Return the heavy libraries that a statement imports."""
    code = f"import sys\n{statement}\nprint(*[name for name in {HEAVY!r} if name in sys.modules])"
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return set(found.stdout.split())


def test_ondol_imports_no_heavy_library() -> None:
    assert loaded("import ondol") == set()
    assert loaded("from ondol import AsyncClient, Client, Result, Strategy\nimport ondol.errors") == set()
    assert loaded("from ondol import Strategy\nStrategy(buy='PER < 10')") == set()
