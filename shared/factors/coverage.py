"""Why factors are absent: how many stock-days know each input of each factor, by calendar year.

The counts of parts of the market add up, so that a preparer can keep them by part and year and merge what it reuses.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence

import numpy as np

from shared.factors.catalogue import FACTORS, Factor
from shared.factors.compute import FactorInputs, RowContext
from shared.factors.declaration import Array
from shared.factors.point_in_time import OWNERS_QUANTITIES, QUANTITIES
from shared.factors.price_factors import carried_index
from shared.factors.quality import MIN_TESTS, statement_tests
from shared.model.calendar import year_slices
from shared.model.fields import CARRY_ROWS
from shared.model.market_data import FLOWS

STOCK_DAYS = "stock-days"

InputCoverage = dict[int, dict[str, int]]
"""Calendar year -> input -> stock-days on which it is known; `stock-days` counts all that have a close, `statements for
PER` those on which everything that PER needs of statements is known at once."""

_MISSING = {
    "cap": "no market_cap and no listed_shares",
    "company_cap": "no market_cap and no listed_shares of all shares of the company",
    "listed_shares": "no listed_shares",
    "dividends": "no dividends",
    "index": "no index of the stocks' markets",
    "trading_value": "no trading_value",
    "volume": "no volume",
    "annual earnings": "no 3 annual statements with net_income",
    "quality tests": "no statements that decide 5 of the nine tests",
}


def input_coverage(context: RowContext) -> InputCoverage:
    """Count, for each calendar year of these rows, the stock-days on which each input of a factor is known."""
    events, listed, index = context.inputs.events, context.listed, context.event_index
    days = context.inputs.days[context.rows]
    with np.errstate(all="ignore"):
        decided = statement_tests(events.columns)[1] + 1 >= MIN_TESTS
    known = np.vstack([*(~np.isnan(events.columns[name]) for name in QUANTITIES), decided])
    place = {name: row for row, name in enumerate((*QUANTITIES, "quality tests"))}
    of_statements = {_together(f): [place[need] for need in f.needs if need in place] for f in FACTORS}
    joint = {name: known[which_known].all(axis=0) for name, which_known in of_statements.items() if which_known}
    jointly = np.vstack(list(joint.values())).astype(np.int64)
    masks = _row_masks(context)
    coverage: InputCoverage = {}
    for year, span in year_slices(days).items():
        counts = {name: int(np.count_nonzero(mask[span] & listed[span])) for name, mask in masks.items()}
        weight = np.bincount(index[span].ravel(), minlength=known.shape[1])
        by_quantity = known.astype(np.int64) @ weight
        counts |= {name: int(n) for name, n in zip((*QUANTITIES, "quality tests"), by_quantity, strict=True)}
        counts |= {name: int(n) for name, n in zip(joint, jointly @ weight, strict=True)}
        counts[STOCK_DAYS] = int(np.count_nonzero(listed[span]))
        coverage[year] = counts
    return coverage


def merge_coverage(parts: Iterable[InputCoverage]) -> InputCoverage:
    """Return the sum of the counts of several parts of a market."""
    merged: dict[int, Counter[str]] = {}
    for part in parts:
        for year, counts in part.items():
            merged.setdefault(year, Counter()).update(counts)
    return {year: dict(counts) for year, counts in sorted(merged.items())}


def yearly_reasons(coverage: InputCoverage) -> dict[str, dict[int, str]]:
    """Return factor -> year -> the input that is known least, in words; years in which all are known are left out."""
    reasons: dict[str, dict[int, str]] = {}
    for factor in FACTORS:
        for year, counts in coverage.items():
            reason = _reason(factor, counts)
            if reason is not None:
                reasons.setdefault(factor.key, {})[year] = reason[1]
    return reasons


def absent_reasons(coverage: InputCoverage) -> dict[str, str]:
    """Return factor -> why it has no value in any year; factors whose inputs are all known on some day are left out."""
    together: Counter[str] = Counter()
    for counts in coverage.values():
        together.update(counts)
    reasons = {}
    for factor in FACTORS:
        reason = _reason(factor, together)
        if reason is not None and reason[0] == 0:
            reasons[factor.key] = reason[1]
    return reasons


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
        names = ", ".join(map(_loaded, (need for need in factor.needs if need in QUANTITIES)))
        share = f"known together on {_percent(together, total)}" if together else "never known together"
        return together, f"{names} are {share}"
    return known[least], f"{_loaded(least)} is known on {_percent(known[least], total)}"


def _loaded(need: str) -> str:
    """Return the name of the account that has to be loaded for a need."""
    return OWNERS_QUANTITIES[need][1] if need in OWNERS_QUANTITIES else need


def _percent(count: int, total: int) -> str:
    return f"{100 * count / total:.3g} % of stock-days"


def _together(factor: Factor) -> str:
    """Return the name of the count of stock-days on which all statement quantities of a factor are known at once."""
    return f"statements for {factor.key}"


def _missing(needs: Sequence[str]) -> str:
    """Return the inputs that are never known, in words; those of statements in one clause."""
    clauses = [_MISSING.get(need, f"no {need}") for need in needs if need not in QUANTITIES or need in _MISSING]
    accounts = [_loaded(need) for need in needs if need in QUANTITIES and need not in _MISSING]
    if accounts:
        year = " (for a whole trailing year)" if accounts[0].partition(" ")[0] in FLOWS else ""
        clauses.insert(0, f"no statements with {', '.join(accounts)}{year}")
    return "; ".join(clauses)


def _row_masks(context: RowContext) -> dict[str, Array]:
    inputs, rows, listed = context.inputs, context.rows, context.listed
    masks = {
        "cap": ~np.isnan(inputs.cap[rows]),
        "company_cap": ~np.isnan(inputs.company_cap[rows]),
        "listed_shares": ~np.isnan(inputs.shares[rows]),
        "dividends": ~np.isnan(context.dividends),
        "index": _index_known(inputs, rows),
        "trading_value": _known_while_trading(inputs.trading_value, context),
        "volume": _known_while_trading(inputs.volume, context),
    }
    for back in (1, 20, 60, 120, 240):
        before = np.zeros(listed.shape, bool)
        skipped = min(max(0, back - rows.start), len(listed))
        before[skipped:] = inputs.idle[rows.start + skipped - back : rows.stop - back] <= CARRY_ROWS
        masks[f"close {back} rows ago"] = before
    return masks


def _index_known(inputs: FactorInputs, rows: slice) -> Array:
    """bool [rows, N]: the index of the stock's market on the row has a (carried) value."""
    known = np.zeros((len(inputs.markets), rows.stop - rows.start), bool)
    for code, name in enumerate(inputs.markets):
        if name in inputs.index_close:
            known[code] = ~np.isnan(carried_index(inputs.index_close[name][: rows.stop])[rows])
    market = inputs.market[rows]
    index_known: Array = (
        known[market, np.arange(len(market))[:, None]] if len(inputs.markets) else np.zeros_like(market, bool)
    )
    return index_known


def _known_while_trading(values: Array, context: RowContext) -> Array:
    """bool [rows, N]: the value of the last tradable row is loaded (the 0 of rows without trading follows from it)."""
    rows, idle = context.rows, context.inputs.idle[context.rows]
    row = np.arange(rows.start, rows.stop)[:, None] - np.where(context.listed, idle, 0)
    loaded: Array = ~np.isnan(values[np.maximum(row, 0), np.arange(values.shape[1])])
    return loaded
