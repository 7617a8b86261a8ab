"""The bounded log file of a child process.

The child writes to a pipe and the supervisor copies it into the file, so that rotation needs no signal to the child
and loses no line.
"""

from __future__ import annotations

import fcntl
import os
import pathlib
import select
import threading
from contextlib import suppress
from types import TracebackType
from typing import BinaryIO, Final

from ondol.local.processes import Child
from ondol.local.supervision import report
from shared.errors import SetupError
from shared.settings import MIB

LIMIT: Final = 8 * MIB
"""Bytes of a file before rotation; the last line may exceed it."""

ROTATED_FILES: Final = 3
"""Number of rotated files."""

_READ_BYTES: Final = 64 * 1024
_PIPE_BYTES: Final = 256 * 1024
_LONGEST_LINE: Final = MIB
_CLOSE_S: Final = 2.0


class Log:
    """Log file for standard output and error of successive child processes.

    Bytes that cannot be written (a full disk) are counted; the count is logged at the next successful write.
    """

    def __init__(self, path: pathlib.Path, *, limit: int = LIMIT, rotated: int = ROTATED_FILES) -> None:
        self.path = path
        self._limit, self._rotated = limit, rotated
        self._lock = threading.Lock()
        self._file: BinaryIO | None = _opened(path)
        self._size = self._file.tell()
        self._at_line = True
        self._lost = 0
        self._from, self._to = os.pipe()
        with suppress(OSError):  # the per-user limit of pipe pages may be reached
            fcntl.fcntl(self._to, fcntl.F_SETPIPE_SZ, _PIPE_BYTES)
        self._thread = threading.Thread(target=self._copy_all, name=f"log {path.name}", daemon=True)
        self._thread.start()

    def fileno(self) -> int:
        """Return the write end of the pipe."""
        return self._to

    @property
    def address(self) -> pathlib.Path:
        """Path of the pipe for other processes of this user, valid while this process runs."""
        return pathlib.Path(f"/proc/{os.getpid()}/fd/{self._to}")

    def __enter__(self) -> Log:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def flush(self) -> None:
        """Copy all output written so far to the file."""
        while self._copy(0):
            pass
        with self._lock:  # wait for a write of the copying thread
            return

    def close(self) -> None:
        """Copy the rest; wait up to two seconds for children that still run."""
        os.close(self._to)
        self._thread.join(_CLOSE_S)
        if not self._thread.is_alive():
            os.close(self._from)
            if self._file is not None:
                self._file.close()

    def last_line(self) -> str:
        """Return the last line, at most 200 characters."""
        self.flush()
        try:
            lines = self.path.read_text(encoding="utf-8", errors="replace").splitlines()
        except OSError:
            return "no message"
        return lines[-1].strip()[:200] if lines else "no message"

    def _copy_all(self) -> None:
        while self._copy(None) is not None:
            pass

    def _copy(self, wait_s: float | None) -> int | None:
        """Copy one block after waiting up to `wait_s`; return its bytes, 0 without any, None at the end of the pipe."""
        if not select.select([self._from], [], [], wait_s)[0]:
            return 0
        with self._lock:
            if not select.select([self._from], [], [], 0)[0]:
                return 0  # another thread has read it
            block = os.read(self._from, _READ_BYTES)
            if not block:
                return None
            try:
                self._write(block)
            except OSError as error:
                if not self._lost:
                    report(f"{self.path} cannot be written ({error.strerror}); lines are lost")
                self._lost += len(block)
            return len(block)

    def _write(self, block: bytes) -> None:
        if self._size >= self._limit:
            ended = 0 if self._at_line else block.find(b"\n") + 1
            if self._at_line or ended or self._size >= self._limit + _LONGEST_LINE:
                self._append(block[:ended])
                block = block[ended:]
                self._rotate()
        if self._lost:
            self._append(b"[%d bytes could not be written before this line]\n" % self._lost)
            self._lost = 0
        self._append(block)

    def _append(self, block: bytes) -> None:
        if self._file is None:
            self._file = _opened(self.path)
            self._size = self._file.tell()
        view = memoryview(block)
        while view:
            written = self._file.write(view)
            self._size += written
            view = view[written:]
        if block:
            self._at_line = block.endswith(b"\n")

    def _rotate(self) -> None:
        if self._file is not None:
            self._file.close()
            self._file = None
        for number in range(self._rotated, 0, -1):
            older = self.path.with_name(f"{self.path.name}.{number}")
            newer = self.path if number == 1 else self.path.with_name(f"{self.path.name}.{number - 1}")
            if newer.exists():
                newer.replace(older)


def _opened(path: pathlib.Path) -> BinaryIO:
    """Open a log to append; only its owner may read it."""
    return open(os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600), "ab", buffering=0)


def raise_if_exited(process: Child, name: str, log: Log) -> None:
    """Raise SetupError with the last line of the log when a starting server has exited."""
    if process.returncode is not None:
        raise SetupError(f"The embedded {name} exited at its start ({log.last_line()}); see {log.path}.")
