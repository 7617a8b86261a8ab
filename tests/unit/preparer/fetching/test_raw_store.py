"""The store of raw answers: atomic, compressed, one process at a time."""

from __future__ import annotations

import datetime as dt
import pathlib

import pytest

from services.preparer.fetching.raw_store import AnswerName, RawStore
from shared.errors import SetupError

NAME = AnswerName(source="krx", api="stk_bydd_trd", name="2026/20260105.json")
NOW = dt.datetime(2026, 1, 6, tzinfo=dt.UTC)


def test_answer_is_read_back_with_its_time(tmp_path: pathlib.Path) -> None:
    store = RawStore(tmp_path)
    assert store.read(NAME) is None
    store.write(NAME, b"answer", NOW)
    assert (store.read(NAME), store.fetched_at(NAME)) == (b"answer", NOW)
    assert store.names("krx", "stk_bydd_trd") == {NAME.name}


def test_replaced_answer_is_retained_beside_the_new_one(tmp_path: pathlib.Path) -> None:
    store = RawStore(tmp_path)
    store.write(NAME, b"first", NOW)
    store.write(NAME, b"second", NOW + dt.timedelta(days=1))
    assert store.read(NAME) == b"second"
    assert store.versions(NAME) == [b"first", b"second"]
    assert store.names("krx", "stk_bydd_trd") == {NAME.name}


def test_damaged_file_counts_as_absent(tmp_path: pathlib.Path) -> None:
    store = RawStore(tmp_path)
    store.write(NAME, b"answer" * 100, NOW)
    path = store.root / NAME.path
    path.write_bytes(path.read_bytes()[:-5])
    assert store.read(NAME) is None
    assert not store.has(NAME)


def test_second_process_is_refused(tmp_path: pathlib.Path) -> None:
    with RawStore(tmp_path).locked(), pytest.raises(SetupError, match="is running"), RawStore(tmp_path).locked():
        pass
