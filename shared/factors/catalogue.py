"""The catalogue: every factor in the order in which it is listed.

A new factor is declared in the module of its category (value, quality, growth, momentum, stability, technical,
further); `python -m shared.factors.docs` writes its row of the factor reference.
"""

from __future__ import annotations

from typing import Final

from shared.factors.declaration import WHOLE_HISTORY, Factor
from shared.factors.further import FURTHER
from shared.factors.growth import GROWTH
from shared.factors.momentum import MOMENTUM
from shared.factors.quality import QUALITY
from shared.factors.stability import STABILITY
from shared.factors.technical import TECHNICAL
from shared.factors.value import VALUE

__all__ = ["BY_KEY", "FACTORS", "WHOLE_HISTORY", "Factor"]

FACTORS: Final[tuple[Factor, ...]] = (
    *VALUE, *QUALITY, *GROWTH, *MOMENTUM, *STABILITY, *TECHNICAL, *FURTHER,
)  # fmt: skip
"""Every factor, in the order of the catalogue."""

BY_KEY: Final[dict[str, Factor]] = {factor.key: factor for factor in FACTORS}
