"""Which instruments belong to one company, so that their market caps add up to the company's."""

from __future__ import annotations

import numpy as np

from shared.model.instruments import Instruments
from shared.model.kinds import KRX_CODE_LENGTH, KRX_MARKETS


def issuer_names(instruments: Instruments) -> tuple[str, ...]:
    """Return a name of the issuer of each instrument; instruments of one company have the same name.

    It is the loaded issuer, else the first five characters of a six-character code of KOSPI, KOSDAQ or KONEX (a
    company's preferred shares have the code of its common share but for the last character), else the code itself.
    """
    return tuple(
        _issuer(code, market, issuer)
        for code, market, issuer in zip(instruments.code, instruments.market, instruments.issuer, strict=True)
    )


def issuer_groups(instruments: Instruments) -> np.ndarray:
    """Return int32 [N]: a number of the issuer of each instrument, counted from 0 in order of first appearance."""
    numbers: dict[str, int] = {}
    return np.array([numbers.setdefault(name, len(numbers)) for name in issuer_names(instruments)], np.int32)


def _issuer(code: str, market: str, issuer: str | None) -> str:
    if issuer is not None:
        return "issuer:" + issuer
    if market in KRX_MARKETS and len(code) == KRX_CODE_LENGTH:
        return "company:" + code[:-1]
    return "instrument:" + code
