"""Answers of OpenDART: JSON with a status, and zip files that are XML with a status when there is an error."""

from __future__ import annotations

import io
import re
import zipfile
import zlib
from typing import Any
from xml.etree import ElementTree

import orjson
import polars as pl

from shared.market_files.answers import (
    AnswerError,
    DamagedAnswerError,
    NotApprovedError,
    QuotaExceededError,
    refuse_page,
)

NO_DATA = ("013", "014")
"""No data for the query, no such file: an answer, not an error."""

_KEY = {
    "010": "the key is not registered", "011": "the key is disabled", "012": "the key is not valid from this address",
    "901": "the account of the key has expired",
}  # fmt: skip
_LATER = ("800", "900")
MAX_MEMBER_BYTES = 128 * 1024 * 1024
MAX_MEMBERS = 1_000
MAX_TAGS = 4_000_000
"""Tags of an XML document; the list of all corporations has 1,400,000."""
_STATUS_BYTES = 4096

CORPORATIONS_SCHEMA = {"corp_code": pl.String, "stock_code": pl.String}


def raise_status(status: str, message: str) -> None:
    """Raise the AnswerError of a status other than success and no data."""
    if status == "000" or status in NO_DATA:
        return
    text = f"OpenDART answers {status} {message}".strip()
    if status == "020":
        raise QuotaExceededError(
            f"{text}: the calls of today are used, or of this minute; run the command again tomorrow"
        )
    if status in _KEY:
        raise NotApprovedError(f"{text} ({_KEY[status]}): check the key at opendart.fss.or.kr")
    if status in _LATER:
        raise DamagedAnswerError(text)
    raise AnswerError(text)


def dart_document(data: bytes) -> dict[str, Any]:
    """Return a JSON answer with status 000 or no data; AnswerError (or one of its kinds) for every other."""
    refuse_page(data)
    if data.lstrip()[:1] == b"<":
        _raise_xml(data)
    try:
        document = orjson.loads(data)
    except orjson.JSONDecodeError as error:
        raise DamagedAnswerError(f"the answer is not complete JSON ({len(data)} bytes)") from error
    if not isinstance(document, dict) or "status" not in document:
        raise DamagedAnswerError("the answer has no status")
    raise_status(str(document["status"]), str(document.get("message") or ""))
    return document


def dart_rows(data: bytes) -> list[dict[str, Any]]:
    """Return the rows `list` of a JSON answer, empty when there is no data."""
    rows = dart_document(data).get("list") or []
    if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
        raise DamagedAnswerError("the answer has no list of rows")
    return rows


def page_count(data: bytes) -> int:
    """Return how many pages a list has."""
    return int(dart_document(data).get("total_page") or 1)


def zip_members(data: bytes) -> dict[str, bytes]:
    """Return the files of a zip answer, empty when there is no data; DamagedAnswerError when it is cut off."""
    refuse_page(data)
    if not data.startswith(b"PK"):
        if data.lstrip()[:1] == b"<":
            _raise_xml(data)
            return {}
        dart_document(data)
        return {}
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            if any(m.compress_type not in {zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED} for m in archive.infolist()):
                raise AnswerError("the zip file is packed by another method than deflate")
            count, size = len(archive.infolist()), sum(member.file_size for member in archive.infolist())
            if count > MAX_MEMBERS or size > MAX_MEMBER_BYTES:
                raise AnswerError(
                    f"the zip file has {count:,} files of {size:,} bytes, more than any filing ({MAX_MEMBERS:,} files, "
                    f"{MAX_MEMBER_BYTES:,} bytes)"
                )
            members = {member.filename: archive.read(member) for member in archive.infolist()}
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError, ValueError, OSError) as error:
        raise DamagedAnswerError(f"the zip file is damaged or cut off ({len(data)} bytes)") from error
    for content in members.values():
        if b"<status>" in content[:500]:
            _raise_xml(content)
            return {}
    return members


def corporations(data: bytes) -> pl.DataFrame:
    """Return corporation and stock codes (CORPORATIONS_SCHEMA) of the listed corporations of `corpCode.xml`."""
    rows = []
    for content in zip_members(data).values():
        for item in xml_root(content).iter("list"):
            stock = (item.findtext("stock_code") or "").strip()
            if stock:
                rows.append(((item.findtext("corp_code") or "").strip(), stock))
    return pl.DataFrame(rows, schema=CORPORATIONS_SCHEMA, orient="row")


def xml_root(content: bytes) -> ElementTree.Element:
    """Parse XML; DamagedAnswerError when it is not well-formed, or declares entities, which no filing needs."""
    if b"<!DOCTYPE" in content[:4096] or b"<!ENTITY" in content or b"\0" in content:  # UTF-16 hides declarations
        raise DamagedAnswerError("the XML document declares entities, which are not read")
    if (count := content.count(b"<")) > MAX_TAGS:
        raise DamagedAnswerError(f"the XML document has {count:,} tags, more than {MAX_TAGS:,}")
    try:
        return ElementTree.fromstring(content)  # noqa: S314 - no entities, checked above
    except ElementTree.ParseError as error:
        raise DamagedAnswerError(f"the XML document is not well-formed ({error})") from error


def _raise_xml(data: bytes) -> None:
    status = re.search(rb"<status>\s*(\d+)\s*</status>", data[:_STATUS_BYTES])
    message = re.search(rb"<message>(.*?)</message>", data[:_STATUS_BYTES], re.DOTALL)
    if status is None:
        raise DamagedAnswerError("the answer is XML without a status")
    raise_status(status[1].decode(), message[1].decode("utf-8", "replace").strip() if message else "")
