"""Expressions in Korean, in full-width characters and with units are those of their English spelling."""

from __future__ import annotations

import random
import re

import pytest

from shared.errors import RequestError
from shared.language import compile_expression, parse, render
from tests.reference import korean, language
from tests.support.random_markets import random_market
from tests.support.random_requests import Expressions

TITLE_OF = {key.lower(): title for title, key in korean.TITLES.items()}
WORD_OF = {"and": "그리고", "or": "또는", "not": "아니다"}
SIGN_OF = {"<=": "≤", ">=": "≥", "!=": "≠", "*": "×", "/": "÷"}
WIDE = {ord(c): ord(c) + 0xFEE0 for c in "0123456789<>=+-*/(),."}


def in_korean(rng: random.Random, text: str) -> str:
    """Return an English expression with some of its words and signs in Korean spelling."""

    def spelled(match: re.Match[str]) -> str:
        word = match.group()
        if rng.random() < 0.3:
            return word
        return TITLE_OF.get(word.lower()) or WORD_OF.get(word) or SIGN_OF.get(word) or word

    found = re.sub(r"[A-Za-z_]\w*|<=|>=|!=|[*/]", spelled, text)
    return found.translate(WIDE) if rng.random() < 0.3 else found


@pytest.mark.parametrize("seed", range(20))
def test_korean_spelling_has_the_canonical_text_of_the_english(seed: int) -> None:
    rng = random.Random(seed)
    expressions = Expressions(rng, {**random_market(1), "indices": []}, 100)
    for _ in range(30):
        text = expressions.condition()
        spelled = in_korean(rng, text)
        assert compile_expression(spelled, role="condition", path="").text == render(parse(text)), spelled
        assert language.parse(spelled) == language.parse(text), spelled


@pytest.mark.parametrize(
    ("text", "english"),
    [
        ("시가총액 ≥ 1조 그리고 등락률 > 0", "MARKET_CAP >= 1e12 and CHANGE_RATE > 0"),
        ("거래대금 > 1_000만", "trading_value > 1e7"),
        ("시가총액 < 1.5조 또는 PER < 10", "MARKET_CAP < 1.5e12 or PER < 10"),
        ("아니다 (부채비율 > 200)", "not (DEBT_RATIO > 200)"),
        ("종가 > ts_mean(종가, 60)", "close > ts_mean(close, 60)"),
        ("52주최고가대비 > -10", "DISTANCE_FROM_52W_HIGH > -10"),
        ("EV/EBITDA < 8", "EV_EBITDA < 8"),
        ("1개월모멘텀÷3 > 0", "MOMENTUM_1M / 3 > 0"),
        ("ＰＥＲ＜１０", "PER < 10"),
        ("rsi14일 < 30", "RSI_14 < 30"),
    ],
)
def test_korean_text_is_read_as_its_english_one(text: str, english: str) -> None:
    assert compile_expression(text, role="condition", path="").text == render(parse(english))
    assert language.parse(text) == language.parse(english)


@pytest.mark.parametrize("text", ["시가총액 > 1e3억", "시가총액 > 5만만", "시가총액x > 1", "PER > 1__0", "PER > 3만2"])
def test_wrong_korean_numbers_and_titles_are_refused(text: str) -> None:
    with pytest.raises(RequestError):
        compile_expression(text, role="condition", path="")
