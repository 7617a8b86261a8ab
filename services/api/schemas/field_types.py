"""Types of fields that several answers share, and the units of dates."""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta

from shared.model.request import about

Share = Annotated[float, Meta(ge=0, le=1)]
Count = Annotated[int, Meta(ge=0)]
Instant = Annotated[str, Meta(extra_json_schema={"format": "date-time"})]
DateText = Annotated[str, Meta(extra_json_schema={"format": "date"})]
NEXT_CURSOR = about("Cursor of the next page; null: this is the last one.")
UTC = "instant, RFC 3339 in UTC"
DATE = "date, YYYY-MM-DD"
