"""Confirmation of commands that remove something."""

from __future__ import annotations

import sys


def confirmed(question: str, *, yes: bool) -> bool:
    """Return whether the user agrees; a script, whose input or messages are no terminal, and `--yes` always do."""
    if yes or not (sys.stdin.isatty() and sys.stderr.isatty()):
        return True
    sys.stderr.write(f"{question} [y/N] ")
    sys.stderr.flush()
    return sys.stdin.readline().strip().lower() in {"y", "yes"}
