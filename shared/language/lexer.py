"""Text into tokens with their positions; every character that fits nowhere is reported, not only the first."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal, cast

from shared.errors import Problem, RequestError
from shared.language.ast import MAX_BYTES, MAX_NODES

Kind = Literal["number", "name", "keyword", "operator", "bracket", "end"]

KEYWORDS = ("and", "or", "not")
MAX_PROBLEMS = 20
"""At most so many mistakes are described for one expression."""
_SPACE = " \t\r\n"
_NUMBER = re.compile(r"(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][+-]?[0-9]+)?")
_LETTERS = "A-Za-z_가-힣"
_NAME = re.compile(rf"[{_LETTERS}][{_LETTERS}0-9]*")
_OPERATOR = re.compile(r"<=|>=|==|!=|[<>+\-*/]")
_WORD = re.compile(
    rf"[{_SPACE}]*+(?:(?P<number>(?>{_NUMBER.pattern}))(?![{_LETTERS}])|(?P<name>{_NAME.pattern})"
    rf"|(?P<operator>(?!<>|\*\*)(?:{_OPERATOR.pattern}))|(?P<bracket>[(),]))"
)
"""Spaces and a right word; what it does not match is looked at closely."""
_SPACES = re.compile(rf"[{_SPACE}]+")
_FOREIGN = re.compile(r"&&|\|\||\*\*|<>|=|!|&|\||\^|%|[^\S ]|.", re.DOTALL)
_HINTS = {
    "&&": "write `and`",
    "&": "write `and`",
    "||": "write `or`",
    "|": "write `or`",
    "!": "write `not`",
    "=": "write `==` to compare",
    "<>": "write `!=`",
    "**": "there is no power; multiply, or use sqrt and log",
    "^": "there is no power; multiply, or use sqrt and log",
    "%": "write the number itself; factors in percent are in percent",
}


@dataclass(frozen=True, slots=True)
class Token:
    """One word of an expression; `at` is its offset in the text."""

    kind: Kind
    text: str
    at: int


def position(text: str, at: int) -> tuple[int, int]:
    """Line and column of an offset, both from 1, in characters."""
    return text.count("\n", 0, at) + 1, at - text.rfind("\n", 0, at)


def problem(text: str, at: int, message: str, path: str, suggestions: tuple[str, ...] = ()) -> Problem:
    """A mistake at an offset of an expression."""
    line, column = position(text, at)
    return Problem(path=path, message=message, line=line, column=column, suggestions=suggestions)


def tokenize(text: str, path: str = "") -> list[Token]:
    """The tokens of a text, `end` last. Raises RequestError: too long, too many nodes, foreign signs."""
    if len(text) > MAX_BYTES or len(text.encode("utf-8", "surrogatepass")) > MAX_BYTES:
        message = f"the expression is longer than {MAX_BYTES} bytes; shorten it"
        raise RequestError([Problem(path=path, message=message, line=1, column=1)])
    tokens: list[Token] = []
    problems: list[Problem] = []
    at, nodes = 0, 0
    while at < len(text) and len(problems) < MAX_PROBLEMS:
        if word := _WORD.match(text, at):
            kind = cast(Kind, word.lastgroup)
            found_text, start, at = word[kind], word.start(kind), word.end()
            if kind != "bracket":
                nodes += 1
            if kind == "name" and (keyword := found_text.lower()) in KEYWORDS:
                kind, found_text = "keyword", keyword
            tokens.append(Token(kind, found_text, start))
            continue
        if spaces := _SPACES.match(text, at):
            at = spaces.end()
            continue
        nodes += 1
        if found := _NUMBER.match(text, at):
            message = "a letter follows a number; write a space or an operator"
            problems.append(problem(text, found.end(), message, path))
        else:
            found = _FOREIGN.match(text, at)
            assert found is not None  # noqa: S101 - the pattern ends in "any character"
            hint = _HINTS.get(found[0])
            shown = found[0] if found[0].isprintable() else f"U+{ord(found[0]):04X}"
            problems.append(
                problem(text, at, f"`{shown}` is not part of the language" + (f"; {hint}" if hint else ""), path)
            )
        at = found.end()
    if nodes > MAX_NODES:
        problems = [problem(text, 0, f"the expression has more than {MAX_NODES} names, numbers and operators", path)]
    if problems:
        raise RequestError(problems)
    if not tokens:
        raise RequestError([Problem(path=path, message="the expression is empty", line=1, column=1)])
    tokens.append(Token("end", "", len(text)))
    return tokens
