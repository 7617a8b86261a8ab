"""The strategy language: text into a checked tree, the tree back into text, and its values over a panel."""

from shared.language.expression import Expression, compile_expression, parts
from shared.language.parser import parse
from shared.language.render import render

__all__ = ["Expression", "compile_expression", "parse", "parts", "render"]
