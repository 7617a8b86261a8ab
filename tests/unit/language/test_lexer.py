"""Korean and full-width input: canonical English text, and positions in the text as it was written."""

from __future__ import annotations

import re
import unicodedata

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shared.errors import RequestError
from shared.factors.catalogue import FACTORS
from shared.language import compile_expression, parse, render
from shared.language.names import KOREAN_FIELDS
from shared.language.normalize import normalize


@pytest.mark.parametrize(
    ("text", "canonical"),
    [
        (
            "시가총액 ≥ 25억 그리고 종가 > lag(종가, 1) × 1.02",
            "MARKET_CAP >= 2500000000 and close > lag(close, 1) * 1.02",
        ),
        ("아니다 주가수익비율 < 10 또는 자기자본이익률≠5", "not PER < 10 or ROE != 5"),
        ("거래대금 ÷ 상장주식수 ≤ 1만", "trading_value / listed_shares <= 10000"),
        ("시가 > 고가 그리고 저가 < 종가", "open > high and low < close"),
        ("EV/EBITDA < 8 and ev/ebitda > 1", "EV_EBITDA < 8 and EV_EBITDA > 1"),
        ("EV_EBITDA/PER > 1", "EV_EBITDA / PER > 1"),
        ("CAPE < 20 and CAPE_RATIO > 1", "CAPE_RATIO < 20 and CAPE_RATIO > 1"),
        ("52주최고가대비 > -5 and 1개월모멘텀 > 0", "DISTANCE_FROM_52W_HIGH > -5 and MOMENTUM_1M > 0"),
        ("12개월모멘텀 > 3개월모멘텀", "MOMENTUM_12M > MOMENTUM_3M"),
        ("매출액증가율3년 > 10 and rsi14일 < 30", "REVENUE_GROWTH_3Y > 10 and RSI_14 < 30"),
        ("차입금/자기자본 < 1", "DEBT_TO_EQUITY < 1"),
        ("거래량변화율 > 거래량 / 거래량", "VOLUME_ROC > volume / volume"),
        ("ＰＥＲ　＜　１０　ａｎｄ　（ＲＯＥ　＞＝　５）", "PER < 10 and ROE >= 5"),
        ("PER\u00a0< 3", "PER < 3"),
        (unicodedata.normalize("NFD", "영업이익률 > 5"), "OPM > 5"),
        ("raw_close > 1_000 and raw_close < 1_0.5_0e0_1", "raw_close > 1000 and raw_close < 105"),
        ("MARKET_CAP > 1000억 or MARKET_CAP < 1.5조", "MARKET_CAP > 100000000000 or MARKET_CAP < 1500000000000"),
        ("MARKET_CAP > 1.1억 + 3_000만 + .5조", "MARKET_CAP > 110000000 + 30000000 + 500000000000"),
        ("PER ≠ 3", "PER != 3"),
    ],
)
def test_korean_text_has_an_english_canonical_form(text: str, canonical: str) -> None:
    assert render(parse(text)) == canonical
    assert parse(text) == parse(canonical)


def test_every_title_without_spaces_is_its_factor() -> None:
    for factor in FACTORS:
        title = "".join(factor.name_ko.split())
        assert compile_expression(title, role="number", path="").text == factor.key
        assert render(parse(f"({title})+{title}*2")) == f"{factor.key} + {factor.key} * 2"
        for behind in ("1", "_", "가", "a"):
            with pytest.raises(RequestError):
                compile_expression(title + behind, role="number", path="")
    for title, field in KOREAN_FIELDS.items():
        assert render(parse(f"ts_mean({title}, 5)")) == f"ts_mean({field}, 5)"


@pytest.mark.parametrize(
    ("text", "column", "words"),
    [
        ("시가총액 > 5 그리고 영업이익율 > 5", 14, "OPM"),
        ("ＲＯ > 5 and QQQQQ > 1", 1, "ROE"),
        ("ＰＥＲ > 5 and ＱＱＱＱＱ > 1", 13, "unknown name QQQQQ"),
        (unicodedata.normalize("NFD", "종가") + " > 5 # 3", 11, "`#`"),
        ("종가 ≥ ≤ 5", 6, "but found `≤`"),
        ("매출액증가율 1년 > 5", 1, "매출액증가율1년"),
        ("PER > 1 and FCF 수익률 > 5", 13, "FCF수익률"),
        ("MARKET_CAP > 1e3억", 17, "exponent"),
        ("MARKET_CAP > 1000억원", 19, "without 원"),
        ("MARKET_CAP > 1조5000억", 16, "one unit"),
        ("MARKET_CAP > 3천억", 15, "만, 억 and 조"),
        ("MARKET_CAP > 1__0", 15, "two digits"),
        ("PER > 5²", 8, "`²`"),
        ("PER > 5⒈", 8, "`⒈`"),
        ("PER − 1 > 0", 5, "write `-`"),
        ("종가 > 5", 1, "`close` has degree 1"),
    ],
)
def test_mistake_has_its_column_in_the_original_text(text: str, column: int, words: str) -> None:
    with pytest.raises(RequestError) as caught:
        compile_expression(text, role="condition", path="here")
    problem = caught.value.problems[0]
    assert (problem.line, problem.column) == (1, column)
    assert words in problem.message


@given(st.text(max_size=60))
@settings(max_examples=400, deadline=None)
def test_normalized_characters_keep_their_place(text: str) -> None:
    source = normalize(text)
    offsets = [source.original(at) for at in range(len(source.text) + 1)]
    assert offsets == sorted(offsets)
    assert offsets[-1] == len(text)
    forms = ("<super>", "<sub>", "<fraction>", "<circle>")
    if not any(
        unicodedata.decomposition(c).startswith(forms)
        or (unicodedata.decomposition(c).startswith("<compat>") and re.search(r"\d", unicodedata.normalize("NFKC", c)))
        for c in text
    ):
        assert source.text == unicodedata.normalize("NFKC", text)
