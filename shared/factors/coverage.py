"""Why factors are absent: how many stock-days know each input of each factor, by calendar year.

The counts of parts of the market add up, so that a preparer can keep them by part and year and merge what it reuses.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence

import numpy as np

from shared.factors.catalogue import FACTORS, Factor
from shared.factors.compute import FactorInputs, OnRows
from shared.factors.native import Array
from shared.factors.point_in_time import QUANTITIES
from shared.factors.price_factors import carried_index
from shared.factors.quality import LEAST_TESTS, score_of_statements
from shared.model.calendar import year_slices
from shared.model.fields import CARRY_ROWS
from shared.model.market_data import FLOWS

STOCK_DAYS = "stock-days"

InputCoverage = dict[int, dict[str, int]]
"""Calendar year -> input -> stock-days on which it is known; `stock-days` counts all that have a close, `statements for
PER` those on which everything that PER needs of statements is known at once."""

_MISSING = {
    "cap": "no market_cap and no listed_shares",
    "listed_shares": "no listed_shares",
    "dividends": "no dividends",
    "index": "no index of the stocks' markets",
    "trading_value": "no trading_value",
    "volume": "no volume",
    "annual net_income": "no 3 annual statements with net_income",
    "quality tests": "no statements that decide 5 of the nine tests",
}


def input_coverage(on: OnRows) -> InputCoverage:
    """Count, for each calendar year of these rows, the stock-days on which each input of a factor is known."""
    events, alive, which = on.inputs.events, on.alive, on.which
    days = on.inputs.days[on.rows]
    with np.errstate(all="ignore"):
        decided = score_of_statements(events.columns)[1] + 1 >= LEAST_TESTS
    known = np.vstack([*(~np.isnan(events.columns[name]) for name in QUANTITIES), decided])
    place = {name: row for row, name in enumerate((*QUANTITIES, "quality tests"))}
    of_statements = {_together(f): [place[need] for need in f.needs if need in place] for f in FACTORS}
    joint = {name: known[which_known].all(axis=0) for name, which_known in of_statements.items() if which_known}
    jointly = np.vstack(list(joint.values())).astype(np.int64)
    masks = _row_masks(on)
    found: InputCoverage = {}
    for year, span in year_slices(days).items():
        counts = {name: int(np.count_nonzero(mask[span] & alive[span])) for name, mask in masks.items()}
        weight = np.bincount(which[span].ravel(), minlength=known.shape[1])
        by_quantity = known.astype(np.int64) @ weight
        counts |= {name: int(n) for name, n in zip((*QUANTITIES, "quality tests"), by_quantity, strict=True)}
        counts |= {name: int(n) for name, n in zip(joint, jointly @ weight, strict=True)}
        counts[STOCK_DAYS] = int(np.count_nonzero(alive[span]))
        found[year] = counts
    return found


def merge_coverage(parts: Iterable[InputCoverage]) -> InputCoverage:
    """The counts of several parts of a market together."""
    merged: dict[int, Counter[str]] = {}
    for part in parts:
        for year, counts in part.items():
            merged.setdefault(year, Counter()).update(counts)
    return {year: dict(counts) for year, counts in sorted(merged.items())}


def yearly_reasons(coverage: InputCoverage) -> dict[str, dict[int, str]]:
    """Factor -> year -> the input that is known least, in words; years in which all are always known are left out."""
    found: dict[str, dict[int, str]] = {}
    for factor in FACTORS:
        for year, counts in coverage.items():
            reason = _reason(factor, counts)
            if reason is not None:
                found.setdefault(factor.key, {})[year] = reason[1]
    return found


def absent_reasons(coverage: InputCoverage) -> dict[str, str]:
    """Factor -> why it has no value in any year; factors whose inputs are all known on some day are left out."""
    together: Counter[str] = Counter()
    for counts in coverage.values():
        together.update(counts)
    found = {}
    for factor in FACTORS:
        reason = _reason(factor, together)
        if reason is not None and reason[0] == 0:
            found[factor.key] = reason[1]
    return found


def coverage_reasons(inputs: FactorInputs, rows: slice | None = None) -> dict[str, str]:
    """Factor -> the input that it lacks on all of `rows` (all rows when None), in words; other factors are left out."""
    return absent_reasons(input_coverage(OnRows(inputs, slice(0, len(inputs.days)) if rows is None else rows)))


def _reason(factor: Factor, counts: Mapping[str, int]) -> tuple[int, str] | None:
    total = counts.get(STOCK_DAYS, 0)
    if total == 0:
        return 0, "no stock has a close"
    known = {need: counts.get(need, 0) for need in factor.needs}
    least = min(known, key=known.__getitem__, default="")
    together = counts.get(_together(factor), total)
    if not least or min(known[least], together) >= total:
        return None
    if known[least] == 0:
        return 0, _missing([need for need in factor.needs if known[need] == 0])
    if together < known[least]:
        names = ", ".join(need for need in factor.needs if need in QUANTITIES)
        share = f"known together on {_percent(together, total)}" if together else "never known together"
        return together, f"{names} are {share}"
    return known[least], f"{least} is known on {_percent(known[least], total)}"


def _percent(count: int, total: int) -> str:
    return f"{100 * count / total:.3g} % of stock-days"


def _together(factor: Factor) -> str:
    """The name under which it is counted that all quantities of statements that a factor needs are known at once."""
    return f"statements for {factor.key}"


def _missing(needs: Sequence[str]) -> str:
    """Inputs that nobody knows, in words; those of statements in one clause."""
    clauses = [_MISSING.get(need, f"no {need}") for need in needs if need not in QUANTITIES or need in _MISSING]
    accounts = [need for need in needs if need in QUANTITIES and need not in _MISSING]
    if accounts:
        year = " (for a whole trailing year)" if accounts[0].partition(" ")[0] in FLOWS else ""
        clauses.insert(0, f"no statements with {', '.join(accounts)}{year}")
    return "; ".join(clauses)


def _row_masks(on: OnRows) -> dict[str, Array]:
    inputs, rows = on.inputs, on.rows
    days = inputs.days[rows]
    series = {name: ~np.isnan(carried_index(close[: rows.stop])[rows]) for name, close in inputs.index_close.items()}
    absent = np.zeros(len(days), bool)
    masks = {
        "cap": ~np.isnan(inputs.cap[rows]),
        "listed_shares": ~np.isnan(inputs.shares[rows]),
        "dividends": ~np.isnan(on.dividends),
        "index": np.column_stack([series.get(name, absent) for name in inputs.market] or [absent[:, None][:, :0]]),
        "trading_value": ~np.isnan(inputs.trading_value[rows]),
        "volume": ~np.isnan(inputs.volume[rows]),
    }
    for back in (1, 20, 60, 120, 240):
        before = np.zeros(masks["cap"].shape, bool)
        skipped = min(max(0, back - rows.start), len(days))
        before[skipped:] = inputs.idle[rows.start + skipped - back : rows.stop - back] <= CARRY_ROWS
        masks[f"close {back} rows ago"] = before
    return masks
