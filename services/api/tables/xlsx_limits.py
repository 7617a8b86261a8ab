"""Limits of an XLSX sheet, apart from its writer, whose library only the child process loads."""

from __future__ import annotations

from typing import Final

MAX_ROWS: Final = 1_048_575
"""Rows of a sheet below its header."""
MAX_TEXT: Final = 32_767
"""Characters of a cell."""
MAX_TITLE: Final = 31
