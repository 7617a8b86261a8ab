"""Sizes beyond which a file is refused, so that a hostile or damaged one cannot fill memory or disk."""

from __future__ import annotations

import pathlib
import struct
import zipfile
import zlib

from shared.market_files.cells import FileRefusedError, reason_of
from shared.market_files.formats import READ_ERRORS

MAX_TEXT_BYTES = 2**30
MAX_EXCEL_BYTES = 2**30
MAX_ARCHIVE_BYTES = 8 * 2**30
MAX_MEMBERS = 100_000
_STEP = 2**20


def check_archive(path: pathlib.Path, limit: int) -> None:
    """Raise FileRefusedError when a zip file is damaged or unpacks to more than `limit` bytes.

    The sizes that its directory states do not count: the members are unpacked.
    """
    try:
        _check_members(path, limit)
    except READ_ERRORS as error:
        raise FileRefusedError(f"is a damaged zip file ({reason_of(error)})") from error


def _check_members(path: pathlib.Path, limit: int) -> None:
    with zipfile.ZipFile(path) as archive:
        members = archive.infolist()
    if len(members) > MAX_MEMBERS:
        raise FileRefusedError(f"has {len(members):,} files inside, more than {MAX_MEMBERS:,}")
    if other := next((m for m in members if m.compress_type not in {zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED}), None):
        method = zipfile.compressor_names.get(other.compress_type, other.compress_type)  # type: ignore[attr-defined]
        raise FileRefusedError(f"has {other.filename} packed by {method}: pack it again by deflate, the usual method")
    stated = sum(member.file_size for member in members)
    if stated > limit:
        raise FileRefusedError(f"unpacks to {stated:,} bytes, more than {limit:,}")
    total = 0
    with path.open("rb") as stream:
        for member in members:
            stream.seek(member.header_offset)
            fixed = stream.read(30)
            if len(fixed) < 30:
                raise FileRefusedError("is a damaged zip file")
            stream.seek(sum(struct.unpack("<HH", fixed[26:30])), 1)
            if member.compress_type == zipfile.ZIP_STORED:
                total += member.compress_size
                continue
            inflate, left, data = zlib.decompressobj(-15), member.compress_size, b""
            while (left or data) and not inflate.eof:
                if not data:
                    data = stream.read(min(left, _STEP))
                    left -= len(data)
                    if not data:
                        break
                total += len(inflate.decompress(data, _STEP))
                data = inflate.unconsumed_tail
                if total > limit:
                    raise FileRefusedError(f"unpacks to more than {limit:,} bytes")
