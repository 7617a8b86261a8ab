"""A small parser of the strategy language: text to a tree of tuples."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from tests.reference.factors import KEYS

TOKEN = re.compile(
    r"\s*(?:(\d+\.?\d*(?:[eE][+-]?\d+)?|\.\d+(?:[eE][+-]?\d+)?)|([A-Za-z_]\w*)|(<=|>=|==|!=|[-+*/<>(),]))"
)
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
CROSS = {"rank", "rank_desc", "pct_rank", "zscore", "demean", "sector_rank", "sector_demean", "winsorize"}

Node = tuple[Any, ...]
EVERY_ROW = 1_000_000


class _Parser:
    def __init__(self, text: str) -> None:
        self.tokens: list[str] = []
        at = 0
        text = text.rstrip()
        while at < len(text):
            found = TOKEN.match(text, at)
            if found is None:
                raise ValueError(f"cannot read {text[at:]!r}")
            self.tokens.append(found.group().strip().lower())
            at = found.end()
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
    """Text to a tree of tuples."""
    parser = _Parser(text)
    node = parser.either()
    if parser.peek():
        raise ValueError(f"left over: {parser.peek()!r}")
    return node


def reads(node: Node, behind: int = 0) -> dict[str, int]:
    """Factor keys that a tree names, each with the rows behind a row that its value needs (`ema`: all)."""
    if node[0] == "name":
        key = node[1].upper()
        return {key: behind} if key in KEYS else {}
    if node[0] == "call":
        name = node[1]
        if name == "ema":
            behind = EVERY_ROW
        elif name in {"lag", "delta", "pct_change"}:
            behind += int(node[-1][1])
        elif name.startswith("ts_"):
            behind += int(node[-1][1]) - 1
    found: dict[str, int] = {}
    for part in node[1:]:
        if isinstance(part, tuple):
            for key, rows in reads(part, behind).items():
                found[key] = max(rows, found.get(key, 0))
    return found
