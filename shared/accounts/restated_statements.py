"""Statements that loads changed: which numbers of which period, before and after."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

import orjson

from shared.model.market_data import ACCOUNTS

MAX_STATEMENTS: Final = 1000
"""Changed statements that a report is made from."""


def statement_changes(images: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Return the changes between images of statements.

    images: rows {code, fiscal_year, fiscal_quarter, disclosed_on, before, after}, the last two JSON objects of the row
    or None where it did not exist. {stock_code, fiscal_year, fiscal_quarter, disclosed_on, late, numbers: [{field,
    before, after}]}; `late`: the statement was loaded after the decision that it was disclosed before.
    """
    found = []
    for image in images:
        before = None if image["before"] is None else orjson.loads(image["before"])
        after = None if image["after"] is None else orjson.loads(image["after"])
        numbers = [
            {"field": name, "before": (before or {}).get(name), "after": (after or {}).get(name)}
            for name in ACCOUNTS
            if (before or {}).get(name) != (after or {}).get(name)
        ]
        if numbers or (before is None) != (after is None):
            found.append(
                {
                    "stock_code": image["code"], "fiscal_year": image["fiscal_year"],
                    "fiscal_quarter": image["fiscal_quarter"], "disclosed_on": image["disclosed_on"].isoformat(),
                    "late": before is None, "numbers": numbers,
                }
            )  # fmt: skip
    return found


def late_codes(changes: Sequence[Mapping[str, Any]]) -> tuple[str, ...]:
    """Return the stocks whose changed statements all came late, in order."""
    codes = {change["stock_code"] for change in changes if change["late"]}
    restated = {change["stock_code"] for change in changes if not change["late"]}
    return tuple(sorted(codes - restated))
