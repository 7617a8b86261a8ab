"""Names of the exchange's indices."""

from __future__ import annotations

INDEX_NAMES = {"코스피": "KOSPI", "코스닥": "KOSDAQ", "코스피 200": "KOSPI200", "코스닥 150": "KOSDAQ150"}
"""Names of the exchange -> names of Ondol."""
