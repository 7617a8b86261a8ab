"""Weights of the words of `Accept-Language` and `Accept-Encoding` (RFC 9110, section 12.4.2)."""

from __future__ import annotations

import re
from collections.abc import Iterator

_QVALUE = re.compile(r"0(?:\.[0-9]{0,3})?|1(?:\.0{0,3})?", re.ASCII)


def weighted_words(header: str) -> Iterator[tuple[str, float]]:
    """Yield each word of a header in lower case with its q-value: 1 without one, 0 when it is malformed."""
    for part in header.lower().split(","):
        word, *parameters = (text.strip() for text in part.split(";"))
        weight = 1.0
        for parameter in parameters:
            name, _, value = parameter.partition("=")
            if name.strip() == "q":
                weight = float(value) if _QVALUE.fullmatch(value.strip()) else 0.0
        yield word, weight
