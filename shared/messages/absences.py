"""Korean for the reasons that a dataset version keeps of a factor without values (shared/factors/coverage.py)."""

from __future__ import annotations

import re
from typing import Final

_NAMES = r"[\w(), ]+?"
_END = r"(?=$|; |, (?:no |in |[\w, ]+ (?:is|are) ))"
_PATTERNS: Final = tuple(
    (re.compile(pattern), korean)
    for pattern, korean in (
        (r"^in (\d{4}) to (\d{4}): ", r"\1~\2년: "),
        (r"^in (\d{4}): ", r"\1년: "),
        (r"no stock has a close", "종가가 있는 종목이 없음"),
        (r"no market_cap and no listed_shares of all shares of the company",
         "회사 전체 주식의 market_cap과 listed_shares가 없음"),
        (r"no market_cap and no listed_shares", "market_cap과 listed_shares가 없음"),
        (r"no index of the stocks' markets", "종목이 속한 시장의 지수가 없음"),
        (r"no 3 annual statements with net_income", "net_income이 있는 연간 재무제표 3개가 없음"),
        (r"no statements that decide 5 of the nine tests", "9개 항목 중 5개를 판정할 재무제표가 없음"),
        (rf"no statements with ({_NAMES}) \(for a whole trailing year\)", r"최근 1년 전체의 \1 값이 있는 재무제표가 없음"),
        (rf"no statements with ({_NAMES}){_END}", r"\1 값이 있는 재무제표가 없음"),
        (r"no statements", "재무제표가 없음"),
        (r"no (\w+)", r"\1 값이 없음"),
        (rf"({_NAMES}) are never known together", r"\1: 모두 알려진 날이 없음"),
        (rf"({_NAMES}) are known together on ([\d.e+-]+ %) of stock-days", r"\1: 모두 알려진 비율이 종목·일의 \2"),
        (r"(\w+(?: \w+)*?) is known on ([\d.e+-]+ %) of stock-days", r"\1: 알려진 비율이 종목·일의 \2"),
    )
)  # fmt: skip


def reason_in_korean(reason: str) -> str:
    """Return a stored English reason in Korean; names of factors, accounts and columns stay as they are."""
    for pattern, korean in _PATTERNS:
        reason = pattern.sub(korean, reason)
    return reason
