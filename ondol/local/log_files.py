"""The bounded log file of a child process.

The child writes to a pipe and the supervisor copies it into the file, so that the file can be rotated without a signal
to the child and no line is lost.
"""

from __future__ import annotations

import fcntl
import os
import pathlib
import select
import sys
import threading
from contextlib import suppress
from types import TracebackType
from typing import BinaryIO, Final

from shared.settings import MIB

LIMIT: Final = 8 * MIB
"""Bytes of a file; it may be longer by the line that reached it."""

KEPT: Final = 3
"""Renamed files beside the current one."""

_PIECE: Final = 64 * 1024
_PIPE_BYTES: Final = 256 * 1024
_LONGEST_LINE: Final = MIB
_LEAVE_S: Final = 2.0


class Log:
    """Hand it to children as their standard output or error; it may be given to one after the other.

    What cannot be written (a full disk) is counted, and the count stands in the log as soon as it can be written again.
    """

    def __init__(self, path: pathlib.Path, *, limit: int = LIMIT, kept: int = KEPT) -> None:
        self.path = path
        self._limit, self._kept = limit, kept
        self._lock = threading.Lock()
        self._file: BinaryIO | None = path.open("ab", buffering=0)
        self._size = self._file.tell()
        self._at_line = True
        self._lost = 0
        self._from, self._to = os.pipe()
        with suppress(OSError):  # a user may have so many pages of pipes and no more
            fcntl.fcntl(self._to, fcntl.F_SETPIPE_SZ, _PIPE_BYTES)
        self._thread = threading.Thread(target=self._copy_all, name=f"log {path.name}", daemon=True)
        self._thread.start()

    def fileno(self) -> int:
        """Where children write."""
        return self._to

    @property
    def address(self) -> pathlib.Path:
        """A path that leads there, for a process of this user that opens it while this one lives."""
        return pathlib.Path(f"/proc/{os.getpid()}/fd/{self._to}")

    def __enter__(self) -> Log:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def flush(self) -> None:
        """Copy what children have said up to now, for whoever reads the file."""
        while self._copy(0):
            pass
        with self._lock:  # the thread may have taken the last piece and be writing it
            return

    def close(self) -> None:
        """Copy everything; the children have ended, and one that has not is heard for two more seconds."""
        os.close(self._to)
        self._thread.join(_LEAVE_S)
        if not self._thread.is_alive():
            os.close(self._from)
            if self._file is not None:
                self._file.close()

    def last_line(self) -> str:
        """The last line, for a message."""
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
        """Copy a piece, waiting so long for one; returns its bytes, 0 when there is none, None at the end."""
        if not select.select([self._from], [], [], wait_s)[0]:
            return 0
        with self._lock:
            if not select.select([self._from], [], [], 0)[0]:
                return 0  # `flush` was faster
            piece = os.read(self._from, _PIECE)
            if not piece:
                return None
            try:
                self._write(piece)
            except OSError as error:
                if not self._lost:
                    sys.stderr.write(f"{self.path} cannot be written ({error.strerror}); lines are lost\n")
                self._lost += len(piece)
            return len(piece)

    def _write(self, piece: bytes) -> None:
        if self._size >= self._limit:
            ended = 0 if self._at_line else piece.find(b"\n") + 1
            if self._at_line or ended or self._size >= self._limit + _LONGEST_LINE:
                self._append(piece[:ended])
                piece = piece[ended:]
                self._rotate()
        if self._lost:
            self._append(b"[%d bytes could not be written before this line]\n" % self._lost)
            self._lost = 0
        self._append(piece)

    def _append(self, piece: bytes) -> None:
        if self._file is None:
            self._file = self.path.open("ab", buffering=0)
            self._size = self._file.tell()
        view = memoryview(piece)
        while view:
            written = self._file.write(view)
            self._size += written
            view = view[written:]
        if piece:
            self._at_line = piece.endswith(b"\n")

    def _rotate(self) -> None:
        if self._file is not None:
            self._file.close()
            self._file = None
        for number in range(self._kept, 0, -1):
            older = self.path.with_name(f"{self.path.name}.{number}")
            newer = self.path if number == 1 else self.path.with_name(f"{self.path.name}.{number - 1}")
            if newer.exists():
                newer.replace(older)
