"""Tokens into a tree by precedence climbing, bounded in depth; precedence is Python's."""

from __future__ import annotations

import math

from shared.errors import RequestError
from shared.language.functions import canonical_name, unknown_names
from shared.language.syntax import (
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
from shared.language.tokens import MAX_PROBLEMS, Token, problem, tokenize

OR, AND, NOT, COMPARE, ADD, MULTIPLY, NEGATE = range(1, 8)


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

    def take(self, *texts: str) -> Token | None:
        """Steps over the next token when it is one of these signs or keywords."""
        token = self.token
        if token.kind not in ("number", "name") and token.text in texts:
            self.place += 1
            return token
        return None

    def enter(self) -> None:
        self.nesting += 1
        if self.nesting > MAX_DEPTH:
            raise _SyntaxMistakeError(self.token.at, f"the expression is nested deeper than {MAX_DEPTH} levels")

    def expression(self, minimum: int) -> Node:
        """The longest expression from here whose operators bind at least as tightly as `minimum`."""
        left = self.prefix(minimum)
        while True:
            at = self.token.at
            if (minimum <= MULTIPLY and (run := self.run(("*", "/"), NEGATE))) or (
                minimum <= ADD and (run := self.run(("+", "-"), MULTIPLY))
            ):
                left = arithmetic((left, *run[1]), tuple(run[0]), at)
            elif minimum <= COMPARE and (run := self.run(COMPARISONS, ADD)):
                left = Comparison((left, *run[1]), tuple(run[0]), at)
            elif minimum <= AND and (run := self.run(("and",), NOT)):
                left = logic("and", (left, *run[1]), at)
            elif minimum <= OR and (run := self.run(("or",), AND)):
                left = logic("or", (left, *run[1]), at)
            else:
                return left

    def run(self, operators: tuple[str, ...], tighter: int) -> tuple[list[str], list[Node]] | None:
        """The operators of one rank that follow, each with its right operand; None without any."""
        signs: list[str] = []
        operands: list[Node] = []
        while sign := self.take(*operators):
            signs.append(sign.text)
            operands.append(self.expression(tighter))
        return (signs, operands) if signs else None

    def prefix(self, minimum: int) -> Node:
        token = self.token
        for sign, rank, kind in (("not", NOT, Not), ("-", NEGATE, Negate)):
            if self.take(sign):
                if minimum > rank:
                    raise _SyntaxMistakeError(token.at, f"`{sign}` needs parentheses here: `({sign} …)`")
                self.enter()
                operand = self.expression(rank)
                self.nesting -= 1
                return kind(operand, token.at)
        return self.primary()

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
    tokens = tokenize(text, path)
    parser = _Parser(tokens)
    try:
        node = parser.expression(OR)
        if parser.token.kind != "end":
            raise _SyntaxMistakeError(parser.token.at, f"an operator is expected before `{parser.token.text}`")
        if depth(node) > MAX_DEPTH:
            raise _SyntaxMistakeError(0, f"the expression is nested deeper than {MAX_DEPTH} levels")
    except _SyntaxMistakeError as mistake:
        problems = [problem(text, mistake.at, mistake.message, path)]
        problems += [problem(text, at, message, path, names) for at, message, names in unknown_names(tokens, factors)]
        problems.sort(key=lambda p: (p.line or 0, p.column or 0))
        raise RequestError(problems[:MAX_PROBLEMS]) from None
    return node
