"""The quality report of a data revision: what each check found, and the declaration of the checks."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace

EXAMPLES = 2000
"""Examples that a stored finding names, the worst first."""


@dataclass(frozen=True, kw_only=True)
class Check:
    """A check: what it counts, and what follows for users of the data."""

    name: str
    counts: str
    follows: str


CHECKS = (
    Check(
        name="quarantine",
        counts="statements in quarantine (see Factors)",
        follows="loaded, but not used by any factor",
    ),
    Check(
        name="limit_move",
        counts="rows whose open or close lies beyond the daily limit of the market without a split, outside first and "
        "liquidation rows",
        follows="backtests that hold the stock warn `suspect_price`; state the split of the row or correct the price",
    ),
    Check(
        name="share_count",
        counts="rows whose share count rises by more than 40 % or falls by more than 30 % without a split that day",
        follows="state the split that the example suggests, where prices moved the other way",
    ),
    Check(
        name="missing_split",
        counts="rows that are at once a `limit_move` and, within 30 days, a `share_count` of the opposite direction, "
        "or whose close is at least 2.5 times or at most 0.4 times the close before",
        follows="a holding gains or loses by it; load the row with the suggested split",
    ),
    Check(
        name="cap",
        counts="stocks with a market_cap more than 5 % off close x listed_shares on some row",
        follows="value factors use the loaded market_cap",
    ),
    Check(
        name="hole",
        counts="stretches of more than 30 days without a row between two rows of a stock",
        follows="the stock is halted meanwhile and leaves the universe after 60 rows",
    ),
    Check(
        name="early_end",
        counts="stocks whose prices end more than 30 days before their delisting, or before the last day of the data",
        follows="a holding is valued at its last close until the delisting",
    ),
    Check(
        name="off_tick",
        counts="stock-years in which more than 20 % of the opens are off the tick grid",
        follows="the prices are probably adjusted; they are used as they are",
    ),
    Check(
        name="same_price",
        counts="stretches of at least 20 rows with volume whose open, high, low and close are all one price",
        follows="the rows count as trading; load them with volume 0 when the source fills halts",
    ),
    Check(
        name="disclosure",
        counts="statements disclosed more than 480 days after their period end",
        follows="too old for factors from their first day",
    ),
    Check(
        name="amount_scale",
        counts="statements whose total_assets or revenue lie more than 100 times above or below the median of all of "
        "the company's amounts above 0, at least 5, and that are not in quarantine",
        follows="probably another unit or another company's amounts: factors use them, since on their day nothing "
        "showed it; state the right amounts",
    ),
    Check(
        name="owners_part",
        counts="stocks whose statements have net_income or total_equity, and never net_income_owners or equity_owners",
        follows="factors use the totals, which include what belongs to minority shareholders of subsidiaries; load the "
        "owners' part of consolidated statements",
    ),
)
"""All checks, in the order of the report."""


@dataclass(frozen=True, kw_only=True)
class Example:
    """One place that a check found; `severity` orders examples of one check."""

    stock_code: str
    date: str
    detail: str
    severity: float


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
