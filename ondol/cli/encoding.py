"""Output on terminals of any encoding: ASCII, Latin-1, CP949, UTF-8."""

from __future__ import annotations

import codecs
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


def prepare_streams() -> None:
    """Let standard output and error replace what their encoding lacks, instead of ending with an error."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors=HANDLER)


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
