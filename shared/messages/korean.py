"""Korean particles, which follow from the last sound of the word before them."""

from __future__ import annotations

from typing import Final

PARTICLES: Final = {
    "을": ("을", "를"),
    "은": ("은", "는"),
    "이": ("이", "가"),
    "과": ("과", "와"),
    "으로": ("으로", "로"),
}
"""Particle -> after a final consonant, after a vowel."""
_DIGITS: Final = {
    "0": "영",
    "1": "일",
    "2": "이",
    "3": "삼",
    "4": "사",
    "5": "오",
    "6": "육",
    "7": "칠",
    "8": "팔",
    "9": "구",
}
_FIRST, _LAST, _FINALS, _RIEUL = 0xAC00, 0xD7A3, 28, 8


class Word(str):
    """A text that is formatted with a particle: `f"{Word('삼성'):을}"` is `삼성을`."""

    __slots__ = ()

    def __format__(self, spec: str) -> str:
        """Return the text, with the particle that fits when `spec` names one."""
        if spec not in PARTICLES:
            return super().__format__(spec)
        return str(self) + particle(self, spec)


class Whole(int):
    """A whole number that is formatted with a particle as `Word` is."""

    __slots__ = ()

    def __format__(self, spec: str) -> str:
        """Return the digits, with the particle that fits when `spec` names one."""
        return super().__format__(spec) if spec not in PARTICLES else format(Word(int(self)), spec)


def particle(word: str, kind: str) -> str:
    """Return the particle after a word; both forms, `을(를)`, when the sound of its end is not known."""
    closed, open_ = PARTICLES[kind]
    letters = [letter for letter in word if letter.isalnum()]
    last = _DIGITS.get(letters[-1], letters[-1]) if letters else ""
    if not (last and _FIRST <= ord(last) <= _LAST):
        return "(으)로" if kind == "으로" else f"{closed}({open_})"
    final = (ord(last) - _FIRST) % _FINALS
    return open_ if final == 0 or (kind == "으로" and final == _RIEUL) else closed
