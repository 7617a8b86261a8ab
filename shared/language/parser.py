"""Parse tokens into a tree by precedence climbing, bounded in depth; precedence is Python's."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Literal

from shared.errors import RequestError
from shared.language.ast import (
    COMPARISONS,
    MAX_DEPTH,
    Call,
    Comparison,
    Index,
    Name,
    Negate,
    Node,
    Not,
    Number,
    arithmetic,
    depth,
    logic,
)
from shared.language.lexer import MAX_PROBLEMS, Token, problem, tokenize
from shared.language.names import canonical_name, catalogue_keys, unknown_names
from shared.messages import Message, say
from shared.model.fields import LANGUAGE_FIELDS

OR, AND, NOT, COMPARE, ADD, MULTIPLY, NEGATE = range(1, 8)
_RANKS = {
    "or": OR, "and": AND, **dict.fromkeys(COMPARISONS, COMPARE), **dict.fromkeys("+-", ADD),
    **dict.fromkeys("*/", MULTIPLY),
}  # fmt: skip
_TIGHTER = {OR: AND, AND: NOT, COMPARE: ADD, ADD: MULTIPLY, MULTIPLY: NEGATE}
"""The rank that an operator's right side has at least."""


class _SyntaxMistakeError(Exception):
    """A mistake of syntax at a token; never leaves this module."""

    def __init__(self, at: int, message: Message) -> None:
        super().__init__(message)
        self.at = at
        self.message = message


class _Parser:
    """Parse one list of tokens; recursion is bounded by brackets and prefixes together, at most MAX_DEPTH."""

    def __init__(self, tokens: list[Token], indices: frozenset[str] | None) -> None:
        self.tokens = tokens
        self.indices = indices
        self.position = 0
        self.nesting = 0
        self.found_indices: set[str] = set()

    @property
    def token(self) -> Token:
        return self.tokens[self.position]

    def take(self, text: str) -> bool:
        """Step over the next token when it is this sign."""
        token = self.tokens[self.position]
        if token.text == text and token.kind not in ("number", "name"):
            self.position += 1
            return True
        return False

    def enter(self) -> None:
        self.nesting += 1
        if self.nesting > MAX_DEPTH:
            raise _SyntaxMistakeError(self.token.at, say("expression_too_deep", limit=MAX_DEPTH))

    def expression(self, minimum: int) -> Node:
        """Parse the longest expression from here whose operators bind at least as tightly as `minimum`."""
        left = self.prefix(minimum)
        while True:
            first = self.tokens[self.position]
            rank = _RANKS.get(first.text, 0) if first.kind in ("operator", "keyword") else 0
            if not rank or rank < minimum:
                self.refuse_membership()
                return left
            signs, operands = self.run(rank)
            if rank == COMPARE:
                left = Comparison((left, *operands), tuple(signs), first.at)
            elif rank in (ADD, MULTIPLY):
                left = arithmetic((left, *operands), tuple(signs), first.at)
            else:
                left = logic(first.text, (left, *operands), first.at)

    def run(self, rank: int) -> tuple[list[str], list[Node]]:
        """Parse the operators of this rank that follow, at least one, each with its right operand."""
        signs: list[str] = []
        operands: list[Node] = []
        while (token := self.tokens[self.position]).kind in ("operator", "keyword") and _RANKS.get(token.text) == rank:
            self.position += 1
            signs.append(token.text)
            operands.append(self.expression(_TIGHTER[rank]))
        return signs, operands

    def prefix(self, minimum: int) -> Node:
        token = self.tokens[self.position]
        if token.text not in ("not", "-") or token.kind in ("number", "name"):
            return self.primary()
        rank = NOT if token.text == "not" else NEGATE
        if minimum > rank:
            raise _SyntaxMistakeError(token.at, say("parentheses_needed", operator=token.spelling))
        self.position += 1
        self.enter()
        operand = self.expression(rank)
        self.nesting -= 1
        return Not(operand, token.at) if rank == NOT else Negate(operand, token.at)

    def primary(self) -> Node:
        token = self.token
        if token.kind == "number":
            self.position += 1
            value = float(token.text)
            if math.isinf(value):
                raise _SyntaxMistakeError(token.at, say("number_too_large", number=token.spelling[:24]))
            return Number(value, token.at)
        if token.kind == "name":
            self.position += 1
            if self.token.text == "(" and self.token.kind == "bracket":
                return Call(token.text.lower(), self.arguments(), token.at)
            return self.name(token)
        if self.take("("):
            self.enter()
            inner = self.expression(OR)
            self.close("parenthesis")
            self.nesting -= 1
            return inner
        if token.kind == "end":
            raise _SyntaxMistakeError(token.at, say("expression_ends"))
        raise _SyntaxMistakeError(token.at, say("value_expected", found=token.spelling))

    def name(self, token: Token) -> Name | Index:
        """Return a name as an index series or, whether it exists or not, as a factor or price field."""
        name = canonical_name(token.text)
        if self.indices is None:
            is_index = name not in LANGUAGE_FIELDS and name not in catalogue_keys()
        else:
            is_index = name in self.indices
        if is_index:
            self.found_indices.add(name)
            return Index(name, token.at)
        return Name(name, token.at)

    def refuse_membership(self) -> None:
        """Raise a mistake that names the remedy when `in` or `not in` follows."""
        token = self.token
        following = self.tokens[self.position + 1] if token.kind == "keyword" and token.text == "not" else token
        if following.kind == "name" and following.text.lower() == "in":
            raise _SyntaxMistakeError(token.at, say("no_membership"))

    def arguments(self) -> tuple[Node, ...]:
        self.take("(")
        self.enter()
        found: list[Node] = []
        if not self.take(")"):
            found.append(self.expression(OR))
            while self.take(","):
                found.append(self.expression(OR))
            self.close("arguments")
        self.nesting -= 1
        return tuple(found)

    def close(self, what: Literal["parenthesis", "arguments"]) -> None:
        if self.take(")"):
            return
        token = self.token
        if token.kind == "end":
            raise _SyntaxMistakeError(token.at, say(f"{what}_open_at_end"))
        raise _SyntaxMistakeError(token.at, say(f"{what}_open", found=token.spelling))


def parse(
    text: str,
    path: str = "",
    factors: frozenset[str] | None = None,
    indices: frozenset[str] | None = frozenset(),
) -> Node:
    """Return the tree of an expression; names are in canonical case but not checked.

    `indices` are the index series that are no factor and no price field (`names.index_names`); None reads every name
    that is neither a factor of the catalogue nor a price field as an index series, which is right for text that was
    checked before.

    Raises RequestError with line and column: length, number of nodes and depth first, then the first mistake of syntax
    together with every unknown name.
    """
    try:
        return _tree(text, indices)
    except RequestError as error:
        raise RequestError([replace(found, path=path) for found in error.problems]) from None
    except _SyntaxMistakeError as mistake:
        tokens = tokenize(text, path)
        problems = [problem(text, mistake.at, mistake.message, path)]
        unknown = unknown_names(tokens, factors, indices or frozenset())
        problems += [problem(text, at, message, path, names) for at, message, names in unknown]
        problems.sort(key=lambda p: (p.line or 0, p.column or 0))
        raise RequestError(problems[:MAX_PROBLEMS]) from None


_MAX_TREES = 256
_trees: dict[tuple[str, frozenset[str] | None], Node] = {}
"""The last trees by text and index names: an expression is parsed to be checked and to be compiled."""


def _tree(text: str, indices: frozenset[str] | None) -> Node:
    """Parse a text.

    The tree of `indices` None is cached for the index names that it has too: with these the text has the same tree.
    """
    found = _trees.get((text, indices))
    if found is not None:
        return found
    parser = _Parser(tokenize(text), indices)
    node = parser.expression(OR)
    if parser.token.kind != "end":
        raise _SyntaxMistakeError(parser.token.at, say("operator_expected", found=parser.token.spelling))
    if len(parser.tokens) > MAX_DEPTH and depth(node) > MAX_DEPTH:  # every level has a token of its own
        raise _SyntaxMistakeError(0, say("expression_too_deep", limit=MAX_DEPTH))
    if len(_trees) >= _MAX_TREES:
        _trees.clear()
    _trees[text, indices] = node
    if indices is None:
        _trees[text, frozenset(parser.found_indices)] = node
    return node
