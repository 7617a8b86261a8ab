"""Split text into tokens with their positions; every character that fits nowhere is reported, not only the first."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Literal, NamedTuple, cast

from shared.errors import Problem, RequestError
from shared.language.ast import MAX_BYTES, MAX_NODES
from shared.language.names import KEYWORDS, LETTERS, NAME, korean_titles, spaced_titles, text_comparison
from shared.language.normalize import normalize
from shared.messages import Message, say

Kind = Literal["number", "name", "keyword", "operator", "bracket", "end"]

MAX_PROBLEMS = 20
"""At most so many mistakes are described for one expression."""
UNITS = {"만": "e4", "억": "e8", "조": "e12"}
SIGNS = {"≤": "<=", "≥": ">=", "≠": "!=", "×": "*", "÷": "/"}

_SPACE = " \t\r\n"
_DIGITS = "[0-9]+(?:_[0-9]+)*"
_UNITS = "".join(UNITS)
_NUMBER = rf"(?:{_DIGITS}(?:\.(?:{_DIGITS})?)?|\.{_DIGITS})(?:[{_UNITS}]|[eE][+-]?{_DIGITS})?"
_OPERATOR = rf"(?!<>|\*\*)(?:<=|>=|==|!=|[<>+\-*/{''.join(SIGNS)}])"
_SPACES = re.compile(rf"[{_SPACE}]+")
_BROKEN_NUMBER = re.compile(_NUMBER)
_TEXT = re.compile(rf"=?[{_SPACE}]*(?P<text>'[^'\n]*'|\"[^\"\n]*\"|‘[^’\n]*’|“[^”\n]*”)")
_NAME_BEHIND = re.compile(rf"\s*(?:==|!=|=)\s*({NAME})")
_FOREIGN = re.compile(r"&&|\|\||\*\*|<>|=|!|&|\||\^|%|[^\S ]|.", re.DOTALL)
_REMEDIES = {
    "&&": "`and`",
    "&": "`and`",
    "||": "`or`",
    "|": "`or`",
    "!": "`not`",
    "=": "`==` to compare",
    "<>": "`!=`",
    "**": "there is no power operator; multiply, or use sqrt and log",
    "^": "there is no power operator; multiply, or use sqrt and log",
    "%": "write the number without %; factors in percent have percent values",
    "−": "`-`",
    "–": "`-`",
    "·": "`*`",
}


class Token(NamedTuple):
    """One word of an expression: its canonical text, and the offset and spelling in the original text."""

    kind: Kind
    text: str
    at: int
    spelling: str


@lru_cache(maxsize=1)
def _word() -> re.Pattern[str]:
    """The pattern of spaces and a valid word; what it does not match is examined more closely."""
    titles = "|".join(map(re.escape, sorted(korean_titles(), key=lambda title: (-len(title), title))))
    return re.compile(
        rf"[{_SPACE}]*+(?:(?P<title>(?ai:{titles})(?!\w))|(?P<number>(?>{_NUMBER})(?![{LETTERS}0-9]))|(?P<name>{NAME})"
        rf"|(?P<operator>{_OPERATOR})|(?P<bracket>[(),]))"
    )


@lru_cache(maxsize=1)
def _spaced_title() -> re.Pattern[str]:
    """The pattern of a Korean title that is written with its spaces."""
    patterns = (r"\s+".join(map(re.escape, title.split())) for title in sorted(spaced_titles(), key=len, reverse=True))
    return re.compile(rf"[{_SPACE}]*+(?P<title>(?ai:{'|'.join(patterns)})(?!\w))")


def position(text: str, at: int) -> tuple[int, int]:
    """Return line and column of an offset, both from 1, in characters."""
    return text.count("\n", 0, at) + 1, at - text.rfind("\n", 0, at)


def problem(text: str, at: int, message: Message, path: str, suggestions: tuple[str, ...] = ()) -> Problem:
    """Return a mistake at an offset of an expression."""
    line, column = position(text, at)
    return Problem(path=path, message=message, line=line, column=column, suggestions=suggestions)


def tokenize(original: str, path: str = "") -> list[Token]:
    """Return the tokens of a text, `end` last; offsets are those of the text as it was written.

    Raises RequestError: too long, too many nodes, characters that are not part of the language.
    """
    if len(original) > MAX_BYTES or len(original.encode("utf-8", "surrogatepass")) > MAX_BYTES:
        message = say("expression_too_long", limit=MAX_BYTES)
        raise RequestError([Problem(path=path, message=message, line=1, column=1)])
    source = normalize(original)
    text = source.text
    tokens: list[Token] = []
    problems: list[Problem] = []
    at, nodes = 0, 0
    pattern = _word()
    spaced = None if text.isascii() else _spaced_title()
    while at < len(text) and len(problems) < MAX_PROBLEMS:
        if spaced and (title := spaced.match(text, at)):
            message, suggestions = _title_with_spaces(title["title"])
            problems.append(problem(original, source.original(title.start("title")), message, path, suggestions))
            nodes, at = nodes + 1, title.end()
            continue
        if word := pattern.match(text, at):
            kind = cast(str, word.lastgroup)
            start, at = word.start(kind), word.end()
            nodes += kind != "bracket"
            tokens.append(_token(kind, word[kind], source.original(start)))
            continue
        if spaces := _SPACES.match(text, at):
            at = spaces.end()
            continue
        nodes += 1
        at, place, message, suggestions = _mistake(text, at, tokens)
        problems.append(problem(original, source.original(place), message, path, suggestions))
    if nodes > MAX_NODES:
        problems = [problem(original, 0, say("expression_too_large", limit=MAX_NODES), path)]
    if problems:
        raise RequestError(problems)
    if not tokens:
        raise RequestError([Problem(path=path, message=say("expression_empty"), line=1, column=1)])
    tokens.append(Token("end", "", len(original), ""))
    return tokens


def _token(kind: str, spelling: str, at: int) -> Token:
    """Return a token of a matched word in its canonical text."""
    if kind == "title":
        return Token("name", korean_titles()[spelling.upper()], at, spelling)
    if kind == "name" and (keyword := KEYWORDS.get(spelling.lower())):
        return Token("keyword", keyword, at, spelling)
    if kind == "number":
        digits = spelling.replace("_", "")
        return Token("number", digits[:-1] + UNITS[digits[-1]] if digits[-1] in UNITS else digits, at, spelling)
    return Token(cast(Kind, kind), SIGNS.get(spelling, spelling), at, spelling)


def _mistake(text: str, at: int, before: list[Token]) -> tuple[int, int, Message, tuple[str, ...]]:
    """Return where reading goes on behind what is no word, the place of the mistake, its message and suggestions."""
    if literal := _TEXT.match(text, at):
        return literal.end(), literal.start("text"), *text_comparison(_compared_with(text, literal.end(), before))
    if number := _BROKEN_NUMBER.match(text, at):
        return number.end(), number.end(), _number_message(number[0], text[number.end() : number.end() + 1]), ()
    found = _FOREIGN.match(text, at)
    assert found is not None  # noqa: S101 - the pattern ends in "any character"
    remedy = _REMEDIES.get(found[0])
    shown = found[0] if found[0].isprintable() else f"U+{ord(found[0]):04X}"
    return found.end(), at, say("foreign_sign", sign=shown, instead=remedy), ()


def _title_with_spaces(spelling: str) -> tuple[Message, tuple[str, ...]]:
    joined = "".join(spelling.split())
    key = korean_titles()[joined.upper()]
    return say("title_with_spaces", title=joined, key=key), (key,)


def _compared_with(text: str, end: int, before: list[Token]) -> str | None:
    """Return the name that a text is compared with, on its left or right."""
    names = [token.spelling for token in before[-2:] if token.kind == "name"]
    if names:
        return names[-1]
    behind = _NAME_BEHIND.match(text, end)
    return behind[1] if behind else None


def _number_message(number: str, following: str) -> Message:
    if following == "_" or number.endswith("_"):
        return say("misplaced_underscore")
    if number[-1] in UNITS and following == "원":
        return say("amount_with_won", number=number)
    if number[-1] in UNITS and (following.isdigit() or following in UNITS):
        return say("several_units")
    if following in UNITS:
        return say("unit_after_exponent")
    if following and following in "십백천":
        return say("unknown_unit")
    return say("letter_after_number")
