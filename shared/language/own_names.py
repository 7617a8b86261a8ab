"""Names that a user has given to expressions: each is replaced by its expression before the text is parsed.

The text with a name and the text with the expression in parentheses at its place are the same request. Placeholders of
sweeps (`$name`) and names of functions are no names here.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace

from shared.errors import Problem
from shared.language.functions import BY_NAME
from shared.language.lexer import position
from shared.language.names import KEYWORDS, canonical_name, known_keys, text_field
from shared.language.normalize import normalize

KEY = re.compile(r"[A-Z][A-Z0-9_]{0,63}")
_WORD = re.compile(r"(?<![A-Za-z0-9_가-힣$.])[A-Za-z_][A-Za-z0-9_]*(?![A-Za-z0-9_가-힣])(?!\s*\()")


@dataclass(frozen=True, kw_only=True)
class Inlined:
    """A text whose own names are replaced; `parts` are (start, stop in `text`, start, stop in `original`)."""

    original: str
    text: str
    parts: tuple[tuple[int, int, int, int], ...]

    def restored(self, problem: Problem) -> Problem:
        """Return a mistake of the text at its place in the original; one inside a name's expression at the name."""
        if problem.line is None or problem.column is None:
            return problem
        lines = self.text.split("\n")
        at = sum(len(line) + 1 for line in lines[: problem.line - 1]) + problem.column - 1
        shift = 0
        for start, stop, begin, end in self.parts:
            if at < start:
                break
            if at < stop:
                return self._placed(problem, begin)
            shift = end - stop
        return self._placed(problem, min(at + shift, len(self.original)))

    def _placed(self, problem: Problem, at: int) -> Problem:
        line, column = position(self.original, at)
        return replace(problem, line=line, column=column)


def inline(text: str, definitions: Mapping[str, str]) -> Inlined:
    """Return the text with each name of `definitions` (in capitals -> canonical text) as its text in parentheses."""
    pieces: list[str] = []
    parts: list[tuple[int, int, int, int]] = []
    done = length = 0
    source = normalize(text)
    for word in _WORD.finditer(source.text):
        found = definitions.get(word.group().upper())
        if found is None:
            continue
        begin, end = source.original(word.start()), source.original(word.end())
        before = text[done:begin]
        start = length + len(before)
        pieces += [before, f"({found})"]
        length = start + len(found) + 2
        parts.append((start, length, begin, end))
        done = end
    return Inlined(original=text, text="".join([*pieces, text[done:]]), parts=tuple(parts))


def names_in(text: str) -> frozenset[str]:
    """Return the words of a text that may be own names, in capitals."""
    return frozenset(word.group().upper() for word in _WORD.finditer(normalize(text).text))


def is_word_of_the_language(key: str) -> bool:
    """Return whether a key has a meaning: a factor, price field, function, operator or the name of a text field."""
    small = key.lower()
    return (
        canonical_name(key) in known_keys(None)
        or small in KEYWORDS
        or small in BY_NAME
        or small == "in"
        or text_field(small) is not None
    )
