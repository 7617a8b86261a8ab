"""Text in which some places are replaced, with the way back from a position of the result to the original."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from shared.errors import Problem
from shared.language.lexer import position


@dataclass(frozen=True)
class Replacement:
    """The characters [start, end) of the original become `text`."""

    start: int
    end: int
    text: str


def substituted(original: str, replacements: Sequence[Replacement]) -> str:
    """Return the text with all replacements, which are in order and do not overlap."""
    pieces, at = [], 0
    for found in replacements:
        pieces += [original[at : found.start], found.text]
        at = found.end
    return "".join((*pieces, original[at:]))


def original_problems(original: str, replacements: Sequence[Replacement], problems: Sequence[Problem]) -> list[Problem]:
    """Return problems of the substituted text with the line and column of the original."""
    text = substituted(original, replacements)
    found = []
    for problem in problems:
        if problem.line is None or problem.column is None:
            found.append(problem)
            continue
        lines = text.split("\n")
        offset = sum(len(line) + 1 for line in lines[: problem.line - 1]) + problem.column - 1
        line, column = position(original, _original_offset(replacements, offset))
        found.append(replace(problem, line=line, column=column))
    return found


def _original_offset(replacements: Sequence[Replacement], offset: int) -> int:
    shift = 0
    for found in replacements:
        start = found.start + shift
        if offset < start:
            break
        if offset < start + len(found.text):
            return found.start
        shift += len(found.text) - (found.end - found.start)
    return offset - shift
