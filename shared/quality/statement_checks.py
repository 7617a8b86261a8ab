"""Checks of statements for the quality report."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from shared.messages import say
from shared.model.calendar import iso
from shared.model.market_data import Statements
from shared.quality.quarantine import MEDIAN_STATEMENTS, MEDIAN_TIMES, REASONS, USED, quarantine_codes
from shared.quality.report import Example, Finding, example_of, finding_of

Array = np.ndarray[Any, np.dtype[Any]]

MAX_DISCLOSURE_DAYS = 480


def check_statements(statements: Statements, codes: Sequence[str]) -> list[Finding]:
    """Return the findings of `quarantine`, `disclosure`, `amount_scale` and `owners_part`.

    `statements.instrument` are positions in `codes`.
    """
    reasons = quarantine_codes(statements)
    quarantined = [
        _example(statements, codes, at, REASONS[int(reasons[at])], 0.0)
        for at in np.nonzero(reasons != USED)[0].tolist()
    ]
    delay = statements.disclosed_on.astype(np.int64) - statements.period_end
    late = [
        _example(statements, codes, at, "late_disclosure", float(delay[at]), days=int(delay[at]))
        for at in np.nonzero(delay > MAX_DISCLOSURE_DAYS)[0].tolist()
    ]
    found = (
        ("quarantine", quarantined),
        ("disclosure", late),
        ("amount_scale", _of_another_scale(statements, codes, reasons == USED)),
        ("owners_part", _without_owners(statements, codes)),
    )
    return [finding_of(check, examples) for check, examples in found]


def _of_another_scale(statements: Statements, codes: Sequence[str], used: Array) -> list[Example]:
    """Return an example for each used statement (bool [S]) with an amount far from the median of all of its stock."""
    found = []
    for account in ("revenue", "total_assets"):
        amounts = statements.accounts[account]
        positive = np.nonzero(amounts > 0)[0]
        order = positive[np.argsort(statements.instrument[positive], kind="stable")]
        for rows in np.split(order, np.nonzero(np.diff(statements.instrument[order]))[0] + 1):
            if len(rows) < MEDIAN_STATEMENTS:
                continue
            times = amounts[rows] / np.median(amounts[rows])
            far = ((times > MEDIAN_TIMES) | (times < 1 / MEDIAN_TIMES)) & used[rows]
            for at, ratio in zip(rows[far].tolist(), times[far].tolist(), strict=True):
                severity = abs(math.log(ratio))
                found.append(
                    _example(statements, codes, at, "amount_of_another_scale", severity, account=account, times=ratio)
                )
    return found


def _without_owners(statements: Statements, codes: Sequence[str]) -> list[Example]:
    """Return an example for each stock with an amount whose owners' part no statement of it has."""
    absent: dict[int, list[str]] = {}
    for total, part in (("net_income", "net_income_owners"), ("total_equity", "equity_owners")):
        with_total, with_part = (
            np.unique(statements.instrument[~np.isnan(statements.accounts[account])]) for account in (total, part)
        )
        for column in np.setdiff1d(with_total, with_part).tolist():
            absent.setdefault(column, []).append(f"{total} without {part}")
    return [
        example_of(
            codes[column],
            iso(int(statements.disclosed_on[statements.instrument == column].min())),
            say("owners_part_absent", accounts=names),
            float(len(names)),
        )
        for column, names in sorted(absent.items())
    ]


def _example(
    statements: Statements, codes: Sequence[str], at: int, message: str, severity: float, **params: Any
) -> Example:
    """Return the example of a statement with the message of this code."""
    fiscal = {
        "fiscal_year": str(statements.fiscal_year[at]), "fiscal_quarter": int(statements.fiscal_quarter[at])
    }  # fmt: skip
    code, day = codes[int(statements.instrument[at])], iso(int(statements.disclosed_on[at]))
    return example_of(code, day, say(message, **fiscal, **params), severity)
