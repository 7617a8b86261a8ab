"""Korean particles follow the last sound of a word."""

from __future__ import annotations

import pytest

from shared.messages.korean import Whole, Word, particle


@pytest.mark.parametrize(
    ("word", "kind", "expected"),
    [
        ("삼성", "을", "을"), ("회사", "을", "를"), ("종목", "은", "은"), ("회사", "이", "가"),
        ("시장", "과", "과"), ("2023", "이", "이"), ("4", "은", "는"), ("서울", "으로", "로"), ("부산", "으로", "으로"),
        ("회사", "으로", "로"), ("PER", "을", "을(를)"), ("PER", "으로", "(으)로"), ("", "은", "은(는)"),
        ("ts_mean(close, 20)", "이", "이"),
    ],
)  # fmt: skip
def test_particle_fits_the_last_sound(word: str, kind: str, expected: str) -> None:
    assert particle(word, kind) == expected


def test_words_and_numbers_are_formatted_with_particles() -> None:
    assert f"{Word('삼성'):을} {Whole(7):으로} {Whole(1234):,} {Word('x')!r}" == "삼성을 7로 1,234 'x'"
