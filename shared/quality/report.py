"""The quality report of a data revision: what each check found, and the declaration of the checks."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from shared.messages.message import Message

EXAMPLES = 2000
"""Examples that a stored finding names, the worst first."""


@dataclass(frozen=True, kw_only=True)
class Check:
    """A check: what it counts, and what follows for users of the data, in English and Korean."""

    name: str
    counts: str
    follows: str
    counts_ko: str
    follows_ko: str


CHECKS = (
    Check(
        name="quarantine",
        counts="statements in quarantine (see Factors)",
        follows="loaded, but not used by any factor",
        counts_ko="격리된 재무제표(팩터 문서 참조)",
        follows_ko="적재되지만 어떤 팩터에도 쓰이지 않습니다.",
    ),
    Check(
        name="limit_move",
        counts="rows whose open or close lies beyond the daily limit of the market without a split, outside first and "
        "liquidation rows",
        follows="backtests that hold the stock warn `suspect_price`; state the split of the row or correct the price",
        counts_ko="분할 없이 시가나 종가가 그 시장의 일일 가격제한폭을 벗어난 행(첫 행과 정리매매 행은 제외)",
        follows_ko="이 종목을 보유한 백테스트는 `suspect_price`를 경고합니다. 그 행의 분할을 적거나 가격을 "
        "바로잡으십시오.",
    ),
    Check(
        name="share_count",
        counts="rows whose share count rises by more than 40 % or falls by more than 30 % without a split that day",
        follows="state the split that the example suggests, where prices moved the other way",
        counts_ko="그날 분할 없이 상장주식수가 40% 넘게 늘거나 30% 넘게 줄어든 행",
        follows_ko="가격이 반대 방향으로 움직였다면 예시가 제안하는 분할을 적으십시오.",
    ),
    Check(
        name="missing_split",
        counts="rows that are at once a `limit_move` and, within 30 days, a `share_count` of the opposite direction, "
        "or whose close is at least 2.5 times or at most 0.4 times the close before",
        follows="a holding gains or loses by it; load the row with the suggested split",
        counts_ko="`limit_move`이면서 30일 안에 반대 방향의 `share_count`가 있는 행, 또는 종가가 직전 "
        "종가의 2.5배 이상이거나 0.4배 이하인 행",
        follows_ko="보유 종목의 손익이 왜곡됩니다. 제안한 분할을 넣어 그 행을 다시 적재하십시오.",
    ),
    Check(
        name="cap",
        counts="stocks with a market_cap more than 5 % off close x listed_shares on some row",
        follows="value factors use the loaded market_cap",
        counts_ko="어느 행에서든 market_cap이 종가 x 상장주식수와 5% 넘게 다른 종목",
        follows_ko="가치 팩터는 적재된 market_cap을 사용합니다.",
    ),
    Check(
        name="hole",
        counts="stretches of more than 30 days without a row between two rows of a stock",
        follows="the stock is halted meanwhile and leaves the universe after 60 rows",
        counts_ko="한 종목의 두 행 사이에 30일 넘게 행이 없는 구간",
        follows_ko="그동안 거래정지로 보며 60행 뒤에는 유니버스에서 빠집니다.",
    ),
    Check(
        name="early_end",
        counts="stocks whose prices end more than 30 days before their delisting, or before the last day of the data",
        follows="a holding is valued at its last close until the delisting",
        counts_ko="상장폐지일이나 데이터의 마지막 날보다 30일 넘게 일찍 가격이 끝나는 종목",
        follows_ko="보유 종목은 상장폐지일까지 마지막 종가로 평가됩니다.",
    ),
    Check(
        name="off_tick",
        counts="stock-years in which more than 20 % of the opens are off the tick grid",
        follows="the prices are probably adjusted; they are used as they are",
        counts_ko="시가의 20% 넘게 호가 단위에 맞지 않는 종목-연도",
        follows_ko="수정주가일 가능성이 높습니다. 있는 그대로 사용됩니다.",
    ),
    Check(
        name="same_price",
        counts="stretches of at least 20 rows with volume whose open, high, low and close are all one price",
        follows="the rows count as trading; load them with volume 0 when the source fills halts",
        counts_ko="거래량이 있으면서 시가, 고가, 저가, 종가가 모두 한 가격인 20행 이상의 구간",
        follows_ko="거래일로 계산됩니다. 원천이 거래정지를 채운 것이라면 거래량 0으로 적재하십시오.",
    ),
    Check(
        name="disclosure",
        counts="statements disclosed more than 480 days after their period end",
        follows="too old for factors from their first day",
        counts_ko="결산일로부터 480일이 지나 공시된 재무제표",
        follows_ko="첫날부터 팩터에 쓰기에는 너무 오래되었습니다.",
    ),
    Check(
        name="amount_scale",
        counts="statements whose total_assets or revenue lie more than 100 times above or below the median of all of "
        "the company's amounts above 0, at least 5, and that are not in quarantine",
        follows="probably another unit or another company's amounts: factors use them, since on their day nothing "
        "showed it; state the right amounts",
        counts_ko="total_assets나 revenue가 회사의 0보다 큰 금액 전체(5개 이상)의 중앙값의 100배를 넘거나 "
        "100분의 1에 못 미치면서 격리되지 않은 재무제표",
        follows_ko="단위가 다르거나 다른 회사의 금액일 가능성이 높습니다. 공시 "
        "당시에는 드러나지 않아 팩터가 사용합니다. 올바른 "
        "금액을 적재하십시오.",
    ),
    Check(
        name="owners_part",
        counts="stocks whose statements have net_income or total_equity, and never net_income_owners or equity_owners",
        follows="factors use the totals, which include what belongs to minority shareholders of subsidiaries; load the "
        "owners' part of consolidated statements",
        counts_ko="net_income이나 total_equity는 있으나 net_income_owners나 equity_owners가 한 번도 없는 종목",
        follows_ko="팩터가 종속회사 비지배주주 몫이 포함된 총액을 사용합니다. "
        "연결재무제표의 지배주주 귀속 금액을 적재하십시오.",
    ),
)
"""All checks, in the order of the report."""


@dataclass(frozen=True, kw_only=True)
class Example:
    """One place that a check found; `severity` orders examples of one check.

    `code` and `params` say `detail` in other languages; reports of earlier versions have none.
    """

    stock_code: str
    date: str
    detail: str
    severity: float
    code: str = ""
    params: dict[str, Any] = field(default_factory=dict)


def example_of(stock_code: str, date: str, message: Message, severity: float) -> Example:
    """Return the example of a place with its message."""
    return Example(
        stock_code=stock_code, date=date, detail=str(message), severity=severity, code=message.code,
        params=dict(message.params),
    )  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class Finding:
    """The result of one check: how often, on how many stocks, and the worst examples."""

    check: str
    count: int
    stocks: int
    examples: list[Example] = field(default_factory=list)


@dataclass(frozen=True, kw_only=True)
class QualityReport:
    """The findings of a data revision; checks that found nothing are left out."""

    revision: int
    findings: list[Finding]

    def worst(self, examples: int) -> QualityReport:
        """Return the report with at most so many examples of each check."""
        found = [replace(finding, examples=finding.examples[:examples]) for finding in self.findings]
        return QualityReport(revision=self.revision, findings=found)

    def counts(self) -> dict[str, int]:
        """Return the count of every check, in the order of CHECKS, 0 where it found nothing."""
        return {check.name: 0 for check in CHECKS} | {finding.check: finding.count for finding in self.findings}


def finding_of(check: str, examples: Sequence[Example]) -> Finding:
    """Return the finding of a check from everything that it found in one part of the market."""
    worst = sorted(examples, key=lambda e: (-e.severity, e.stock_code, e.date))[:EXAMPLES]
    return Finding(check=check, count=len(examples), stocks=len({e.stock_code for e in examples}), examples=worst)


def merged(findings: Iterable[Finding]) -> list[Finding]:
    """Return one finding a check, in the order of CHECKS, from those of parts with different stocks."""
    by_check: dict[str, list[Finding]] = {}
    for found in findings:
        by_check.setdefault(found.check, []).append(found)
    result = []
    for check in CHECKS:
        parts = [found for found in by_check.get(check.name, ()) if found.count]
        if parts:
            examples = [example for found in parts for example in found.examples]
            worst = finding_of(check.name, examples).examples
            count, stocks = sum(f.count for f in parts), sum(f.stocks for f in parts)
            result.append(Finding(check=check.name, count=count, stocks=stocks, examples=worst))
    return result
