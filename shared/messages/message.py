"""A message: text that carries its code and parameters, so that it can be said again in another language."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final, Literal

from shared.messages.derived import DERIVED
from shared.messages.korean import Whole, Word

Language = Literal["en", "ko"]
UNCLASSIFIED = "invalid_value"
"""The code of a text that was made without one."""
MAX_WHOLE: Final = 2**63 - 1
"""The greatest whole number of a parameter."""


@dataclass(frozen=True, kw_only=True, slots=True)
class MessageKind:
    """A declared message. Templates have the fields of `str.format`: parameters, and texts of DERIVED.

    `parameters`: name -> example, which also declares the type. In Korean, `{name:을}` is the value with the particle
    that fits its end (`을` or `를`).
    """

    code: str
    en: str
    ko: str
    parameters: Mapping[str, Any]


class Message(str):
    """An English sentence with its code and parameters (values of JSON)."""

    __slots__ = ("code", "params")
    code: str
    params: Mapping[str, Any]

    def __new__(cls, kind: MessageKind, params: Mapping[str, Any]) -> Message:
        """Return the English sentence of a kind."""
        made = super().__new__(cls, _format(kind.en, params, "en"))
        made.code, made.params = kind.code, params
        return made

    def __reduce__(self) -> tuple[Callable[..., Message], tuple[str, dict[str, Any]]]:
        """Return what a copy is made from in another process."""
        return _said, (self.code, dict(self.params))


def _said(code: str, params: dict[str, Any]) -> Message:
    return say(code, **params)


def say(code: str, /, **params: Any) -> Message:
    """Return the message of a code; raise ValueError for parameters that its declaration does not have."""
    kind = _kind(code)
    if kind.parameters.keys() != params.keys():
        raise ValueError(f"the message {code} has the parameters {sorted(kind.parameters)}, not {sorted(params)}")
    return Message(kind, {name: _plain(value) for name, value in params.items()})


def render(code: str, params: Mapping[str, Any], language: Language) -> str | None:
    """Return the sentence of a code; None for a code or parameters of another version."""
    from shared.messages.catalogue import KINDS

    kind = KINDS.get(code)
    if kind is None or kind.parameters.keys() != params.keys():
        return None
    return _format(kind.ko if language == "ko" else kind.en, params, language)


def joined(messages: Iterable[str]) -> str:
    """Return the distinct messages as one text; a single one as it is."""
    distinct = list(dict.fromkeys(messages))
    if len(distinct) == 1:
        return distinct[0]
    several = str.__new__(Message, "; ".join(distinct))
    several.code, several.params = "several_problems", {"count": len(distinct)}
    return several


def _kind(code: str) -> MessageKind:
    from shared.messages.catalogue import KINDS

    return KINDS[code]


def _plain(value: Any) -> Any:
    """Return a parameter as JSON has it: sets and tuples become lists, other objects texts.

    A whole number beyond 64 bits, which no encoder writes, becomes the greatest (or the least) that has them.
    """
    if isinstance(value, int) and not isinstance(value, bool):
        return max(-MAX_WHOLE, min(value, MAX_WHOLE))
    if value is None or isinstance(value, bool | int | float):
        return value
    if isinstance(value, list | tuple | set | frozenset):
        return [_plain(item) for item in value]
    return str(value)


def _format(template: str, params: Mapping[str, Any], language: Language) -> str:
    fields = {name: _shown(value) for name, value in params.items()}
    fields |= {name: derive(params, language) for name, derive in DERIVED.items() if f"{{{name}}}" in template}
    return template.format(**fields)


def _shown(value: Any) -> Any:
    if isinstance(value, list):
        return Word(", ".join(map(str, value)))
    if isinstance(value, int) and not isinstance(value, bool):
        return Whole(value)
    return Word(value) if isinstance(value, str) else "null" if value is None else value
