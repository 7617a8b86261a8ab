"""Build the panels of a raw market in memory, without servers (for tests and benchmarks)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from services.preparer.part_inputs import Array, factor_inputs, ticks_of
from shared.dataset.derive import derive_rows
from shared.dataset.memory_panels import MemoryPanels
from shared.factors.catalogue import FACTORS
from shared.factors.company_cap import company_caps, issuer_groups
from shared.factors.compute import FactorInputs, RowContext, compute_factors
from shared.factors.coverage import absent_reasons, input_coverage
from shared.model.market_data import RawMarket


def stored_fields(raw: RawMarket) -> dict[str, Array]:
    """Return every field of STORED of a raw market, [D, N] each."""
    delisted_day = raw.instruments.delisted_day
    stored = derive_rows(raw.days, delisted_day, raw.prices, ticks_of(raw.instruments, raw.listings))
    groups = issuer_groups(raw.instruments)
    return stored | {"company_cap": company_caps(groups, raw.days, delisted_day, stored["cap"], stored["idle"])}


def inputs_of(raw: RawMarket, stored: Mapping[str, Array]) -> FactorInputs:
    """Return the factor inputs of a whole market; `stored` are its `stored_fields`."""
    return factor_inputs(
        days=raw.days,
        instruments=raw.instruments,
        listings=raw.listings,
        stored=stored,
        statements=raw.statements,
        dividends=raw.dividends,
        indices=raw.indices,
    )


def coverage_reasons(inputs: FactorInputs) -> dict[str, str]:
    """Return factor -> why it has no value on any row; factors with values are left out."""
    return absent_reasons(input_coverage(RowContext(inputs, slice(0, len(inputs.days)))))


def build_panels(raw: RawMarket, keys: Sequence[str] | None = None) -> MemoryPanels:
    """Derive everything and compute the factors `keys` (all of the catalogue when None)."""
    wanted = tuple(f.key for f in FACTORS) if keys is None else tuple(keys)
    fields = stored_fields(raw)
    inputs = inputs_of(raw, fields)
    factors = compute_factors(inputs, wanted, slice(0, len(raw.days)))
    return MemoryPanels(
        days=raw.days,
        instruments=raw.instruments,
        fields=fields | factors,
        indices=raw.indices,
        dividends=raw.dividends,
        factors=frozenset(wanted),
        reasons=coverage_reasons(inputs),
        listings=raw.listings,
    )
