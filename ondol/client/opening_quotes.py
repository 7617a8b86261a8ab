"""Opening quotes: what an operator posts at the open, and what is stored."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from ondol.client.frames import frame
from ondol.client.request import Day, day_text
from shared.infra.api_client.errors import InvalidRequest, Mistake

if TYPE_CHECKING:
    import polars as pl

    from shared.infra.api_client.client import ApiClient

PATH = "/v1/quotes/open"


async def post_quotes(
    api: ApiClient, quotes: Mapping[str, float | None], day: Day | None, *, replace: bool
) -> dict[str, Any]:
    """Post the opening prices of a day and return the answer; raise InvalidRequest for one that is no number."""
    mistakes = tuple(
        Mistake(path=f"quotes[{at}].open", message=f"the price of {code} is {price}; None for one without trading")
        for at, (code, price) in enumerate(quotes.items())
        if price is not None and not math.isfinite(price)
    )
    if mistakes:
        raise InvalidRequest.of(mistakes)
    body: dict[str, Any] = {"quotes": [{"stock_code": code, "open": price} for code, price in quotes.items()]}
    if day is not None:
        body["date"] = day_text(day)
    found: dict[str, Any] = await api.call("POST", PATH, query={"replace": "true" if replace else None}, body=body)
    return found


async def quotes_frame(api: ApiClient, day: Day | None) -> pl.DataFrame:
    """Return the opening prices that were posted for a day, of the last one without it."""
    document = await api.call("GET", PATH, query={"date": None if day is None else day_text(day)})
    return frame([{"date": document["date"], **item} for item in document["items"]], "opening_quotes")
