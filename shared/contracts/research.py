"""Sizes that the services and the research domain agree on."""

from __future__ import annotations

from typing import Final

LEDGER_SAMPLE: Final = 1_000
"""Trials of a research line whose weekly returns are kept: those with the smallest digests, a random choice."""

BEST_VARIANTS: Final = 10
"""Variants of the answer of a sweep, and of a part that are stored with their scores beside its data."""

READ_PARTS: Final = 32
"""Parts of a sweep that are read from PostgreSQL at once."""
