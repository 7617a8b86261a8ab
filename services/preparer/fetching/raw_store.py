"""The answers of sources as files, one each, written atomically: what is stored is never requested again.

`DIR/raw/<source>/<api>/<name>` holds the bytes that the source sent (texts compressed with zstandard); the time of
the file is the time of the answer.
"""

from __future__ import annotations

import datetime as dt
import fcntl
import os
import pathlib
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import zstandard

from shared.errors import SetupError

TEXT = ".zst"
REPLACED = "replaced"
"""Folder of the answers that a later answer of the same name has replaced, by the time of their answer."""


@dataclass(frozen=True, kw_only=True)
class AnswerName:
    """The place of an answer: `krx/stk_bydd_trd/2026/20260105.json`; texts are stored compressed."""

    source: str
    api: str
    name: str

    @property
    def path(self) -> str:
        """Path below the folder of raw answers."""
        return f"{self.source}/{self.api}/{self.name}{'' if self.name.endswith('.zip') else TEXT}"


class RawStore:
    """The raw answers of a market directory."""

    def __init__(self, directory: pathlib.Path) -> None:
        self.root = directory / "raw"

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Hold the lock of the directory; SetupError when another process fetches into it."""
        try:
            self.root.mkdir(parents=True, exist_ok=True)
            file = (self.root / "lock").open("w")
        except OSError as error:
            raise SetupError(f"{self.root} cannot be written ({error.strerror}); name another directory.") from error
        with file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError as error:
                raise SetupError(f"Another fetch into {self.root.parent} is running; wait until it ends.") from error
            yield

    def names(self, source: str, api: str) -> set[str]:
        """Return the names of the stored answers of an API."""
        folder = self.root / source / api
        found = set()
        for place, folders, files in os.walk(folder):
            folders[:] = [name for name in folders if name != REPLACED]
            prefix = os.path.relpath(place, folder)
            for file in files:
                name = file if prefix == "." else f"{prefix}/{file}"
                if not file.startswith("."):
                    found.add(name.removesuffix(TEXT))
        return found

    def has(self, name: AnswerName) -> bool:
        """Whether the answer is stored."""
        return (self.root / name.path).exists()

    def size(self, name: AnswerName) -> int:
        """Return the stored bytes of an answer, 0 without one."""
        path = self.root / name.path
        return path.stat().st_size if path.exists() else 0

    def fetched_at(self, name: AnswerName) -> dt.datetime | None:
        """Return when the stored answer was received, None without one."""
        try:
            return dt.datetime.fromtimestamp((self.root / name.path).stat().st_mtime, dt.UTC)
        except FileNotFoundError:
            return None

    def read(self, name: AnswerName) -> bytes | None:
        """Return the bytes of an answer, None when it is not stored; a damaged file is removed and not stored."""
        path = self.root / name.path
        try:
            data = path.read_bytes()
            return zstandard.ZstdDecompressor().decompress(data) if path.suffix == TEXT else data
        except FileNotFoundError:
            return None
        except zstandard.ZstdError:
            path.unlink()
            return None

    def versions(self, name: AnswerName) -> list[bytes]:
        """Return the bytes of the answer and of those that it replaced, the newest last."""
        path = self.root / name.path
        replaced = path.parent / REPLACED
        found = []
        for old in sorted(replaced.glob(f"{path.name}.*")) if replaced.is_dir() else []:
            data = old.read_bytes()
            found.append(zstandard.ZstdDecompressor().decompress(data) if path.suffix == TEXT else data)
        newest = self.read(name)
        return found if newest is None else [*found, newest]

    def write(self, name: AnswerName, data: bytes, now: dt.datetime) -> None:
        """Store an answer atomically; an earlier one of that name goes to the folder REPLACED beside it."""
        path = self.root / name.path
        path.parent.mkdir(parents=True, exist_ok=True)
        packed = zstandard.ZstdCompressor(level=9, write_checksum=True).compress(data) if path.suffix == TEXT else data
        if (before := self.fetched_at(name)) is not None:
            (path.parent / REPLACED).mkdir(exist_ok=True)
            stamp = f"{before:%Y%m%dT%H%M%S%f}-{secrets.token_hex(2)}"
            os.link(path, path.parent / REPLACED / f"{path.name}.{stamp}")
        self._replace(path, packed)
        self.confirm(name, now)

    def confirm(self, name: AnswerName, now: dt.datetime) -> None:
        """Record that the source gave the stored answer again at `now`."""
        os.utime(self.root / name.path, (now.timestamp(), now.timestamp()))

    @staticmethod
    def _replace(path: pathlib.Path, data: bytes) -> None:
        temporary = path.with_name(f".{path.name}.new")
        with temporary.open("wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
