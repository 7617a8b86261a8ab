"""The files of the mapped tier: one per (content, calendar year), created once per host, within a budget of bytes.

1. The name of a file is derived from its content, so that all versions with the content share the file.
2. The first process that needs a file creates it under a lock (`flock`, which a dead process loses) with a temporary
   name and renames it; the others wait for the final name. After a deadline a waiting process creates the file itself,
   which gives the same bytes.
3. Space is allocated before it is written. When the budget is exceeded, the least recently used files are unlinked; a
   process that has one mapped keeps reading it and unmaps it when `evictions()` has changed. A file that was used once,
   by the run that created it, goes before those that others used meanwhile.
4. A page behind the values has their checksum. A file of another size than its matrix is replaced when it is opened;
   `find_damaged` compares the contents. After damage every process of the host has to start again, since values that
   were computed from damaged ones are anywhere (`damaged_at`).
"""

from __future__ import annotations

import errno
import fcntl
import mmap
import os
import pathlib
import struct
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Any

import numpy as np
from isal import isal_zlib  # its CRC takes a tenth of the time of zlib's

from shared.dataset.address_space import stride_of
from shared.dataset.native import Array

LOCK_DEADLINE_S = 20.0
_POLL_S = 0.002
SUFFIX = ".region"
TRAILER_BYTES = mmap.PAGESIZE
_TRAILER = struct.Struct("<16sI")
_MAGIC = b"ondol panel 1"
_PIECE_BYTES = 1 << 20
RELEASE_S = 0.1
"""How often a process unmaps files that were evicted."""
_RESERVED = ".reserved"
_WAITING = ".waiting"
_RESERVE_POLL_S = 0.02
_AHEAD_PART = 128
"""A process evicts this part of the budget in advance, and looks at the folder again when it has filled it: a look
takes milliseconds, and a run may create hundreds of files."""
USED_ONCE_S = 60
"""A new scratch file counts as used so long ago, so that work with many of them does not displace what others use."""
PRECEDENCE_S = 1.0
"""What waits for so much longer than another goes first. Below it small work may pass a large one that has to wait."""
_UNFINISHED = ".unfinished"
_ANSWERS = ".answers"
_ANSWERS_S = 30
"""Seconds whose answers are noted in one file."""


class PanelFiles:
    """The panel files of a folder that all processes of a host share (a tmpfs), at most `budget_bytes` together."""

    def __init__(
        self, directory: pathlib.Path, budget_bytes: int, deadline_s: float = LOCK_DEADLINE_S,
        precedence_s: float = PRECEDENCE_S,
    ) -> None:  # fmt: skip
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        self.directory = directory
        self.budget_bytes = budget_bytes
        self._deadline_s = deadline_s
        self._precedence_ns = int(precedence_s * 1e9)
        self._evicted = directory / "evictions"
        self._damaged = directory / "damaged"
        self._verified = directory / "verified"
        self._ahead_bytes = 0
        with suppress(FileExistsError):
            self._verified.touch(exist_ok=False)

    def open(self, name: str, size: int) -> int | None:
        """Return a descriptor of a file (marked as used now), None when there is none with `size` bytes of values.

        A file of another size is removed: reading its mapping would end the process (SIGBUS).
        """
        path = self._path(name)
        try:
            fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
            os.utime(path)
        except FileNotFoundError:
            return None
        if os.fstat(fd).st_size != size + TRAILER_BYTES:
            os.close(fd)
            path.unlink(missing_ok=True)
            self._evicted.touch()
            return None
        return fd

    def open_or_create(
        self, name: str, shape: tuple[int, int], dtype: np.dtype[Any], fill: Callable[[Array], None],
        *, is_scratch: bool = False,
    ) -> tuple[int, bool]:  # fmt: skip
        """Return a descriptor of a file, and whether this call created it; `fill` writes into the matrix."""
        size = shape[0] * stride_of(shape[1], dtype) * dtype.itemsize
        fd = self.open(name, size)
        if fd is not None:
            return fd, False
        with self._lock(name):
            fd = self.open(name, size)
            if fd is not None:
                return fd, False
            return self._create(name, shape, dtype, fill, is_scratch=is_scratch), True

    def touch(self, name: str) -> None:
        """Mark a file as used now."""
        with suppress(FileNotFoundError):
            os.utime(self._path(name))

    def exists(self, name: str) -> bool:
        """Return whether the file exists."""
        return self._path(name).exists()

    def inode(self, name: str) -> int | None:
        """Return the inode of a file, None when there is none."""
        with suppress(FileNotFoundError):
            return self._path(name).stat().st_ino
        return None

    def inodes(self) -> dict[str, int]:
        """Return the name and the inode of every file."""
        return {entry.name.removesuffix(SUFFIX): entry.inode() for entry in self._entries(SUFFIX)}

    def evictions(self) -> int:
        """Return a number that changes whenever a process of the host evicted files."""
        try:
            return self._evicted.stat().st_mtime_ns
        except FileNotFoundError:
            return 0

    def used_bytes(self) -> int:
        """Return the bytes of all files of the folder."""
        return sum(size for _, size, _ in self._files())

    def evict(self, down_to_bytes: int) -> int:
        """Unlink the least recently used files until at most so many bytes are left; return how many were unlinked."""
        self._remove_unfinished()
        files = sorted(self._files())
        used, evicted = sum(size for _, size, _ in files), 0
        for _, size, path in files:
            if used <= down_to_bytes:
                break
            with suppress(FileNotFoundError):
                os.unlink(path)
            used -= size
            evicted += 1
        if evicted:
            self._evicted.touch()
        return evicted

    def find_damaged(self, is_stopped: Callable[[], bool]) -> list[str]:
        """Compare the values of every file with their checksum; remove all files when some are damaged.

        Return the names of the damaged ones; `verified_since` is set to the beginning of a comparison without any.
        One process of the host compares at a time; the others return at once.
        """
        with (self.directory / "verify.lock").open("w") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                return []
            begin = time.time()
            files = [pathlib.Path(path) for _, _, path in self._files()]
            damaged = [path.name for path in files if not is_stopped() and not _is_intact(path)]
            if damaged:
                self.evict(0)
                self._damaged.touch()
            elif not is_stopped():
                os.utime(self._verified, (begin, begin))
                for path in self._noted():
                    if _end_of_answers(path) < begin:
                        path.unlink(missing_ok=True)
            return damaged

    def note_answer(self, name: str) -> None:
        """Note the name of an answer before it is stored elsewhere, so that it can be deleted after damage."""
        path = self.directory / f"{int(time.time() // _ANSWERS_S)}{_ANSWERS}"
        with path.open("ab", buffering=0) as file:
            file.write(name.encode() + b"\n")

    def answers_since(self, begin: float) -> set[str]:
        """Return the names of at least the answers that were noted since a time (seconds since the epoch)."""
        names: set[str] = set()
        for path in self._noted():
            if _end_of_answers(path) >= begin:
                with suppress(FileNotFoundError):
                    names.update(path.read_text(encoding="utf-8").split())
        return names

    def _noted(self) -> list[pathlib.Path]:
        return [pathlib.Path(entry.path) for entry in self._entries(_ANSWERS)]

    @contextmanager
    def reserved(self, size: int, is_stopped: Callable[[], bool]) -> Iterator[None]:
        """Reserve bytes of the budget for files of a run, which it may use when they are unlinked already.

        Waits until the running processes of the host have reserved at most half of the budget together; a run that
        needs more than that runs alone. What has waited for a second longer goes first. Files of others are evicted to
        make room. Returns without a reservation once `is_stopped`.
        """
        own = f"{os.getpid()}.{time.monotonic_ns()}"
        waiting, path = self.directory / (own + _WAITING), self.directory / (own + _RESERVED)
        if not self._try_reserve(path, size):
            waiting.touch()
            try:
                while not self._try_reserve(path, size):
                    if is_stopped():
                        yield
                        return
                    time.sleep(_RESERVE_POLL_S)
            finally:
                waiting.unlink(missing_ok=True)
        try:
            if self.evict(max(self.budget_bytes - self._reserved_bytes(), 0)):
                time.sleep(2 * RELEASE_S)  # the memory is free when the others have unmapped what was evicted
            yield
        finally:
            path.unlink(missing_ok=True)

    def _try_reserve(self, path: pathlib.Path, size: int) -> bool:
        arrived = _arrival(path)
        with (self.directory / "reserve.lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            if any(_arrival(other) < arrived - self._precedence_ns for other in self._of_living(_WAITING)):
                return False
            reserved = self._reserved_bytes()
            if reserved and reserved + size > self.budget_bytes // 2:
                return False
            path.write_text(str(size), encoding="ascii")
            return True

    def _reserved_bytes(self) -> int:
        """Return the bytes that running processes have reserved."""
        total = 0
        for path in self._of_living(_RESERVED):
            with suppress(FileNotFoundError, ValueError):
                total += int(path.read_text(encoding="ascii"))
        return total

    def _of_living(self, ending: str) -> list[pathlib.Path]:
        """Return the files with an ending whose processes run; those of dead ones are removed."""
        found = []
        for entry in self._entries(ending):
            path = pathlib.Path(entry.path)
            if pathlib.Path(f"/proc/{path.name.partition('.')[0]}").exists():
                found.append(path)
            else:
                path.unlink(missing_ok=True)
        return found

    def verified_since(self) -> float:
        """Return until when all values are known to have been right (seconds since the epoch)."""
        return self._verified.stat().st_mtime

    def damaged_at(self) -> int:
        """Return a number that changes whenever a process of the host found damaged files."""
        try:
            return self._damaged.stat().st_mtime_ns
        except FileNotFoundError:
            return 0

    def _path(self, name: str) -> pathlib.Path:
        return self.directory / (name + SUFFIX)

    def _entries(self, ending: str) -> list[os.DirEntry[str]]:
        with os.scandir(self.directory) as entries:
            return [entry for entry in entries if entry.name.endswith(ending)]

    def _files(self) -> list[tuple[int, int, str]]:
        """Return the time of the last use, the bytes and the path of every file."""
        found = []
        for entry in self._entries(SUFFIX):
            with suppress(FileNotFoundError):
                status = entry.stat()
                found.append((status.st_mtime_ns, status.st_blocks * 512, entry.path))
        return found

    def _make_room(self, size: int) -> int | None:
        """Evict files until `size` more bytes are within the budget.

        Return the bytes that all files may have, None when an earlier call has made room. Threads may count too much
        of it when they create files at the same time; the next look corrects that.
        """
        if size <= self._ahead_bytes:
            self._ahead_bytes -= size
            return None
        ahead = max(size, self.budget_bytes // _AHEAD_PART)
        room = self.budget_bytes - self._reserved_bytes()
        self.evict(max(room - ahead, 0))
        self._ahead_bytes = ahead - size
        return room

    def _create(
        self, name: str, shape: tuple[int, int], dtype: np.dtype[Any], fill: Callable[[Array], None],
        *, is_scratch: bool,
    ) -> int:  # fmt: skip
        rows, columns = shape
        stride = stride_of(columns, dtype)
        size = rows * stride * dtype.itemsize
        room = self._make_room(size + TRAILER_BYTES)
        fd, scratch = self._unfinished(name)
        try:
            fd = self._allocated(fd, size + TRAILER_BYTES)
            mapping = mmap.mmap(fd, size)
            values = np.frombuffer(mapping, dtype).reshape(rows, stride)
            fill(values[:, :columns])
            os.pwrite(fd, _TRAILER.pack(_MAGIC, isal_zlib.crc32(mapping)), size)
            if os.fstat(fd).st_nlink:
                if is_scratch:
                    used_at = time.time() - USED_ONCE_S
                    os.utime(scratch, (used_at, used_at))
                scratch.rename(self._path(name))
                fcntl.flock(fd, fcntl.LOCK_UN)
                if room is not None:
                    self.evict(max(room, size))
        except BaseException:
            os.close(fd)
            raise
        finally:
            scratch.unlink(missing_ok=True)
        return fd

    def _unfinished(self, name: str) -> tuple[int, pathlib.Path]:
        """Return a new file with a temporary name, locked by this process."""
        while True:
            path = self.directory / f"{name}.{os.getpid()}.{time.monotonic_ns()}{_UNFINISHED}"
            fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
            fcntl.flock(fd, fcntl.LOCK_EX)
            if os.fstat(fd).st_nlink:
                return fd, path
            os.close(fd)  # removed as unfinished before it was locked

    def _remove_unfinished(self) -> None:
        """Remove the temporary files of dead processes; a running process holds the lock of its file."""
        for entry in self._entries(_UNFINISHED):
            try:
                fd = os.open(entry.path, os.O_RDONLY | os.O_CLOEXEC)
            except FileNotFoundError:
                continue
            try:
                fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                continue
            else:
                pathlib.Path(entry.path).unlink(missing_ok=True)
            finally:
                os.close(fd)

    def _allocated(self, fd: int, size: int) -> int:
        """Return the descriptor with `size` bytes allocated; when the folder is full, one of memory outside of it."""
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
        """Hold the lock of a name, or continue without it when its holder neither ends nor creates the file in time."""
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


def _arrival(path: pathlib.Path) -> int:
    """Return when a reservation was asked for, in ns of the monotonic clock, which is that of the host."""
    return int(path.name.split(".")[1])


def _end_of_answers(path: pathlib.Path) -> float:
    """Return until when a file took names of answers, with room for a process that is slow to write one."""
    return (int(path.name.removesuffix(_ANSWERS)) + 1) * _ANSWERS_S + _ANSWERS_S


def _is_intact(path: pathlib.Path) -> bool:
    """Return whether the values of a file have its checksum; a file that was removed meanwhile counts as intact."""
    try:
        fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except FileNotFoundError:
        return True
    try:
        size, checksum = os.fstat(fd).st_size - TRAILER_BYTES, 0
        for start in range(0, size, _PIECE_BYTES):  # read, not mapped: it may be cut meanwhile
            checksum = isal_zlib.crc32(os.pread(fd, min(_PIECE_BYTES, size - start), start), checksum)
        trailer = os.pread(fd, _TRAILER.size, max(size, 0))
        return len(trailer) == _TRAILER.size and _TRAILER.unpack(trailer) == (_MAGIC.ljust(16, b"\0"), checksum)
    finally:
        os.close(fd)


def _is_file(fd: int, path: pathlib.Path) -> bool:
    """Return whether the descriptor is the file of this name (its last holder may have unlinked it)."""
    try:
        named = path.stat()
    except FileNotFoundError:
        return False
    own = os.fstat(fd)
    return (named.st_ino, named.st_dev) == (own.st_ino, own.st_dev)
