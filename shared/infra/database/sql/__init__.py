"""SQL by name: every statement of the product stands in a `.sql` file of this folder under `-- name: some_name`."""

from __future__ import annotations

import pathlib
import re
from functools import cache

_NAME = re.compile(r"^-- name: ([a-z0-9_]+)[ \t]*$", re.MULTILINE)


@cache
def statements(name: str) -> dict[str, str]:
    """All statements of `name.sql`: name -> text."""
    text = (pathlib.Path(__file__).parent / f"{name}.sql").read_text(encoding="utf-8")
    parts = _NAME.split(text)
    return {name: body.strip() for name, body in zip(parts[1::2], parts[2::2], strict=True)}
