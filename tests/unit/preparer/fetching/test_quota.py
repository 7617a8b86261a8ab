"""Calls are counted per source and day in Seoul, on disk."""

from __future__ import annotations

import datetime as dt
import pathlib

import pytest

from services.preparer.fetching.quota import Quota
from shared.market_files.answers import QuotaExceededError

EVENING = dt.datetime(2026, 1, 5, 14, 59, tzinfo=dt.UTC)  # 23:59 in Seoul


def test_quota_counts_days_of_seoul_on_disk(tmp_path: pathlib.Path) -> None:
    path, now = tmp_path / "quota.json", EVENING
    quota = Quota(path, lambda: now)
    quota.count("krx", 2)
    Quota(path, lambda: now).count("krx", 2)
    again = Quota(path, lambda: now)
    with pytest.raises(QuotaExceededError, match="2026-01-05 in Seoul"):
        again.count("krx", 2)
    again.count("dart", 2)
    now = EVENING + dt.timedelta(minutes=2)
    again.count("krx", 2)
    assert again.used("krx") == 1


def test_exhausted_source_is_refused_until_the_next_day(tmp_path: pathlib.Path) -> None:
    quota = Quota(tmp_path / "quota.json", lambda: EVENING)
    quota.exhaust("krx", 100)
    with pytest.raises(QuotaExceededError):
        Quota(tmp_path / "quota.json", lambda: EVENING).count("krx", 100)
