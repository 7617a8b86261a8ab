"""Search of stocks by code, by name in Korean or English, and by the initial consonants of a Korean name (초성).

A query is compared with codes and names without spaces, case or width. A lone consonant stands for every syllable that
begins with it (`ㅅㅅㅈㅈ`, `삼ㅅ` -> 삼성전자). At the end of a query a syllable without a final consonant stands
for those with one (`삼서` -> 삼성): a keyboard sends it while the next letter is not typed yet.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

import numpy as np

from shared.model.calendar import NO_DAY
from shared.model.instruments import Instruments
from shared.model.suggestions import folded

INITIALS = "ㄱㄲㄴㄷㄸㄹㅁㅂㅃㅅㅆㅇㅈㅉㅊㅋㅌㅍㅎ"
"""Initial consonants in the order of Unicode's syllables."""

_FIRST, _LAST = 0xAC00, 0xD7A3
_FINALS = 28
_OF_INITIAL = 21 * _FINALS
MAX_QUERY = 64
"""Letters of a query that are compared."""


@dataclass(frozen=True, kw_only=True)
class StockSearch:
    """The texts of a dataset's stocks; positions are columns of its panels."""

    codes: tuple[str, ...]
    names: tuple[str, ...]
    english: tuple[str, ...]
    delisted: tuple[bool, ...]

    @classmethod
    def of(cls, instruments: Instruments, last_day: int) -> StockSearch:
        """Return the search over instruments; those that are delisted on `last_day` (day number) come last."""
        return cls(
            codes=tuple(map(_plain, instruments.code)),
            names=tuple(map(_plain, instruments.name)),
            english=tuple(_plain(name or "") for name in instruments.name_en),
            delisted=tuple(
                bool(day != NO_DAY and day <= last_day) for day in np.asarray(instruments.delisted_day).tolist()
            ),
        )

    def find(self, query: str) -> list[int]:
        """Return the columns of the stocks that a query finds, the best first.

        Equal codes and names come first, then those that begin with the query, then those that contain it; of these
        listed stocks before delisted ones, shorter names before longer ones, then by code.
        """
        text = _plain(query)[:MAX_QUERY]
        if not text:
            return []
        pattern = re.compile(_pattern(text))
        found = []
        for column, (code, name, english) in enumerate(zip(self.codes, self.names, self.english, strict=True)):
            places = [match for word in (code, name, english) if (match := pattern.search(word))]
            if places:
                rank = min(_rank(match) for match in places)
                found.append((rank, self.delisted[column], len(name), code, column))
        return [column for *_, column in sorted(found)]


def _plain(text: str) -> str:
    return "".join(_folded_jamo(text).split())


def _folded_jamo(text: str) -> str:
    """Return a text folded, with lone consonants as they are typed; NFKC would turn them into parts of syllables."""
    pieces = re.split(f"([{INITIALS}]+)", text)
    return "".join(piece if at % 2 else folded(piece) for at, piece in enumerate(pieces))


def _rank(match: re.Match[str]) -> int:
    if match.start():
        return 2
    return 0 if match.end() == len(match.string) else 1


def _pattern(text: str) -> str:
    parts = []
    for at, letter in enumerate(text):
        if letter in INITIALS:
            begin = _FIRST + INITIALS.index(letter) * _OF_INITIAL
            parts.append(f"[{letter}{chr(begin)}-{chr(begin + _OF_INITIAL - 1)}]")
        elif at == len(text) - 1 and _is_open(letter):
            parts.append(f"[{letter}-{chr(ord(letter) + _FINALS - 1)}]")
        else:
            parts.append(re.escape(letter))
    return "".join(parts)


def _is_open(letter: str) -> bool:
    """Whether a letter is a syllable without a final consonant."""
    return _FIRST <= ord(letter) <= _LAST and (ord(letter) - _FIRST) % _FINALS == 0
