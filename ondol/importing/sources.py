"""The files of an import: paths, data files below directories, and the files inside zip archives."""

from __future__ import annotations

import pathlib
import shutil
import zipfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from ondol.importing.limits import MAX_ARCHIVE_BYTES, check_archive
from shared.market_files.cells import FileRefusedError, reason_of
from shared.market_files.formats import READ_ERRORS, format_of
from shared.market_files.headers import SUFFIXES


@dataclass(frozen=True, kw_only=True)
class Source:
    """A file to read: where its bytes are, the name that may state its day or code, and what reports call it."""

    path: pathlib.Path
    name: str
    label: str


def find_paths(paths: Sequence[pathlib.Path]) -> list[pathlib.Path]:
    """Return the files among `paths` and the data files below the directories among them, in order of their names."""
    found: dict[pathlib.Path, None] = {}
    for path in paths:
        below = [path]
        if path.is_dir():
            below = sorted(p for p in path.rglob("*") if _is_data(p))
        found |= dict.fromkeys(below)
    return list(found)


def _is_data(path: pathlib.Path) -> bool:
    """Whether a name is that of a data file; `~$…` and `._…` are made by Excel and macOS beside the files.

    Pipes and links without a target are among them: reading refuses them, so that none is passed over.
    """
    return path.name.lower().endswith(SUFFIXES) and not path.name.startswith((".", "~$")) and not path.is_dir()


def sources_in(path: pathlib.Path, scratch: pathlib.Path) -> Iterator[Source]:
    """Yield the file itself, or each data file of a zip archive, which is on disk until the next one is wanted.

    Raises FileRefusedError for an archive that is damaged or unpacks to more than MAX_ARCHIVE_BYTES.
    """
    if not path.is_file():
        if path.is_symlink() and not path.exists():
            raise FileRefusedError("is a link without a target: put the file itself there, or remove the name")
        raise FileRefusedError("is no regular file: put the file itself there, or remove the name")
    try:
        form = format_of(path)
    except READ_ERRORS as error:
        raise FileRefusedError(f"cannot be read ({reason_of(error)})") from error
    if form != "zip":
        yield Source(path=path, name=path.name, label=str(path))
        return
    check_archive(path, MAX_ARCHIVE_BYTES)
    with zipfile.ZipFile(path) as archive:
        for member in archive.infolist():
            name = _member_name(member)
            if member.is_dir() or not name.lower().endswith(SUFFIXES) or name.lower().endswith(".zip"):
                continue
            suffixes = "".join(pathlib.PurePosixPath(name).suffixes[-2:])
            unpacked = (
                scratch / f"member{suffixes if suffixes.lower() == '.csv.gz' else pathlib.PurePosixPath(name).suffix}"
            )
            try:
                with archive.open(member) as packed, unpacked.open("wb") as target:
                    shutil.copyfileobj(packed, target, 2**20)
            except READ_ERRORS as error:
                raise FileRefusedError(f"{name} cannot be unpacked ({reason_of(error)})") from error
            base = pathlib.PurePosixPath(name).name
            yield Source(path=unpacked, name=f"{path.stem} {base}", label=f"{path}/{name}")
            unpacked.unlink()


def _member_name(member: zipfile.ZipInfo) -> str:
    """Return the name of a member; names of Korean archives without the UTF-8 flag are CP949."""
    if member.flag_bits & 0x800:
        return member.filename
    try:
        return member.filename.encode("cp437").decode("cp949")
    except (UnicodeEncodeError, UnicodeDecodeError):
        return member.filename
