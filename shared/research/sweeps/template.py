"""The template of a sweep: where its placeholders stand, and the backtest that results from values.

A placeholder `$name` stands in an expression wherever a number or the name of a factor may stand, or is the whole text
of a JSON field whose declared type is a number, a choice or true/false. Only one token is ever replaced: a number, or a
name. Everything else is refused with its place.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from functools import cache
from typing import Any

from msgspec import inspect

from shared.errors import Problem
from shared.language.lexer import problem
from shared.language.names import LETTERS, NAME
from shared.language.places import PLACES
from shared.messages import say
from shared.model.request import BacktestRequest
from shared.model.suggestions import nearest
from shared.research.sweeps.lattice import Value
from shared.research.sweeps.substitution import Replacement, original_problems, substituted

PLACEHOLDER = re.compile(r"\$([A-Za-z][A-Za-z0-9_]*)")
EXPRESSIONS = frozenset(f"strategy.{place}" for place in PLACES)
_WHOLE = re.compile(rf"{PLACEHOLDER.pattern}\Z")
_BEFORE = re.compile(rf"[{LETTERS}0-9.$]\Z")
_AFTER = re.compile(rf"\s*\(|[{LETTERS}0-9.$]")
_NAME = re.compile(rf"{NAME}\Z")

Keys = tuple[str | int, ...]


@dataclass(frozen=True, kw_only=True)
class Use:
    """A placeholder: its parameter, its field, and in an expression its offsets."""

    name: str
    keys: Keys
    path: str
    start: int | None = None
    end: int | None = None
    whole: bool = False
    """Only whole numbers can stand here."""


@dataclass(frozen=True, kw_only=True)
class Template:
    """A backtest with placeholders, its strategy spelled out."""

    body: Mapping[str, Any]
    uses: tuple[Use, ...]
    problems: tuple[Problem, ...] = field(default=())

    @property
    def names(self) -> frozenset[str]:
        """Return the parameters that are used."""
        return frozenset(use.name for use in self.uses)

    def of(self, values: Mapping[str, Value]) -> dict[str, Any]:
        """Return the backtest with these values of all parameters; the template is not changed."""
        found = dict(self.body)
        copied: dict[Keys, Any] = {(): found}
        for keys in dict.fromkeys(use.keys for use in self.uses):
            below = _own(copied, keys[:-1])
            below[keys[-1]] = self._field(keys, below[keys[-1]], values)
        return found

    def _field(self, keys: Keys, original: str, values: Mapping[str, Value]) -> Value:
        uses = [use for use in self.uses if use.keys == keys]
        if uses[0].start is None:
            return values[uses[0].name]
        return substituted(original, _replacements(uses, values))

    def original_problems(self, problems: list[Problem], values: Mapping[str, Value]) -> list[Problem]:
        """Return problems of the backtest of these values with their places in the template."""
        found: list[Problem] = []
        for one in problems:
            uses = [use for use in self.uses if use.path == one.path and use.start is not None]
            if uses:
                text = _at(self.body, uses[0].keys)
                found += original_problems(text, _replacements(uses, values), [one])
            else:
                found.append(one)
        return found


def read_template(body: Mapping[str, Any], names: frozenset[str]) -> Template:
    """Return the template with its placeholders; `problems` has each one that cannot stand where it stands or has no
    parameter among `names`."""
    uses: list[Use] = []
    problems: list[Problem] = []
    for keys, path, text, info in _texts(body, inspect.type_info(BacktestRequest), (), ""):
        if path in EXPRESSIONS:
            _read_expression(text, keys, path, uses, problems)
        elif PLACEHOLDER.search(text):
            single = _WHOLE.match(text)
            if single is None or info is None or not _takes_placeholder(info):
                problems.append(Problem(path=path, message=say("sweep_placeholder_place")))
            else:
                uses.append(Use(name=single[1], keys=keys, path=path, whole=_only_whole(info)))
    for use in uses:
        if use.name not in names:
            near = nearest(use.name, sorted(names))
            message = say("sweep_parameter_undeclared", name=use.name, suggestions=near)
            problems.append(
                Problem(path=use.path, message=message, suggestions=near)
                if use.start is None
                else problem(_at(body, use.keys), use.start, message, use.path, near)
            )
    return Template(body=body, uses=tuple(uses), problems=tuple(problems))


def _read_expression(text: str, keys: Keys, path: str, uses: list[Use], problems: list[Problem]) -> None:
    for found in PLACEHOLDER.finditer(text):
        if _BEFORE.search(text[: found.start()]) or _AFTER.match(text, found.end()):
            problems.append(problem(text, found.start(), say("sweep_placeholder_token", name=found[1]), path))
            continue
        uses.append(Use(name=found[1], keys=keys, path=path, start=found.start(), end=found.end()))


def _replacements(uses: list[Use], values: Mapping[str, Value]) -> list[Replacement]:
    return [Replacement(use.start or 0, use.end or 0, token(values[use.name])) for use in uses]


def token(value: Value) -> str:
    """Return a value as it stands in an expression: a number, in parentheses when it is negative, or a name.

    A value that is neither stands as a sign that no expression accepts.
    """
    if isinstance(value, str):
        return value if _NAME.match(value) else "?"
    if value is None or isinstance(value, bool):
        return "?"
    text = f"{Decimal(repr(value)):f}"
    return f"({text})" if value < 0 else text


def is_token(value: Value) -> bool:
    """Return whether a value can stand in an expression."""
    return token(value) != "?"


def _own(copied: dict[Keys, Any], keys: Keys) -> Any:
    """Return the container at a path, copied once so that the template keeps its own."""
    if keys not in copied:
        above = _own(copied, keys[:-1])
        below = above[keys[-1]]
        copied[keys] = above[keys[-1]] = dict(below) if isinstance(below, Mapping) else list(below)
    return copied[keys]


def _at(body: Any, keys: Keys) -> Any:
    for key in keys:
        body = body[key]
    return body


def _texts(
    value: Any, info: inspect.Type | None, keys: Keys, path: str
) -> Iterator[tuple[Keys, str, str, inspect.Type | None]]:
    """Yield (keys, path, text, declared type) of every text in a body; the type is None where none is declared."""
    if isinstance(value, str):
        yield keys, path, value, info
    elif isinstance(value, Mapping):
        fields = _fields(info)
        for name, below in value.items():
            yield from _texts(below, fields.get(name), (*keys, name), f"{path}.{name}" if path else str(name))
    elif isinstance(value, list | tuple):
        item = _item(info)
        for index, below in enumerate(value):
            yield from _texts(below, item, (*keys, index), f"{path}[{index}]")


def _options(info: inspect.Type | None) -> tuple[inspect.Type, ...]:
    """Return the types of a union, without annotations."""
    if isinstance(info, inspect.Metadata):
        return _options(info.type)
    if isinstance(info, inspect.UnionType):
        return tuple(part for option in info.types for part in _options(option))
    return () if info is None else (info,)


def _fields(info: inspect.Type | None) -> Mapping[str, inspect.Type]:
    for option in _options(info):
        if isinstance(option, inspect.StructType):
            return _fields_of(option.cls)
    return {}


@cache
def _fields_of(struct: type) -> Mapping[str, inspect.Type]:
    return {found.encode_name: found.type for found in inspect.type_info(struct).fields}  # type: ignore[attr-defined]


def _item(info: inspect.Type | None) -> inspect.Type | None:
    for option in _options(info):
        if isinstance(option, inspect.VarTupleType):
            return option.item_type
    return None


def _takes_placeholder(info: inspect.Type) -> bool:
    kinds = (inspect.IntType, inspect.FloatType, inspect.LiteralType, inspect.BoolType)
    return any(isinstance(option, kinds) for option in _options(info))


def _only_whole(info: inspect.Type) -> bool:
    options = _options(info)
    return any(isinstance(o, inspect.IntType) for o in options) and not any(
        isinstance(o, inspect.FloatType) for o in options
    )
