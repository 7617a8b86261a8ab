"""The SQL files: product code uses every statement."""

from __future__ import annotations

import ast
import pathlib
import re
from collections.abc import Iterator

from shared.infra.database.sql import statements

ROOT = pathlib.Path(__file__).resolve().parents[3]
FOLDER = ROOT / "shared" / "infra" / "database" / "sql"


def keys_of(source: str) -> Iterator[str]:
    """Yield patterns of the texts that a module uses as keys or arguments; `{…}` in an f-string is any word."""
    for node in ast.walk(ast.parse(source)):
        used = [node.slice] if isinstance(node, ast.Subscript) else node.args if isinstance(node, ast.Call) else []
        for key in used:
            if isinstance(key, ast.Constant) and isinstance(key.value, str):
                yield re.escape(key.value)
            elif isinstance(key, ast.JoinedStr):
                parts = [re.escape(part.value) if isinstance(part, ast.Constant) else r"\w+" for part in key.values]
                if any(isinstance(part, ast.Constant) for part in key.values):
                    yield "".join(parts)


def test_product_code_uses_every_statement() -> None:
    modules = [file for top in ("shared", "services", "ondol") for file in (ROOT / top).rglob("*.py")]
    sources = [text for file in modules if "sql" in (text := file.read_text(encoding="utf-8")).lower()]
    patterns = re.compile("|".join({pattern for source in sources for pattern in keys_of(source)}))
    unused = [
        f"{file.name}: {name}"
        for file in sorted(FOLDER.glob("*.sql"))
        for name in statements(file.stem)
        if not patterns.fullmatch(name)
    ]
    assert unused == []
