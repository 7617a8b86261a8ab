"""Answers of OpenDART: statuses, zip files, XML errors in their place, and the codes of corporations."""

from __future__ import annotations

import io
import zipfile

import orjson
import pytest

from shared.market_files.answers import (
    AnswerError,
    BlockedError,
    DamagedAnswerError,
    NotApprovedError,
    QuotaExceededError,
)
from shared.market_files.dart_answers import corporations, dart_rows, page_count, zip_members
from tests.support.report_answers import corporations_zip, xml_error, zipped


def answer(status: str, **fields: object) -> bytes:
    return orjson.dumps({"status": status, "message": "message", **fields})


def test_rows_of_success_and_of_no_data() -> None:
    assert dart_rows(answer("000", list=[{"a": "1"}])) == [{"a": "1"}]
    assert dart_rows(answer("013")) == []
    assert (page_count(answer("000", total_page=3, list=[])), page_count(answer("013"))) == (3, 1)


@pytest.mark.parametrize(
    ("data", "kind", "words"),
    [
        (answer("020"), QuotaExceededError, "020"),
        (answer("010"), NotApprovedError, "not registered"),
        (answer("901"), NotApprovedError, "expired"),
        (answer("800"), DamagedAnswerError, "800"),
        (answer("100"), AnswerError, "100 message"),
        (answer("000", list=[1]), DamagedAnswerError, "list of rows"),
        (b"[]", DamagedAnswerError, "no status"),
        (b'{"status":"0', DamagedAnswerError, "complete JSON"),
        (b"<html><body>x</body></html>", BlockedError, "web page"),
        (xml_error("020", "limit"), QuotaExceededError, "limit"),
    ],
)
def test_bad_json_answer_has_its_kind(data: bytes, kind: type[Exception], words: str) -> None:
    with pytest.raises(kind, match=words):
        dart_rows(data)


def test_zip_answer_without_data_is_empty() -> None:
    assert zip_members(xml_error("014", "no file")) == {}
    assert zip_members(answer("013")) == {}
    assert zip_members(zipped("error.xml", xml_error("013", "no data"))) == {}


@pytest.mark.parametrize(
    ("data", "kind"),
    [
        (xml_error("020", "limit"), QuotaExceededError),
        (zipped("error.xml", xml_error("011", "disabled")), NotApprovedError),
        (corporations_zip({"00126380": "900110"})[:-30], DamagedAnswerError),
        (b"<!DOCTYPE html><html></html>", BlockedError),
        (b"<other/>", DamagedAnswerError),
    ],
)
def test_bad_zip_answer_has_its_kind(data: bytes, kind: type[Exception]) -> None:
    with pytest.raises(kind):
        zip_members(data)


def test_corporations_are_the_listed_ones() -> None:
    found = corporations(corporations_zip({"00126380": "900110", "00126381": "900210"}))
    assert found.rows() == [("00126380", "900110"), ("00126381", "900210")]


def test_xml_with_entities_is_refused() -> None:
    bomb = b'<?xml version="1.0"?><!DOCTYPE r [<!ENTITY a "aaaa">]><r>&a;</r>'
    with pytest.raises(DamagedAnswerError, match="entities"):
        corporations(zipped("CORPCODE.xml", bomb))


@pytest.mark.parametrize("document", [
    b"<r>" + b"<a/>" * 4_000_000 + b"</r>",
    '<?xml version="1.0"?><!DOCTYPE r [<!ENTITY a "aaaa">]><r>&a;</r>'.encode("utf-16"),
])  # fmt: skip
def test_xml_that_would_fill_memory_is_refused(document: bytes) -> None:
    with pytest.raises(DamagedAnswerError, match=r"tags, more than|declares entities"):
        corporations(zipped("CORPCODE.xml", document))


def test_archive_larger_than_any_filing_is_refused() -> None:
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as archive:
        for number in range(1_001):
            archive.writestr(f"{number}.xml", b"")
    with pytest.raises(AnswerError, match="1,001 files of 0 bytes"):
        zip_members(target.getvalue())
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w", zipfile.ZIP_LZMA) as archive:
        archive.writestr("a.xml", b"0" * 1_000_000)
    with pytest.raises(AnswerError, match="another method than deflate"):
        zip_members(target.getvalue())
