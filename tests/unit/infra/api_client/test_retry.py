"""Pauses between attempts."""

from __future__ import annotations

import datetime as dt

import pytest

from shared.infra.api_client.retry import retry_after

NOW = dt.datetime(2026, 1, 5, 9, 0, 0, tzinfo=dt.UTC)


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        (None, None), ("", None), ("soon", None), ("3", 3.0), ("0.5", 0.5), ("-1", 0.0),
        ("Mon, 05 Jan 2026 09:00:30 GMT", 30.0), ("Mon, 05 Jan 2026 08:00:00 GMT", 0.0),
    ],
)  # fmt: skip
def test_retry_after_is_seconds_or_a_date(text: str | None, seconds: float | None) -> None:
    assert retry_after(text, NOW) == seconds
