"""Tokens into a tree by precedence climbing, bounded in depth; precedence is Python's."""

from __future__ import annotations

import math
from dataclasses import replace
from functools import lru_cache

from shared.errors import RequestError
from shared.language.ast import (
    COMPARISONS,
    MAX_DEPTH,
    Call,
    Comparison,
    Name,
    Negate,
    Node,
    Not,
    Number,
    arithmetic,
    depth,
    logic,
)
from shared.language.functions import canonical_name, unknown_names
from shared.language.lexer import MAX_PROBLEMS, Token, problem, tokenize

OR, AND, NOT, COMPARE, ADD, MULTIPLY, NEGATE = range(1, 8)
_RANKS = {
    "or": OR, "and": AND, **dict.fromkeys(COMPARISONS, COMPARE), **dict.fromkeys("+-", ADD),
    **dict.fromkeys("*/", MULTIPLY),
}  # fmt: skip
_TIGHTER = {OR: AND, AND: NOT, COMPARE: ADD, ADD: MULTIPLY, MULTIPLY: NEGATE}
"""The rank that an operator's right side has at least."""


class _SyntaxMistakeError(Exception):
    """What is wrong at a token; never leaves this module."""

    def __init__(self, at: int, message: str) -> None:
        super().__init__(message)
        self.at = at
        self.message = message


class _Parser:
    """Reads one list of tokens; recursion is bounded by brackets and prefixes together, at most MAX_DEPTH."""

    def __init__(self, tokens: list[Token]) -> None:
        self.tokens = tokens
        self.place = 0
        self.nesting = 0

    @property
    def token(self) -> Token:
        return self.tokens[self.place]

    def take(self, text: str) -> bool:
        """Steps over the next token when it is this sign."""
        token = self.tokens[self.place]
        if token.text == text and token.kind not in ("number", "name"):
            self.place += 1
            return True
        return False

    def enter(self) -> None:
        self.nesting += 1
        if self.nesting > MAX_DEPTH:
            raise _SyntaxMistakeError(self.token.at, f"the expression is nested deeper than {MAX_DEPTH} levels")

    def expression(self, minimum: int) -> Node:
        """The longest expression from here whose operators bind at least as tightly as `minimum`."""
        left = self.prefix(minimum)
        while True:
            first = self.tokens[self.place]
            rank = _RANKS.get(first.text, 0) if first.kind in ("operator", "keyword") else 0
            if not rank or rank < minimum:
                return left
            signs, operands = self.run(rank)
            if rank == COMPARE:
                left = Comparison((left, *operands), tuple(signs), first.at)
            elif rank in (ADD, MULTIPLY):
                left = arithmetic((left, *operands), tuple(signs), first.at)
            else:
                left = logic(first.text, (left, *operands), first.at)

    def run(self, rank: int) -> tuple[list[str], list[Node]]:
        """The operators of this rank that follow, at least one, each with its right operand."""
        signs: list[str] = []
        operands: list[Node] = []
        while (token := self.tokens[self.place]).kind in ("operator", "keyword") and _RANKS.get(token.text) == rank:
            self.place += 1
            signs.append(token.text)
            operands.append(self.expression(_TIGHTER[rank]))
        return signs, operands

    def prefix(self, minimum: int) -> Node:
        token = self.tokens[self.place]
        if token.text not in ("not", "-") or token.kind in ("number", "name"):
            return self.primary()
        rank = NOT if token.text == "not" else NEGATE
        if minimum > rank:
            raise _SyntaxMistakeError(token.at, f"`{token.text}` needs parentheses here: `({token.text} …)`")
        self.place += 1
        self.enter()
        operand = self.expression(rank)
        self.nesting -= 1
        return Not(operand, token.at) if rank == NOT else Negate(operand, token.at)

    def primary(self) -> Node:
        token = self.token
        if token.kind == "number":
            self.place += 1
            value = float(token.text)
            if math.isinf(value):
                raise _SyntaxMistakeError(token.at, f"the number {token.text[:24]} is too large")
            return Number(value, token.at)
        if token.kind == "name":
            self.place += 1
            if self.token.text == "(" and self.token.kind == "bracket":
                return Call(token.text.lower(), self.arguments(), token.at)
            return Name(canonical_name(token.text), token.at)
        if self.take("("):
            self.enter()
            inner = self.expression(OR)
            self.close("the parenthesis")
            self.nesting -= 1
            return inner
        if token.kind == "end":
            raise _SyntaxMistakeError(token.at, "the expression ends where a value is expected")
        raise _SyntaxMistakeError(token.at, f"a value is expected here, not `{token.text}`")

    def arguments(self) -> tuple[Node, ...]:
        self.take("(")
        self.enter()
        found: list[Node] = []
        if not self.take(")"):
            found.append(self.expression(OR))
            while self.take(","):
                found.append(self.expression(OR))
            self.close("the list of arguments")
        self.nesting -= 1
        return tuple(found)

    def close(self, what: str) -> None:
        if not self.take(")"):
            found = "the expression ends" if self.token.kind == "end" else f"`{self.token.text}` stands"
            raise _SyntaxMistakeError(self.token.at, f"{found} where {what} should close with `)`")


def parse(text: str, path: str = "", factors: frozenset[str] | None = None) -> Node:
    """The tree of an expression; names are in canonical case but not checked.

    Raises RequestError with line and column: length, number of nodes and depth first, then the first mistake of syntax
    together with every unknown name.
    """
    try:
        return _tree(text)
    except RequestError as error:
        raise RequestError([replace(found, path=path) for found in error.problems]) from None
    except _SyntaxMistakeError as mistake:
        tokens = tokenize(text, path)
        problems = [problem(text, mistake.at, mistake.message, path)]
        problems += [problem(text, at, message, path, names) for at, message, names in unknown_names(tokens, factors)]
        problems.sort(key=lambda p: (p.line or 0, p.column or 0))
        raise RequestError(problems[:MAX_PROBLEMS]) from None


@lru_cache(maxsize=128)
def _tree(text: str) -> Node:
    """The last trees are kept: an expression is parsed to be checked, and again to become a program."""
    parser = _Parser(tokenize(text))
    node = parser.expression(OR)
    if parser.token.kind != "end":
        raise _SyntaxMistakeError(parser.token.at, f"an operator is expected before `{parser.token.text}`")
    if depth(node) > MAX_DEPTH:
        raise _SyntaxMistakeError(0, f"the expression is nested deeper than {MAX_DEPTH} levels")
    return node
