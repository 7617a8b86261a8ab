"""Build one part: from prices, statements and dividends of 512 instruments to encoded chunk parts.

1. Stored fields are derived from the first loaded row on; rows of unchanged years come from the parts of the previous
   version, so recursive factors have the same values as in a full build.
2. Factors are computed for the changed years, one block after the other, which bounds the memory.
3. Each year is encoded and counted for the coverage.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import msgspec
import numpy as np

from services.preparer.part_inputs import Array, PartInputs, factor_inputs, ticks_of
from shared.contracts.rankings import RANKING_MEAN_ROWS
from shared.dataset.derive import derive_rows, view_inputs, view_rows
from shared.dataset.encode import encode_year
from shared.factors.company_cap import company_caps
from shared.factors.compute import RowContext, factors_on
from shared.factors.coverage import input_coverage
from shared.model.calendar import year_slices
from shared.model.fields import CARRY_ROWS, STORED

BLOCK_ROWS = 400
"""Maximum rows whose factors are in memory at once (or one year)."""


class YearCounts(msgspec.Struct, frozen=True):
    """Coverage of one part and year: stock-days with known inputs, and stock-days with a value of each factor."""

    inputs: dict[str, int]
    values: dict[str, int]


class PartSummary(msgspec.Struct, frozen=True):
    """The share of one part in the market's coverage, distributions and rankings.

    `last` holds the last row's factors, float32; the other bytes are float64: market cap of the last row, and means
    over the last RANKING_MEAN_ROWS rows of volume (shares, on the basis of the last row) and trading value (won).
    """

    years: dict[int, YearCounts]
    last: dict[str, bytes]
    market_cap: bytes
    trading_volume: bytes
    trading_value: bytes


@dataclass(frozen=True, kw_only=True)
class BuiltPart:
    """Content names by field and year, the bytes by stored name and year, and the summary."""

    names: dict[str, dict[int, str]]
    blobs: dict[str, bytes]
    year_of: dict[str, int]
    summary: PartSummary
    raw_bytes: int


def build_part(
    source: PartInputs, keys: Sequence[str], first_year: int, before: Mapping[int, YearCounts] | None = None
) -> BuiltPart:
    """Build the calendar years from `first_year` on; `before` are the counts of earlier years."""
    stored = derive_rows(
        source.days,
        source.instruments.delisted_day,
        source.prices,
        ticks_of(source.instruments, source.listings),
        first_loaded_row=source.first_loaded_row,
    )
    stored["company_cap"] = _company_caps(source, stored)
    inputs = factor_inputs(
        days=source.days,
        instruments=source.instruments,
        listings=source.listings,
        stored=stored,
        statements=source.statements,
        dividends=source.dividends,
        indices=source.indices,
    )
    names: dict[str, dict[int, str]] = {field: {} for field in (*STORED, *keys)}
    blobs: dict[str, bytes] = {}
    year_of: dict[str, int] = {}
    counts = {year: c for year, c in (before or {}).items() if year < first_year}
    last: dict[str, bytes] = {}
    raw_bytes = 0
    for years in _blocks({y: rows for y, rows in year_slices(source.days).items() if y >= first_year}):
        block = slice(min(r.start for r in years.values()), max(r.stop for r in years.values()))
        context = RowContext(inputs, block)
        factors = factors_on(context, keys)
        counts |= _counts(context, factors, years)
        for year, rows in years.items():
            inside = slice(rows.start - block.start, rows.stop - block.start)
            fields = {f: stored[f][rows] for f in STORED} | {key: factors[key][inside] for key in keys}
            for field, part in encode_year(fields).items():
                names[field][year] = part.name
                blobs[part.stored] = part.blob
                year_of[part.stored] = year
            raw_bytes += sum(values.nbytes for values in fields.values())
        last = {key: factors[key][-1].tobytes() for key in keys}
    summary = PartSummary(years=counts, last=last, **_ranked(source, stored))
    return BuiltPart(names=names, blobs=blobs, year_of=year_of, summary=summary, raw_bytes=raw_bytes)


def _company_caps(source: PartInputs, stored: Mapping[str, Array]) -> Array:
    """Return the company caps of the part's instruments, [D, n]."""
    cap, idle, delisted = stored["cap"], stored["idle"], source.instruments.delisted_day
    related = source.related
    if related is not None:
        ticks = ticks_of(related.instruments, related.listings)
        derived = derive_rows(source.days, related.instruments.delisted_day, related.prices, ticks)
        cap, idle = np.hstack((cap, derived["cap"])), np.hstack((idle, derived["idle"]))
        delisted = np.concatenate((delisted, related.instruments.delisted_day))
    caps = company_caps(source.issuer_groups, source.days, delisted, cap, idle)
    return np.ascontiguousarray(caps[:, : len(source.instruments)])


def _blocks(years: dict[int, slice]) -> list[dict[int, slice]]:
    """Consecutive years, at most BLOCK_ROWS rows together (or one year)."""
    blocks: list[dict[int, slice]] = []
    for year, rows in years.items():
        if blocks and rows.stop - min(r.start for r in blocks[-1].values()) <= BLOCK_ROWS:
            blocks[-1][year] = rows
        else:
            blocks.append({year: rows})
    return blocks


def _counts(context: RowContext, factors: Mapping[str, Array], years: Mapping[int, slice]) -> dict[int, YearCounts]:
    known, block = input_coverage(context), context.rows
    found = {}
    for year, rows in years.items():
        inside = slice(rows.start - block.start, rows.stop - block.start)
        values = {key: int(np.count_nonzero(v[inside] == v[inside])) for key, v in factors.items()}
        found[year] = YearCounts(inputs=known.get(year, {}), values=values)
    return found


def _ranked(source: PartInputs, stored: Mapping[str, Array]) -> dict[str, bytes]:
    tail = slice(max(len(source.days) - RANKING_MEAN_ROWS, 0), len(source.days))
    delisted = source.instruments.delisted_day
    present = (stored["idle"][-1] <= CARRY_ROWS) & (source.days[-1] < delisted)

    def mean(view: str) -> Array:
        out = np.empty((tail.stop - tail.start, len(delisted)))
        view_rows(view, source.days[tail], delisted, {f: stored[f][tail] for f in view_inputs(view)}, out)
        known = ~np.isnan(out)
        with np.errstate(invalid="ignore"):
            found = np.where(known, out, 0).sum(axis=0) / known.sum(axis=0)
        return np.where(present, found, np.nan)

    return {
        "market_cap": stored["cap"][-1].tobytes(),
        "trading_volume": (mean("adj_volume") * stored["adjust"][-1]).tobytes(),
        "trading_value": mean("view_trading_value").tobytes(),
    }
