"""The strategy language: its words, and the check of an expression."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import replace

import msgspec
from aiohttp import web

from services.api.backtests.validate import expression_indices
from services.api.context import AppContext, RequestContext, Route
from services.api.errors import invalid
from services.api.http.answers import json_response, localized_response
from services.api.http.request import parse_body, parse_object, read_body
from services.api.localization import language_of, localized_item
from services.api.own_factors import Definitions, resolve
from services.api.schemas import language_responses
from services.api.schemas.requests import ExpressionBody
from services.api.schemas.responses import ProblemItem
from shared.errors import Problem, RequestError
from shared.factors.catalogue import BY_KEY
from shared.language import Expression, compile_expression, index_names, parse
from shared.language.ast import MAX_DEPTH, MAX_NODES, Index, Name, Node, walk
from shared.language.places import ROLES
from shared.language.reference import Language, language
from shared.language.tree import document_of, text_of
from shared.messages import say

MAX_VALUES = 10 + 8 * MAX_NODES
"""Values of a body: each node of a tree has up to eight."""
MAX_LEVELS = 4 + 2 * MAX_DEPTH
"""Levels of a body: each level of a tree has an object and a list. Two levels more than an expression may have,
which the language refuses with its own limit."""


async def get_language(app: AppContext, call: RequestContext) -> web.Response:
    """`GET /v1/language`."""
    view = await app.datasets.current()
    factors = frozenset(BY_KEY) if view is None else view.factors
    indices = await expression_indices(app, None)
    return json_response(msgspec.json.encode(language(factors, indices)))


async def post_check(app: AppContext, call: RequestContext) -> web.Response:
    """`POST /v1/expressions/check`: a text with mistakes is an answer, not an error."""
    raw = await read_body(call.request, app.settings.max_body_bytes)
    body = parse_body(ExpressionBody, parse_object(raw, MAX_VALUES, MAX_LEVELS))
    text = _text(body)
    indices = await expression_indices(app, None)
    view = await app.datasets.current()
    node: Node | None = None
    expression: Expression | None = None
    problems: list[Problem] = []

    async def read(names: Definitions) -> tuple[Node, Expression]:
        inlined = names.text(text, "text")
        found = compile_expression(inlined, role=ROLES[body.place], path="text", indices=indices)
        return parse(inlined, "text", indices=index_names(indices)), found

    try:
        (node, expression), _ = await resolve(app, call.caller.owner, read)
    except RequestError as error:
        problems = error.problems
        with suppress(RequestError):
            node = parse(text, "text", indices=index_names(indices))
    if expression is not None and view is not None:
        problems = _absent_factors(expression, view.factors)
    language = language_of(call.request)
    items = [localized_item(replace(problem, path="text").as_dict(), language) for problem in problems]
    errors = [msgspec.convert(item, ProblemItem) for item in items]
    answer = _answer(body, text, node, expression, errors)
    return localized_response(msgspec.json.encode(answer, enc_hook=str), language)  # a message is a subclass of str


def _text(body: ExpressionBody) -> str:
    """Return the text of a request; raise a 422 for a body with both or neither of text and tree."""
    if body.tree is not None and body.text is None:
        return text_of(body.tree)
    if body.text is not None and body.tree is None:
        return body.text
    raise invalid([Problem(path="text", message=say("text_or_tree"))])


def _absent_factors(expression: Expression, factors: frozenset[str]) -> list[Problem]:
    found = [node for node in walk(expression.node) if isinstance(node, Name)]
    absent = sorted({node.name for node in found} & (expression.factors - factors))
    return [Problem(path="text", message=say("factor_absent", name=name)) for name in absent]


def _answer(
    body: ExpressionBody, text: str, node: Node | None, expression: Expression | None, errors: list[ProblemItem]
) -> language_responses.CheckedExpression:
    right = expression if not errors else None
    reads = [] if node is None else sorted({n.name for n in walk(node) if isinstance(n, Name | Index)})
    number = right is not None and right.role == "number"
    return language_responses.CheckedExpression(
        ok=not errors, place=body.place, text=text, canonical=None if right is None else right.text,
        type=None if right is None else "number" if number else "condition",
        tree=None if node is None else document_of(node), reads=reads,
        nodes=None if right is None else right.nodes,
        lookback_rows=None if right is None or right.whole_history else right.lookback,
        errors=errors,
    )  # fmt: skip


ROUTES = (
    Route(
        method="GET", path="/v1/language", handler=get_language, tag="market",
        summary="The strategy language: fields, functions, operators, units and keywords with help in Korean and "
                "English", answers={200: Language},
    ),
    Route(
        method="POST", path="/v1/expressions/check", handler=post_check, tag="market", body=ExpressionBody,
        summary="Check an expression: canonical text, type, tree, the names it reads, and every mistake",
        answers={200: language_responses.CheckedExpression}, problems=(400, 413, 415),
    ),
)  # fmt: skip
