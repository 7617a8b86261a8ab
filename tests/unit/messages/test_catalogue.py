"""Every message in both languages, and every place of the source where one is made."""

from __future__ import annotations

import ast
import pathlib
import pickle
import re
from collections.abc import Iterator
from typing import Any

import orjson
import pytest

from shared.contracts.http import PROBLEM_TYPES
from shared.messages import KINDS, MessageKind, render, say
from shared.messages.answers import TITLES_KO
from shared.messages.catalogue import SECTIONS

ROOT = pathlib.Path(__file__).resolve().parents[3]
HANGUL = re.compile("[가-힣]")
CARRIERS = {"Problem": 1, "ApiProblem": 2, "RunError": 1, "UnavailableError": 0, "problem_document": 2}
"""Constructor of an error -> position of its message."""
BEHIND_THE_API = ("services/api/", "services/simulator/", "shared/")
TEMPLATE_ONLY = frozenset({"invalid_value"})


def test_whole_numbers_of_parameters_have_64_bits() -> None:
    for value, shown in ((10**400, 2**63 - 1), (-(10**400), 1 - 2**63), (2**63 - 1, 2**63 - 1)):
        message = say("sweep_grid_large", count=value, limit=1)
        assert message.params["count"] == shown
        assert orjson.loads(orjson.dumps(message.params)) == message.params


@pytest.mark.parametrize("kind", KINDS.values(), ids=lambda kind: kind.code)
def test_message_renders_in_both_languages(kind: MessageKind) -> None:
    message = say(kind.code, **kind.parameters)
    params = orjson.loads(orjson.dumps(message.params))
    assert params == message.params
    assert render(kind.code, params, "en") == message
    korean = render(kind.code, params, "ko")
    assert korean is not None
    assert not re.search(r"[{}]", korean + message)
    assert "  " not in korean
    if kind.code not in TEMPLATE_ONLY:
        assert HANGUL.search(korean), korean
    assert pickle.loads(pickle.dumps(message)) == message  # noqa: S301
    assert pickle.loads(pickle.dumps(message)).code == kind.code  # noqa: S301


def test_codes_are_distinct_identifiers() -> None:
    codes = [kind.code for kinds in SECTIONS.values() for kind in kinds]
    assert len(set(codes)) == len(codes)
    assert all(re.fullmatch(r"[a-z][a-z0-9_]*", code) for code in codes)


def test_every_title_is_translated() -> None:
    assert set(TITLES_KO) == set(PROBLEM_TYPES)


def test_message_with_other_parameters_is_refused() -> None:
    with pytest.raises(ValueError, match="parameters"):
        say("out_of_range", value=1)
    assert render("field_required", {"more": 1}, "ko") is None
    assert render("of_a_later_version", {}, "en") is None


def calls() -> Iterator[tuple[str, ast.Call, str]]:
    for folder in ("services", "shared", "ondol"):
        for path in sorted((ROOT / folder).rglob("*.py")):
            for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
                if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
                    yield f"{path.relative_to(ROOT)}:{node.lineno}", node, node.func.id


def is_plain_text(node: ast.expr | None) -> bool:
    return isinstance(node, ast.JoinedStr | ast.BinOp) or (
        isinstance(node, ast.Constant) and isinstance(node.value, str)
    )


def test_no_error_is_made_without_a_code() -> None:
    found = []
    for place, node, name in calls():
        if name not in CARRIERS or (name == "UnavailableError" and not place.startswith(BEHIND_THE_API)):
            continue
        named = {keyword.arg: keyword.value for keyword in node.keywords}
        at = CARRIERS[name]
        message = named.get("message") or named.get("detail") or (node.args[at] if len(node.args) > at else None)
        if is_plain_text(message):
            found.append(f"{place}: {name} has a text; declare a message in shared/messages and use say()")
    assert found == []


def test_messages_are_made_with_declared_parameters() -> None:
    found = []
    for place, node, name in calls():
        code = node.args[0] if name in ("say", "not_found") and node.args else None
        if not isinstance(code, ast.Constant):
            continue
        given: set[Any] = {keyword.arg for keyword in node.keywords}
        if code.value not in KINDS:
            found.append(f"{place}: {code.value} is not declared")
        elif None not in given and given != set(KINDS[code.value].parameters):
            found.append(f"{place}: {code.value} has {sorted(KINDS[code.value].parameters)}, not {sorted(given)}")
    assert found == []


def test_every_declared_message_is_made_somewhere() -> None:
    text = "\n".join(
        path.read_text(encoding="utf-8")
        for folder in ("services", "shared", "ondol")
        for path in (ROOT / folder).rglob("*.py")
        if path.parent != ROOT / "shared" / "messages"
    )
    if "not_bought_{outcome}" in text:  # one code for each outcome of why_not
        text += "".join(f'"not_bought_{outcome}"' for outcome in re.findall(r'"(\w+)"', text))
    unused = [code for code in KINDS if f'"{code}"' not in text and f"{code.partition('_open')[0]}" not in text]
    assert [code for code in unused if code not in TEMPLATE_ONLY | {"several_problems"}] == []
