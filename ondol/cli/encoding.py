"""Output on terminals of any encoding: ASCII, Latin-1, CP949, UTF-8."""

from __future__ import annotations

import codecs
import contextlib
import io
import os
import sys
from collections.abc import Sequence
from typing import Final, TextIO

HANDLER: Final = "ondol"

PLAIN: Final = {
    "…": "...", "–": "-", "—": "-", "−": "-", "‘": "'", "’": "'", "“": '"', "”": '"', "×": "x", "·": ".", "•": "*",
    "█": "#", "≤": "<=", "≥": ">=", "→": "->", "⚠": "!",
}  # fmt: skip
"""Typographic signs -> what stands for them where an encoding lacks them; other letters become question marks."""


def _replace(error: UnicodeError) -> tuple[str, int]:
    if not isinstance(error, UnicodeEncodeError):
        raise error
    return "".join(PLAIN.get(letter, "?") for letter in error.object[error.start : error.end]), error.end


codecs.register_error(HANDLER, _replace)

_ESCAPED: Final = {
    code: f"\\u{code:04x}"
    for code in (
        *range(0x20), *range(0x7F, 0xA0), 0x061C, 0x200E, 0x200F, *range(0x202A, 0x202F), *range(0x2066, 0x206A)
    )
    if chr(code) not in "\t\n\r"
}  # fmt: skip
"""Characters by which a text could control a terminal or change the order of its letters -> how they are printed."""


def printable(text: str) -> str:
    """Return a text with its control characters escaped."""
    return text.translate(_ESCAPED)


class EscapingOutput(io.TextIOWrapper):
    """Writes to the buffer of another stream, which stays usable, and escapes control characters.

    Names of a server or of a file may contain them.
    """

    def __init__(self, stream: io.TextIOWrapper) -> None:
        lines = stream.line_buffering or stream.isatty()
        super().__init__(stream.buffer, encoding=stream.encoding, errors=HANDLER, line_buffering=lines)
        self._stream = stream

    def __del__(self) -> None:
        with contextlib.suppress(ValueError, OSError):
            self.detach()  # the buffer belongs to the other stream

    def write(self, text: str, /) -> int:
        """Write a text with its control characters escaped."""
        super().write(printable(text))
        return len(text)


def prepare_streams() -> None:
    """Let standard output and error replace what their encoding lacks, and standard output escape control characters.

    Errors are escaped where they are printed: a progress bar on standard error moves the cursor.
    """
    if isinstance(sys.stderr, io.TextIOWrapper):
        sys.stderr.reconfigure(errors=HANDLER)
    if type(sys.stdout) is io.TextIOWrapper:
        sys.stdout.flush()
        sys.stdout = EscapingOutput(sys.stdout)


def can_print(text: str, stream: TextIO | None = None) -> bool:
    """Return whether the encoding of a stream (default standard output) has every letter of a text."""
    try:
        text.encode((stream or sys.stdout).encoding or "ascii")
    except (UnicodeEncodeError, LookupError):
        return False
    return True


def decoded(words: Sequence[str]) -> list[str]:
    """Return the words of a command line, of which a locale without UTF-8 has left the bytes as surrogates."""
    found = []
    for word in words:
        try:
            found.append(os.fsencode(word).decode("utf-8"))
        except UnicodeError:
            found.append(word)
    return found


def write_bytes(content: bytes) -> None:
    """Write bytes to standard output after what was printed before."""
    sys.stdout.flush()
    binary = getattr(sys.stdout, "buffer", None)
    if binary is None:
        sys.stdout.write(content.decode("utf-8"))
    else:
        binary.write(content)
        binary.flush()
