"""The files of the mapped tier: one for each (content, calendar year), made once per host, within a budget of bytes.

1. A region's file name is made of its content's name, so every version that has the content shares the file.
2. Whoever needs a region first makes it under a lock (`flock`, which a dead process loses) into an unnamed place and
   renames it; the others wait for the name to appear. A maker that is stopped is waited for until a deadline; then the
   region is made a second time, which gives the same bytes.
3. Space is allocated before it is written. When the budget is exceeded the least recently used files are unlinked; who
   has them mapped keeps reading, and lets go when `evictions()` has changed.
"""

from __future__ import annotations

import errno
import fcntl
import mmap
import os
import pathlib
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Any

import numpy as np

from shared.dataset.address_space import stride_of
from shared.dataset.native import Array

LOCK_DEADLINE_S = 20.0
_POLL_S = 0.002
SUFFIX = ".region"
_UNFINISHED = ".unfinished"


class Regions:
    """The regions under a folder that all processes of a host share (a tmpfs), at most `budget_bytes` together."""

    def __init__(self, directory: pathlib.Path, budget_bytes: int, deadline_s: float = LOCK_DEADLINE_S) -> None:
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        self.directory = directory
        self.budget_bytes = budget_bytes
        self._deadline_s = deadline_s
        self._evicted = directory / "evictions"

    def open(self, name: str) -> int | None:
        """A descriptor of a region that exists (marked as used now), else None."""
        path = self._path(name)
        try:
            fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
            os.utime(path)
        except FileNotFoundError:
            return None
        return fd

    def open_or_make(
        self, name: str, shape: tuple[int, int], dtype: np.dtype[Any], fill: Callable[[Array], None]
    ) -> tuple[int, bool]:
        """A descriptor of a region, and whether this call made it; `fill` gets the writable matrix."""
        fd = self.open(name)
        if fd is not None:
            return fd, False
        with self._lock(name):
            fd = self.open(name)
            if fd is not None:
                return fd, False
            return self._make(name, shape, dtype, fill), True

    def touch(self, name: str) -> None:
        """Mark a region as used now."""
        with suppress(FileNotFoundError):
            os.utime(self._path(name))

    def exists(self, name: str) -> bool:
        """The region has a file."""
        return self._path(name).exists()

    def evictions(self) -> int:
        """A number that changes whenever regions were evicted, by whichever process."""
        try:
            return self._evicted.stat().st_mtime_ns
        except FileNotFoundError:
            return 0

    def used_bytes(self) -> int:
        """Bytes that the regions of this folder hold."""
        return sum(size for _, size, _ in self._files())

    def evict(self, down_to_bytes: int) -> int:
        """Unlink the least recently used regions until at most so many bytes are left; returns how many went."""
        self._remove_unfinished()
        files = sorted(self._files())
        used, gone = sum(size for _, size, _ in files), 0
        for _, size, path in files:
            if used <= down_to_bytes:
                break
            path.unlink(missing_ok=True)
            used -= size
            gone += 1
        if gone:
            self._evicted.touch()
        return gone

    def _path(self, name: str) -> pathlib.Path:
        return self.directory / (name + SUFFIX)

    def _files(self) -> list[tuple[int, int, pathlib.Path]]:
        found = []
        for entry in os.scandir(self.directory):
            if entry.name.endswith(SUFFIX):
                try:
                    status = entry.stat()
                except FileNotFoundError:
                    continue
                found.append((status.st_mtime_ns, status.st_blocks * 512, pathlib.Path(entry.path)))
        return found

    def _make(self, name: str, shape: tuple[int, int], dtype: np.dtype[Any], fill: Callable[[Array], None]) -> int:
        rows, columns = shape
        stride = stride_of(columns, dtype)
        size = rows * stride * dtype.itemsize
        self.evict(max(self.budget_bytes - size, 0))
        fd, scratch = self._unfinished(name)
        try:
            fd = self._allocated(fd, size)
            values = np.frombuffer(mmap.mmap(fd, size), dtype).reshape(rows, stride)
            fill(values[:, :columns])
            if os.fstat(fd).st_nlink:
                scratch.rename(self._path(name))
                fcntl.flock(fd, fcntl.LOCK_UN)
                self.evict(max(self.budget_bytes, size))
        except BaseException:
            os.close(fd)
            raise
        finally:
            scratch.unlink(missing_ok=True)
        return fd

    def _unfinished(self, name: str) -> tuple[int, pathlib.Path]:
        """A new file under a name of its own, locked by this maker."""
        while True:
            path = self.directory / f"{name}.{os.getpid()}.{time.monotonic_ns()}{_UNFINISHED}"
            fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
            fcntl.flock(fd, fcntl.LOCK_EX)
            if os.fstat(fd).st_nlink:
                return fd, path
            os.close(fd)  # taken for the rest of a dead maker before it was locked

    def _remove_unfinished(self) -> None:
        """Remove what makers left that died; a living one holds the lock of its file."""
        for path in self.directory.glob("*" + _UNFINISHED):
            try:
                fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
            except FileNotFoundError:
                continue
            try:
                fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                continue
            else:
                path.unlink(missing_ok=True)
            finally:
                os.close(fd)

    def _allocated(self, fd: int, size: int) -> int:
        """The descriptor with `size` bytes behind it; when the folder is full, one of memory outside of it."""
        for last in (False, True):
            try:
                os.posix_fallocate(fd, 0, size)
            except OSError as error:
                if error.errno != errno.ENOSPC:
                    raise
                if not last:
                    self.evict(max(self.used_bytes() // 2 - size, 0))
            else:
                return fd
        os.close(fd)
        unnamed = os.memfd_create("ondol-region", os.MFD_CLOEXEC)
        os.posix_fallocate(unnamed, 0, size)
        return unnamed

    @contextmanager
    def _lock(self, name: str) -> Iterator[None]:
        """Hold the lock of a name, or go on without it when its holder neither ends nor makes the region in time."""
        path = self.directory / (name + ".lock")
        deadline = time.monotonic() + self._deadline_s
        while True:
            fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
            try:
                fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                os.close(fd)
                if self.exists(name) or time.monotonic() > deadline:
                    yield
                    return
                time.sleep(_POLL_S)
                continue
            if _is_file(fd, path):
                break
            os.close(fd)
        try:
            yield
        finally:
            path.unlink(missing_ok=True)
            os.close(fd)


def _is_file(fd: int, path: pathlib.Path) -> bool:
    """The descriptor is the file that has this name now (its last holder may have unlinked it)."""
    try:
        named = path.stat()
    except FileNotFoundError:
        return False
    held = os.fstat(fd)
    return (named.st_ino, named.st_dev) == (held.st_ino, held.st_dev)
