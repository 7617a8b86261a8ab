"""Templates: texts that differ in numbers only, and the parts of their conditions."""

from __future__ import annotations

import random
import re
from collections.abc import Callable
from typing import Any

import pytest

from shared.errors import RequestError
from shared.language import Expression, Role, compile_expression, parse, render
from shared.language.compiler import program
from shared.language.printer import number_text
from shared.simulation import templates
from shared.simulation.templates import BOTH, EITHER, NEITHER, canonical_text, template_of
from tests.support.random_markets import random_market
from tests.support.random_requests import Expressions


def numbers(text: str) -> tuple[float, ...]:
    return template_of(text, "condition")[1]


def kinds(text: str) -> list[tuple[str, float]]:
    """Return the kind and the sign of the constant of each part of a condition."""
    return [(part.kind, part.factor) for part in template_of(text, "condition")[0].condition.parts]


def test_texts_with_other_free_numbers_share_a_template() -> None:
    first, second = "PER < 10 and ROE > 0.5", "PER < 8.25 and ROE > 1e-7"
    assert template_of(first, "condition")[0] is template_of(second, "condition")[0]
    assert numbers(first) == (10.0, 0.5)
    assert numbers(second) == (8.25, 1e-7)


@pytest.mark.parametrize(
    ("text", "other"),
    [
        ("close > ts_mean(close, 20)", "close > ts_mean(close, 21)"),
        ("pct_rank(PER * 2) < 0.3", "pct_rank(PER * 3) < 0.3"),
        ("PER < 10", "PBR < 10"),
        ("PER < 10", "PER <= 10"),
        ("PER < row_mean(PER) * 2", "PER < row_mean(PER) * 3"),
        ("lag(PER * 2, 1) < 3", "lag(PER * 3, 1) < 3"),
        ("MOMENTUM_1M > 3", "MOMENTUM_3M > 3"),
    ],
)
def test_what_decides_about_planes_has_its_own_template(text: str, other: str) -> None:
    assert template_of(text, "condition")[0] is not template_of(other, "condition")[0]


def test_equal_numbers_stay_apart() -> None:
    template, given = template_of("PER < 10 and PBR < 10", "condition")
    assert given == (10.0, 10.0)
    assert len(set(template.stand_ins)) == 2
    assert template_of("PER < 10 and PBR < 3", "condition")[0] is template


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("PER < 10", [("<", 1.0)]),
        ("10 < PER", [(">", 1.0)]),
        ("PER >= -10", [(">=", -1.0)]),
        ("-5 < ROE <= 10", [(">", -1.0), ("<=", 1.0)]),
        ("pct_rank(PER) != 0.3", [("!=", 1.0)]),
        ("close > ts_mean(close, 5)", [("truth", 1.0)]),
        ("KOSPI > ts_mean(KOSPI, 5)", [("row_truth", 1.0)]),
        ("PER < PBR", [("formula", 1.0)]),
        ("abs(CHANGE_RATE) > 3", [("formula", 1.0)]),
        ("close > lag(close, 1) * 1.5", [("formula", 1.0)]),
        ("is_null(PER)", [("formula", 1.0)]),
    ],
)
def test_parts_that_are_compared_directly(text: str, expected: list[tuple[str, float]]) -> None:
    assert kinds(text) == expected


def test_parts_are_combined_in_postfix() -> None:
    found = template_of("(PER < 1 or PBR < 2) and not ROE > 3 and 4 < ROA < 5", "condition")[0].condition
    assert found.code == (0, 1, EITHER, 2, NEITHER, BOTH, 3, 4, BOTH, BOTH)


@pytest.mark.parametrize("seed", range(30))
def test_no_plane_depends_on_a_free_number(seed: int) -> None:
    market = random_market(5)
    texts = Expressions(random.Random(seed), market, 100)
    for _ in range(10):
        text = render(parse(texts.condition(), indices=frozenset({"KOSPI", "KOSDAQ"})))
        expression = compile_expression(text, role="condition", path="", indices=None)
        template, given = template_of(text, "condition")
        stand_ins = {number_text(value) for value in template.stand_ins}
        whole, slots = template.compiled("condition")
        assert not any(word in plane.text for plane in whole.planes for word in stand_ins)
        alone = program(text, "condition", expression.indices)
        assert {plane.text for plane in whole.planes} == {plane.text for plane in alone.planes}
        assert set(slots.filled(given)) == set(alone.constants.tolist())


PLAIN = ("0", "7", "20", "0.5", "12.50", "10.0")
SPELLINGS = (
    *PLAIN, "499", "501", "007", ".5", "5.", "1e3", "2E5", "1e400", "3억", "100만", "1,000", "(-4)", "2x", "1_000", "٣",
    "123456789012345", "1234567890123456", "0.1234567890123456",
)  # fmt: skip
NUMBER = re.compile(r"(?<![\w.])[0-9]+(?:\.[0-9]+)?(?:e-?[0-9]+)?")
KNOWN = frozenset({"KOSPI", "KOSDAQ"})


def outcome(canonical: Callable[..., str], text: str, role: Role) -> object:
    try:
        return canonical(text, role=role, path="place", indices=KNOWN)
    except RequestError as error:
        return error.problems


def compiled(text: str, **named: Any) -> str:
    return compile_expression(text, **named).text


@pytest.mark.parametrize("seed", range(12))
@pytest.mark.parametrize("role", ["condition", "number", "market"])
def test_canonical_text_is_that_of_the_compiled_expression(seed: int, role: Role) -> None:
    rng = random.Random(seed)
    texts = Expressions(rng, random_market(5), 100)
    make = {"condition": texts.condition, "number": lambda: texts.ratio(3), "market": texts.market_wide}[role]
    for _ in range(6):
        text = make()
        for spellings in (PLAIN, SPELLINGS) * 6:
            chosen = iter(rng.choices(spellings, k=len(text)))
            spelled = NUMBER.sub(lambda _, chosen=chosen: next(chosen), text)  # type: ignore[misc]
            assert outcome(canonical_text, spelled, role) == outcome(compiled, spelled, role), spelled


def test_thresholds_are_compiled_once(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[str] = []

    def counted(text: str, **named: Any) -> Expression:
        seen.append(text)
        return compile_expression(text, **named)

    monkeypatch.setattr(templates, "compile_expression", counted)
    for k in range(50):
        text = f"시가총액 > {k}.50 and  ( per <{k} ) and ts_mean(ROE, 7) > (-{k})"
        expected = f"MARKET_CAP > {k}.5 and PER < {k} and ts_mean(ROE, 7) > -{k}"
        assert canonical_text(text, "condition", "x", KNOWN) == expected
    assert len(seen) < 8
