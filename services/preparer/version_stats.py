"""Statistics of a version: coverage with reasons, distributions, rankings and sizes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec
import numpy as np
import zstandard

from services.preparer.part_builder import PartSummary
from services.preparer.part_inputs import Array
from shared.contracts.rankings import RANKING_MEAN_ROWS, RANKINGS
from shared.factors.coverage import STOCK_DAYS, absent_reasons, merge_coverage, yearly_reasons
from shared.model.calendar import iso
from shared.model.fields import PART, reason_key
from shared.model.instruments import Instruments

QUANTILES = (0.0, 0.05, 0.25, 0.5, 0.75, 0.95, 1.0)
RANKED = 100

_NONE = np.empty(0, np.float32)
_SUMMARIES = msgspec.msgpack.Decoder(list[PartSummary])


def summaries_to_bytes(summaries: Sequence[PartSummary]) -> bytes:
    """Encode the summaries of all parts for the next incremental build."""
    return zstandard.ZstdCompressor(level=1).compress(msgspec.msgpack.encode(list(summaries)))


def summaries_from_bytes(data: bytes) -> list[PartSummary]:
    """Decode the result of `summaries_to_bytes`; the bytes come from PostgreSQL and are trusted."""
    return _SUMMARIES.decode(zstandard.ZstdDecompressor().decompress(data))


def reasons_of(summaries: Sequence[PartSummary]) -> dict[str, str]:
    """Return why a factor has no value in any year, or in one calendar year (`shared.model.fields.reason_key`)."""
    merged = _merged(summaries)
    found = absent_reasons(merged)
    for year, counts in merged.items():
        alone = absent_reasons({year: counts})
        found |= {reason_key(factor, year): reason for factor, reason in alone.items() if factor not in found}
    return found


def version_stats(
    *,
    days: Array,
    instruments: Instruments,
    keys: Sequence[str],
    summaries: Sequence[PartSummary],
    sizes: dict[str, Any],
) -> bytes:
    """Return the statistics of a version as JSON.

    `coverage` {factor: {year: {share, reason}}}, `distributions` {factor: {date, count, mean, quantiles}}, `rankings`
    {kind: {market or `all`: [[code, value], ...]}} with RANKED entries each, and `sizes`.
    """
    last_day = iso(int(days[-1])) if len(days) else None
    found = {
        "first_day": iso(int(days[0])) if len(days) else None,
        "last_day": last_day,
        "stocks": len(instruments),
        "coverage": _coverage(keys, summaries),
        "distributions": {key: {"date": last_day} | _distribution(_last(key, summaries)) for key in keys},
        "rankings": {kind: _ranking(instruments, _column(kind, summaries, len(instruments))) for kind in RANKINGS},
        "ranking_rows": RANKING_MEAN_ROWS,
        "sizes": sizes,
    }
    return msgspec.json.encode(found)


def _merged(summaries: Sequence[PartSummary]) -> dict[int, dict[str, int]]:
    return merge_coverage({year: c.inputs for year, c in s.years.items()} for s in summaries)


def _coverage(keys: Sequence[str], summaries: Sequence[PartSummary]) -> dict[str, dict[str, dict[str, Any]]]:
    inputs = _merged(summaries)
    reasons = yearly_reasons(inputs)
    found: dict[str, dict[str, dict[str, Any]]] = {key: {} for key in keys}
    for year, counts in inputs.items():
        total = counts.get(STOCK_DAYS, 0)
        for key in keys:
            known = sum(s.years[year].values.get(key, 0) for s in summaries if year in s.years)
            share = round(known / total, 6) if total else 0.0
            reason = reasons.get(key, {}).get(year) if share < 1 else None
            found[key][str(year)] = {"share": share} | ({"reason": reason} if reason else {})
    return found


def _last(key: str, summaries: Sequence[PartSummary]) -> Array:
    return np.concatenate([_NONE, *(np.frombuffer(s.last.get(key, b""), np.float32) for s in summaries)])


def _distribution(values: Array) -> dict[str, Any]:
    known = values[~np.isnan(values)].astype(np.float64)
    if not len(known):
        return {"count": 0, "mean": None, "quantiles": {}}
    points = np.quantile(known, QUANTILES).tolist()
    return {
        "count": len(known),
        "mean": float(known.mean()),
        "quantiles": {f"{q:g}": point for q, point in zip(QUANTILES, points, strict=True)},
    }


def _column(kind: str, summaries: Sequence[PartSummary], instruments: int) -> Array:
    """Return float64 [N]; NaN for instruments that are newer than the summary of their part."""
    found = np.full(instruments, np.nan)
    for part, summary in enumerate(summaries):
        values = np.frombuffer(getattr(summary, kind), np.float64)
        found[part * PART : part * PART + len(values)] = values
    return found


def _ranking(instruments: Instruments, values: Array) -> Mapping[str, list[tuple[str, float]]]:
    """Return the RANKED largest values in descending order, ties by stock code."""
    order = np.lexsort((instruments.code_rank, -values))
    order = order[: int(np.count_nonzero(~np.isnan(values)))]
    found = {"all": [(instruments.code[i], float(values[i])) for i in order[:RANKED].tolist()]}
    for market in sorted(set(instruments.market)):
        inside = [i for i in order.tolist() if instruments.market[i] == market][:RANKED]
        found[market] = [(instruments.code[i], float(values[i])) for i in inside]
    return found
