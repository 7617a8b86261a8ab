"""Columns of a table: factors, price fields and own expressions, written beside each other with commas."""

from __future__ import annotations

import unicodedata
from collections.abc import Collection
from dataclasses import dataclass
from typing import Literal

from shared.errors import Problem, RequestError
from shared.language.ast import Call, Comparison, Logic, Name, Node, Not
from shared.language.expression import Expression, compile_expression, describe
from shared.language.functions import BY_NAME
from shared.language.names import index_names
from shared.language.parser import parse
from shared.messages import say
from shared.model.fields import LANGUAGE_FIELDS


@dataclass(frozen=True, kw_only=True)
class Column:
    """One column; `name` is its canonical text. `field` is the panel field when it is a price field alone."""

    name: str
    kind: Literal["number", "condition"]
    expression: Expression
    field: str | None


def split_columns(text: str) -> list[str]:
    """Return the texts between the commas that are outside of parentheses, without the spaces around them."""
    found, begin, depth = [], 0, 0
    for at, sign in enumerate(unicodedata.normalize("NFKC", character) for character in text):
        if sign == "(":
            depth += 1
        elif sign == ")":
            depth -= 1
        elif sign == "," and depth <= 0:
            found.append(text[begin:at])
            begin = at + 1
    return [part.strip() for part in (*found, text[begin:])]


def read_columns(
    text: str, path: str, indices: Collection[str], factors: Collection[str], limit: int
) -> tuple[Column, ...]:
    """Return the columns of a text; `indices` and `factors` are those of the dataset version.

    A price field may stand alone, although its level is that of the adjusted series; inside an expression the rules
    of the language apply. Raises RequestError with every mistake, by its place in the text.
    """
    texts = split_columns(text)
    if len(texts) > limit:
        raise RequestError([Problem(path=path, message=say("too_many_columns", count=len(texts), limit=limit))])
    columns: list[Column] = []
    problems: list[Problem] = []
    for part in texts:
        if not part:
            problems.append(Problem(path=path, message=say("column_empty")))
            continue
        try:
            column = _column(part, path, frozenset(indices))
        except RequestError as error:
            problems += error.problems
            continue
        if absent := sorted(column.expression.factors.difference(factors)):
            problems.append(Problem(path=path, message=say("factor_absent", name=", ".join(absent))))
        elif any(other.name == column.name for other in columns):
            problems.append(Problem(path=path, message=say("column_repeated", name=column.name)))
        else:
            columns.append(column)
    if problems:
        raise RequestError(problems)
    return tuple(columns)


def _column(text: str, path: str, indices: frozenset[str]) -> Column:
    node = parse(text, path, indices=index_names(indices))
    if isinstance(node, Name) and node.name in LANGUAGE_FIELDS:
        expression = describe(node, "number")
        return Column(name=node.name, kind="number", expression=expression, field=LANGUAGE_FIELDS[node.name])
    kind = _kind(node)
    expression = compile_expression(text, role=kind, path=path, indices=indices)
    return Column(name=expression.text, kind=kind, expression=expression, field=None)


def _kind(node: Node) -> Literal["number", "condition"]:
    if isinstance(node, Comparison | Logic | Not):
        return "condition"
    function = BY_NAME.get(node.function) if isinstance(node, Call) else None
    return "number" if function is None else function.gives


def columns_of(texts: Collection[str]) -> tuple[Column, ...]:
    """Return the columns of canonical texts that `read_columns` has checked before."""
    found = []
    for text in texts:
        node = parse(text, indices=None)
        field = LANGUAGE_FIELDS.get(node.name) if isinstance(node, Name) else None
        kind = _kind(node)
        found.append(Column(name=text, kind=kind, expression=describe(node, kind), field=field))
    return tuple(found)
