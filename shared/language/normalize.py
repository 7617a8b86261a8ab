"""Unicode normalisation of an expression, with the place of every character in the text as it was written."""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass

_KEPT_FORMS = ("<super>", "<sub>", "<fraction>", "<circle>")
"""Compatibility forms that are not normalised, because the digits would join those beside them (`5²` is not 52); so are
signs of several characters with a digit, such as the number with a point `⒈`."""


@dataclass(frozen=True, slots=True)
class Source:
    """A text in NFKC; `offsets[i]` is the place in the original text of character i, and of the end."""

    text: str
    offsets: tuple[int, ...] | None

    def original(self, at: int) -> int:
        """Return the offset in the original text of an offset in the normalised one."""
        return at if self.offsets is None else self.offsets[at]


def normalize(text: str) -> Source:
    """Return the text in NFKC: full-width characters become plain ones, decomposed Hangul becomes syllables."""
    if text.isascii() or (unicodedata.is_normalized("NFKC", text) and not _has_kept_form(text)):
        return Source(text, None)
    pieces: list[str] = []
    offsets: list[int] = []
    start = 0
    while start < len(text):
        stop = start + 1
        while stop < len(text) and _joins(text[stop]):
            stop += 1
        cluster = text[start:stop]
        piece = cluster if _has_kept_form(cluster) else unicodedata.normalize("NFKC", cluster)
        pieces.append(piece)
        offsets += [start] * len(piece)
        start = stop
    return Source("".join(pieces), (*offsets, len(text)))


def _joins(character: str) -> bool:
    """Whether a character may become one with the character before it."""
    return (
        unicodedata.combining(character) != 0 or "\u1160" <= character <= "\u11ff" or "\uff9e" <= character <= "\uff9f"
    )


def _has_kept_form(text: str) -> bool:
    return any(
        form.startswith(_KEPT_FORMS) or (form.startswith("<compat>") and _has_digit(character))
        for character in text
        if (form := unicodedata.decomposition(character))
    )


def _has_digit(character: str) -> bool:
    return any(part.isdigit() for part in unicodedata.normalize("NFKC", character))
