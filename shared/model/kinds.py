"""Kinds of instruments (common share, preferred share, SPAC, REIT, foreign issuer) and the rule that derives them."""

from __future__ import annotations

KINDS = ("common", "preferred", "spac", "reit", "foreign")
"""Every kind, in the order of its code in `RowAttributes.kind`."""

KRX_MARKETS = ("KOSPI", "KOSDAQ", "KONEX")
"""The markets of the Korea Exchange; their positions are their codes wherever markets are numbers."""

KRX_CODE_LENGTH = 6

_SPAC = ("스팩", "기업인수목적")
_REIT = ("위탁관리부동산", "부동산투자회사")


def derive_kind(code: str, name: str, market: str) -> str:
    """Return the kind of an instrument whose company file states none, from its code, name and market.

    The rule knows six-character codes of the markets of the Korea Exchange; any other instrument is `common`.
    """
    if market not in KRX_MARKETS or len(code) != KRX_CODE_LENGTH:
        return "common"
    if any(word in name for word in _SPAC):
        return "spac"
    if name.endswith("리츠") or any(word in name for word in _REIT):
        return "reit"
    if code[-1] != "0":
        return "preferred"
    return "foreign" if code[0] == "9" else "common"
