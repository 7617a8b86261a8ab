"""Reasons of factors without values in Korean: every reason that the coverage of a market can give."""

from __future__ import annotations

import itertools
import re

import pytest

from shared.factors.catalogue import FACTORS
from shared.factors.coverage import STOCK_DAYS, absent_reasons, yearly_reasons
from shared.factors.point_in_time import QUANTITIES
from shared.messages.absences import reason_in_korean

ENGLISH = re.compile(r"\b(no|is|are|known|with|of|the|and|on|in|to|never|together|has|all|for|statements?)\b")


def reasons() -> set[str]:
    """Return the reasons of markets in which one need, two needs or all needs of each factor are missing or rare."""
    found: set[str] = {"no statements"}
    needs = sorted({need for factor in FACTORS for need in factor.needs})
    every = dict.fromkeys(needs, 100) | {STOCK_DAYS: 100}
    together = {f"statements for {factor.key}": 100 for factor in FACTORS if set(factor.needs) & set(QUANTITIES)}
    cases = [every | dict.fromkeys(pair, count) for pair in itertools.combinations(needs, 2) for count in (0, 7)]
    cases += [every | dict.fromkeys(needs, 0), {STOCK_DAYS: 0}]
    cases += [every | dict.fromkeys(together, count) for count in (0, 3)]
    for case in cases:
        for counts in (case, together | case):
            found |= set(absent_reasons({2020: counts}).values())
            found |= {reason for years in yearly_reasons({2020: counts}).values() for reason in years.values()}
    return found


def test_every_reason_has_korean() -> None:
    found = reasons()
    assert len(found) > 60
    for reason in found:
        for text in (reason, f"in 2020: {reason}", f"in 2020 to 2022: {reason}, {reason}"):
            korean = reason_in_korean(text)
            assert not ENGLISH.search(korean), (text, korean)
            assert re.search("[가-힣]", korean)


@pytest.mark.parametrize(
    ("english", "korean"),
    [
        ("no statements with revenue, net_income (for a whole trailing year)",
         "최근 1년 전체의 revenue, net_income 값이 있는 재무제표가 없음"),
        ("no statements with total_equity; no listed_shares",
         "total_equity 값이 있는 재무제표가 없음; listed_shares 값이 없음"),
        ("in 2020 to 2021: volume is known on 7 % of stock-days", "2020~2021년: volume: 알려진 비율이 종목·일의 7 %"),
        ("in 2019: no market_cap and no listed_shares, no dividends",
         "2019년: market_cap과 listed_shares가 없음, dividends 값이 없음"),
    ],
)  # fmt: skip
def test_reasons_are_translated_whole(english: str, korean: str) -> None:
    assert reason_in_korean(english) == korean
