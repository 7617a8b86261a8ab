"""The strategy language: text into a checked tree, the tree back into text, and its values over a panel."""

from shared.language.ast import Node
from shared.language.dependencies import Reads, presence, reads
from shared.language.evaluate import evaluate
from shared.language.expression import ALL_ROWS, Expression, compile_expression, parts
from shared.language.functions import BY_NAME, FUNCTIONS, Function, known_names
from shared.language.parser import parse
from shared.language.printer import render

__all__ = [
    "ALL_ROWS",
    "BY_NAME",
    "FUNCTIONS",
    "Expression",
    "Function",
    "Node",
    "Reads",
    "compile_expression",
    "evaluate",
    "known_names",
    "parse",
    "parts",
    "presence",
    "reads",
    "render",
]
