"""Trees of the language as documents: for pages that edit conditions as rows, and back to text."""

from __future__ import annotations

import math
import re
import sys
from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from shared.errors import Problem, RequestError
from shared.language.ast import (
    COMPARISONS,
    Call,
    Comparison,
    Index,
    Logic,
    Name,
    Negate,
    Node,
    Not,
    Number,
    arithmetic,
    logic,
)
from shared.language.names import KEYWORDS, NAME
from shared.language.printer import render
from shared.messages import Message, say
from shared.model.request import about

Operation = Literal["number", "field", "index", "negate", "not", "and", "or", "compare", "arithmetic", "call"]
_WORD = re.compile(NAME)


class TreeNode(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """A node of an expression."""

    op: Annotated[
        Operation,
        about("Kind of the node: number (value), field or index (name), negate and not (one of args), and and or (two "
              "or more args), compare and arithmetic (args with operators between them), call (function with args)."),
    ]  # fmt: skip
    args: Annotated[tuple[TreeNode, ...], about("Nodes below it, from left to right.")] = ()
    operators: Annotated[
        tuple[str, ...],
        about("compare: < <= > >= == !=; arithmetic: + and -, or * and /; one fewer than args."),
    ] = ()
    function: Annotated[str | None, about("call: the function.")] = None
    name: Annotated[str | None, about("field and index: the name.")] = None
    value: Annotated[
        Annotated[float, Meta(ge=0, le=sys.float_info.max)] | None,
        about("number: the value; a negative number is a negate of it.", "that of what it is compared with"),
    ] = None
    text: Annotated[
        str | None, about("Canonical text of the node; not read in requests, where the other fields count.")
    ] = None


def document_of(node: Node) -> TreeNode:
    """Return a tree as a document."""
    text = render(node)
    if isinstance(node, Number):
        return TreeNode(op="number", value=node.value, text=text)
    if isinstance(node, Name):
        return TreeNode(op="field", name=node.name, text=text)
    if isinstance(node, Index):
        return TreeNode(op="index", name=node.name, text=text)
    if isinstance(node, Negate | Not):
        op: Operation = "negate" if isinstance(node, Negate) else "not"
        return TreeNode(op=op, args=(document_of(node.operand),), text=text)
    if isinstance(node, Call):
        return TreeNode(op="call", function=node.function, args=tuple(map(document_of, node.arguments)), text=text)
    args = tuple(map(document_of, node.operands))
    if isinstance(node, Logic):
        return TreeNode(op="and" if node.operator == "and" else "or", args=args, text=text)
    op = "compare" if isinstance(node, Comparison) else "arithmetic"
    return TreeNode(op=op, operators=node.operators, args=args, text=text)


def text_of(tree: TreeNode, path: str = "tree") -> str:
    """Return the canonical text of a document; names and types are checked when the text is.

    Raises RequestError with every node that is not of the shape of its `op`, by its path.
    """
    problems: list[Problem] = []
    node = _node(tree, path, problems)
    if problems:
        raise RequestError(problems)
    return render(node)


_PLACEHOLDER = Number(0.0)


def _node(tree: TreeNode, path: str, problems: list[Problem]) -> Node:
    message = _mistake(tree)
    if message is not None:
        problems.append(Problem(path=path, message=message))
    args = tuple(_node(below, f"{path}.args[{at}]", problems) for at, below in enumerate(tree.args))
    return _PLACEHOLDER if message is not None else _made(tree, args)


def _mistake(tree: TreeNode) -> Message | None:
    """Return what is wrong with a node itself, None when its fields fit its `op`."""
    count = len(tree.args)
    if tree.op == "number":
        right = tree.value is not None and math.isfinite(tree.value) and tree.value >= 0 and not count
        return None if right else say("tree_number", op=tree.op)
    if tree.op in ("field", "index"):
        right = tree.name is not None and _is_word(tree.name) and not count
        return None if right else say("tree_name", op=tree.op)
    if tree.op == "call":
        right = tree.function is not None and _is_word(tree.function)
        return None if right else say("tree_function", op=tree.op)
    if tree.op in ("negate", "not"):
        return None if count == 1 else say("tree_one_argument", op=tree.op, count=count)
    if tree.op in ("and", "or"):
        return None if count >= 2 else say("tree_two_arguments", op=tree.op, count=count)
    allowed: tuple[frozenset[str], ...] = (frozenset(COMPARISONS),)
    if tree.op == "arithmetic":
        allowed = (frozenset("+-"), frozenset("*/"))
    if not any(set(tree.operators) <= signs for signs in allowed):
        listed = ", or of ".join(" ".join(sorted(signs)) for signs in allowed)
        return say("tree_operators", op=tree.op, choices=listed)
    if count < 2 or len(tree.operators) != count - 1:
        return say("tree_operator_count", op=tree.op, count=count, operators=len(tree.operators))
    return None


def _is_word(text: str) -> bool:
    return _WORD.fullmatch(text) is not None and text.lower() not in KEYWORDS


def _made(tree: TreeNode, args: tuple[Node, ...]) -> Node:
    if tree.op == "number":
        return Number(tree.value or 0.0)
    if tree.op == "field":
        return Name(tree.name or "")
    if tree.op == "index":
        return Index(tree.name or "")
    if tree.op == "negate":
        return Negate(args[0])
    if tree.op == "not":
        return Not(args[0])
    if tree.op == "call":
        return Call(tree.function or "", args)
    if tree.op == "compare":
        return Comparison(args, tree.operators)
    return arithmetic(args, tree.operators) if tree.op == "arithmetic" else logic(tree.op, args)
