"""Near misses: which known field, stock code or name a word of a request may have meant."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Mapping

MAX_SUGGESTIONS = 3
_LONGEST = 64
"""Letters of a word that are compared; a longer one is cut, so that the work stays bounded."""


def did_you_mean(suggestions: tuple[str, ...]) -> str:
    """Return `; did you mean A, B?` to be appended to a message, or an empty text without suggestions."""
    return f"; did you mean {', '.join(suggestions)}?" if suggestions else ""


def nearest(word: str, names: Iterable[str]) -> tuple[str, ...]:
    """Return up to three names that a word may have meant, the nearest first, in the order given when equally near.

    Names within a third of the word's length in edits count; without one, names that contain the word or are in it.
    Case, width and Unicode form do not matter.
    """
    sought = folded(word)[:_LONGEST]
    known = [(name, folded(name)) for name in names]
    allowed = max(1, len(sought) // 3)
    similar = [(i, name) for i, (_, name) in enumerate(known) if abs(len(name) - len(sought)) <= allowed]
    near = [(edits, i) for i, name in similar if (edits := edit_distance(sought, name)) <= allowed]
    if near:
        closest = min(near)[0]
        chosen = [known[i][0] for edits, i in sorted(near) if edits <= closest + (closest > 1)]
        return tuple(chosen[:MAX_SUGGESTIONS])
    if len(sought) < 2:
        return ()
    return tuple(name for name, text in known if text and (sought in text or (len(text) > 2 and text in sought)))[
        :MAX_SUGGESTIONS
    ]


def suggest_fields(word: str, fields: Iterable[str]) -> tuple[str, ...]:
    """Return the request fields that an unknown one may have meant: `exclude_sector` -> `exclude_sectors`.

    `fields` are the names allowed at that place. `_`, `-`, spaces and capitals do not matter (`stopLossPct`), and a
    field whose words include all words of the unknown one counts as near (`stop_loss` -> `stop_loss_pct`).
    """
    known = list(fields)
    plain = _letters(word)
    equal = tuple(name for name in known if _letters(name) == plain)
    if equal:
        return equal[:MAX_SUGGESTIONS]
    longer = sorted((name for name in known if plain and _letters(name).startswith(plain)), key=len)
    near = nearest(word, known)
    return tuple(dict.fromkeys((*longer, *near)))[:MAX_SUGGESTIONS]


def suggest_stocks(word: str, names: Mapping[str, str]) -> tuple[str, ...]:
    """Return the stock codes that an unknown one may have meant; `names`: stock code -> company name.

    `5930` and `A005930` -> `005930`, a name -> its code (an equal name before one that begins with it),
    else the codes that differ by one edit.
    """
    text = folded(word).replace(" ", "")
    candidates = [text.zfill(6)] if text.isdigit() and len(text) < 6 else []
    for prefix, suffix in (("A", ""), ("", ".KS"), ("", ".KQ"), ("KRX:", "")):
        if text.startswith(prefix) and text.endswith(suffix):
            candidates.append(text[len(prefix) : len(text) - len(suffix)])
    exact = tuple(dict.fromkeys(code for code in candidates if code in names))
    if exact:
        return exact[:MAX_SUGGESTIONS]
    by_name = [(folded(name).replace(" ", ""), code) for code, name in names.items()]
    if equal := sorted(code for name, code in by_name if name == text):
        return tuple(equal[:MAX_SUGGESTIONS])
    if len(text) >= 2:
        begins = sorted((len(name), code) for name, code in by_name if name.startswith(text))
        if begins:
            return tuple(code for _, code in begins[:MAX_SUGGESTIONS])
    near = sorted(code for code in names if len(code) == len(text) and _differs_by_one(folded(code), text))
    return tuple(near[:MAX_SUGGESTIONS])


def suggest_sectors(word: str, sectors: Iterable[str]) -> tuple[str, ...]:
    """Return the sectors that an unknown one may have meant, in any spelling of spaces, width and signs."""
    known = list(sectors)
    plain = _letters(word)
    equal = tuple(name for name in known if _letters(name) == plain)
    if equal:
        return equal[:MAX_SUGGESTIONS]
    containing = tuple(name for name in known if len(plain) > 1 and plain in _letters(name))
    return tuple(dict.fromkeys((*containing, *nearest(word, known))))[:MAX_SUGGESTIONS]


def folded(text: str) -> str:
    """Return a text in capitals and in NFKC, so that `ＲＯＥ`, `roe` and `ROE` are equal."""
    return unicodedata.normalize("NFKC", text).upper().strip()


def edit_distance(a: str, b: str) -> int:
    """Return the number of edits (insert, delete, replace, swap of neighbours) between two words."""
    before: list[int] = []
    row = list(range(len(b) + 1))
    for i, x in enumerate(a, 1):
        previous, row = row, [i]
        for j, y in enumerate(b, 1):
            best = min(previous[j] + 1, row[j - 1] + 1, previous[j - 1] + (x != y))
            if i > 1 and j > 1 and x == b[j - 2] and a[i - 2] == y:
                best = min(best, before[j - 2] + 1)
            row.append(best)
        before = previous
    return row[-1]


def _letters(text: str) -> str:
    """Letters and digits only, folded."""
    return "".join(letter for letter in folded(text) if letter.isalnum())


def _differs_by_one(a: str, b: str) -> bool:
    """Whether two texts of equal length differ in one letter or by a swap of two neighbours."""
    places = [i for i, (x, y) in enumerate(zip(a, b, strict=True)) if x != y]
    if len(places) == 2 and places[1] == places[0] + 1:
        return a[places[0]] == b[places[1]] and a[places[1]] == b[places[0]]
    return len(places) == 1
