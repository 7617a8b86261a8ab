"""The command blocks of the operations guide, each with the test that runs it or the reason for none."""

from __future__ import annotations

import pathlib
import re
from dataclasses import dataclass

ROOT = pathlib.Path(__file__).resolve().parents[2]
PAGE = ROOT / "docs" / "how-to" / "operate.md"

_BLOCK = re.compile(r"^```(?P<kind>\w*)\n(?P<text>.*?)^```\n+(?P<next>[^\n]*)", re.MULTILINE | re.DOTALL)
_TESTED = re.compile(r"\*Run by `(?P<test>test_\w+)`\.\*")
_UNTESTED = re.compile(r"\*Not run by a test: (?P<reason>.+)\*")
_COMMAND = re.compile(
    r"^(?:[A-Z_]+=\S+ )*(?:ondol|docker|kubectl|make|curl|pg_dump|pg_restore|psql|python3?|kill|promtool) \S"
)


@dataclass(frozen=True, kw_only=True)
class Block:
    """A block of commands; exactly one of `test` and `reason` is set in a valid page."""

    section: str
    text: str
    test: str | None
    reason: str | None


def blocks() -> list[Block]:
    """Return all blocks of the page in order."""
    page = PAGE.read_text(encoding="utf-8")
    found = []
    for match in _BLOCK.finditer(page):
        tested, untested = _TESTED.fullmatch(match["next"]), _UNTESTED.fullmatch(match["next"])
        found.append(
            Block(
                section=re.findall(r"^#+ (.+)$", page[: match.start()], re.MULTILINE)[-1], text=match["text"],
                test=tested["test"] if tested else None, reason=untested["reason"] if untested else None,
            )
        )  # fmt: skip
    return found


def fences() -> int:
    """Return the number of fenced blocks of the page, counted by its fences."""
    return len(re.findall(r"^```", PAGE.read_text(encoding="utf-8"), re.MULTILINE)) // 2


def blocks_run_by(test: str) -> list[str]:
    """Return the blocks that a test runs, in the order of the page."""
    return [block.text for block in blocks() if block.test == test]


def commands_in_prose() -> list[str]:
    """Return commands in running text or tables, where no test runs them."""
    prose = re.sub(r"^```.*?^```", "", PAGE.read_text(encoding="utf-8"), flags=re.MULTILINE | re.DOTALL)
    return [span for span in re.findall(r"`([^`\n]+)`", prose) if _COMMAND.match(span)]


def alerts() -> list[str]:
    """Return the alerts that have a section."""
    return re.findall(r"^### (Ondol\w+)$", PAGE.read_text(encoding="utf-8"), re.MULTILINE)
