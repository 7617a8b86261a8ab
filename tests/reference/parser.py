"""A small parser of the strategy language: text to a tree of tuples."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from decimal import Decimal
from typing import Any

from tests.reference import korean

DIGITS = r"\d+(?:_\d+)*"
NUMBER = re.compile(
    rf"(?P<plain>{DIGITS}(?:\.(?:{DIGITS})?)?|\.{DIGITS})(?:(?P<unit>[만억조])|(?P<exponent>[eE][+-]?\d+))?"
)
NAME = re.compile(r"[^\W\d]\w*")
SIGN = re.compile(r"<=|>=|==|!=|[-+*/<>(),]")
COMPARISONS: dict[str, Callable[[float, float], bool]] = {
    "<": lambda a, b: a < b,
    "<=": lambda a, b: a <= b,
    ">": lambda a, b: a > b,
    ">=": lambda a, b: a >= b,
    "==": lambda a, b: a == b,
    "!=": lambda a, b: a != b,
}
FIELDS = {"open", "high", "low", "close", "volume", "trading_value", "listed_shares"}
FIELDS |= {"raw_open", "raw_high", "raw_low", "raw_close", "raw_volume"}
AGGREGATES = {"row_mean", "row_median", "row_sum", "row_count"}
CROSS = {"rank", "rank_desc", "pct_rank", "zscore", "demean", "sector_rank", "sector_demean", "winsorize"}

Node = tuple[Any, ...]


def tokens_of(text: str) -> list[str]:
    """Return the words of a text: numbers as Python writes them, names in lower case, signs."""
    text = korean.normalised(text)
    words: list[str] = []
    at = 0
    while at < len(text):
        if text[at].isspace():
            at += 1
            continue
        title = korean.title_at(text, at)
        if title is not None:
            word, at = title
            words.append(word)
            continue
        match = NUMBER.match(text, at)
        if match is not None:
            at = match.end()
            if at < len(text) and korean.is_word_letter(text[at]):
                raise ValueError(f"cannot read {text[match.start() :]!r}")
            words.append(number_word(match))
            continue
        match = NAME.match(text, at) or SIGN.match(text, at)
        if match is None:
            raise ValueError(f"cannot read {text[at:]!r}")
        word = match.group()
        words.append(korean.WORDS.get(word, word.lower()))
        at = match.end()
    return words


def number_word(match: re.Match[str]) -> str:
    """Return a matched number as Python writes it."""
    plain = match["plain"].replace("_", "")
    if match["unit"]:
        return repr(float(Decimal(plain) * Decimal(int(korean.UNITS[match["unit"]]))))
    return plain + (match["exponent"] or "")


class _Parser:
    def __init__(self, text: str) -> None:
        self.tokens = tokens_of(text)
        self.at = 0

    def peek(self) -> str:
        return self.tokens[self.at] if self.at < len(self.tokens) else ""

    def take(self, expected: str | None = None) -> str:
        token = self.peek()
        if not token or (expected is not None and token != expected):
            raise ValueError(f"expected {expected}, found {token!r}")
        self.at += 1
        return token

    def either(self) -> Node:
        node = self.both()
        while self.peek() == "or":
            self.take()
            node = ("or", node, self.both())
        return node

    def both(self) -> Node:
        node = self.negated()
        while self.peek() == "and":
            self.take()
            node = ("and", node, self.negated())
        return node

    def negated(self) -> Node:
        if self.peek() == "not":
            self.take()
            return ("not", self.negated())
        return self.compared()

    def compared(self) -> Node:
        left = self.added()
        found: list[Node] = []
        while self.peek() in COMPARISONS:
            sign = self.take()
            right = self.added()
            found.append((sign, left, right))
            left = right
        if not found:
            return left
        node = found[0]
        for other in found[1:]:
            node = ("and", node, other)
        return node

    def added(self) -> Node:
        node = self.multiplied()
        while self.peek() in {"+", "-"}:
            node = (self.take(), node, self.multiplied())
        return node

    def multiplied(self) -> Node:
        node = self.signed()
        while self.peek() in {"*", "/"}:
            node = (self.take(), node, self.signed())
        return node

    def signed(self) -> Node:
        if self.peek() == "-":
            self.take()
            return ("negative", self.signed())
        return self.atom()

    def atom(self) -> Node:
        token = self.take()
        if token == "(":
            node = self.either()
            self.take(")")
            return node
        if token[0].isdigit() or token[0] == ".":
            return ("number", float(token))
        if self.peek() != "(":
            return ("name", token)
        self.take("(")
        arguments = [self.either()]
        while self.peek() == ",":
            self.take()
            arguments.append(self.either())
        self.take(")")
        return ("call", token, *arguments)


def parse(text: str) -> Node:
    """Return the tree of a text; ValueError when it is not an expression."""
    parser = _Parser(text)
    node = parser.either()
    if parser.peek():
        raise ValueError(f"left over: {parser.peek()!r}")
    return node


def offsets_of(node: Node) -> set[int] | None:
    """Return how many rows back a function over time reads its first argument; None when it reads every row."""
    name = node[1]
    if name == "ema":
        return None
    if name == "lag":
        return {int(node[-1][1])}
    if name in {"delta", "pct_change"}:
        return {0, int(node[-1][1])}
    return set(range(int(node[-1][1])))


def is_over_time(node: Node) -> bool:
    """Return whether a node is a call of a function over time."""
    return node[0] == "call" and (node[1] in {"lag", "delta", "pct_change", "ema"} or node[1].startswith("ts_"))


Rows = set[int]


def walk(node: Node, rows: Rows) -> Iterator[tuple[Node, Rows]]:
    """Yield every node of a tree with the rows on which its value is read, when the tree's is read on `rows`."""
    yield node, rows
    if is_over_time(node):
        offsets = offsets_of(node)
        if offsets is None:
            rows = set(range(max(rows, default=-1) + 1))
        else:
            rows = {row - offset for row in rows for offset in offsets if row >= offset}
    for part in node[1:]:
        if isinstance(part, tuple):
            yield from walk(part, rows)
