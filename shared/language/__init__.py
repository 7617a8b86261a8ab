"""The strategy language: text into a checked tree, the tree into canonical text, and its values over panels."""

from shared.language.ast import Node
from shared.language.dependencies import ALL_ROWS
from shared.language.evaluate import evaluate, evaluate_market
from shared.language.expression import Expression, compile_expression, parts
from shared.language.functions import BY_NAME, FUNCTIONS, Function
from shared.language.names import index_names, known_names
from shared.language.parser import parse
from shared.language.printer import render
from shared.language.typecheck import Role

__all__ = [
    "ALL_ROWS",
    "BY_NAME",
    "FUNCTIONS",
    "Expression",
    "Function",
    "Node",
    "Role",
    "compile_expression",
    "evaluate",
    "evaluate_market",
    "index_names",
    "known_names",
    "parse",
    "parts",
    "render",
]
