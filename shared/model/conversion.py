"""Conversion of plain JSON values into declared types, with every problem reported at once.

`msgspec.convert` stops at the first problem; `convert` walks the rest of the value and names each place with what is
wrong there and what is allowed. Values that fit take the fast way only.
"""

from __future__ import annotations

import datetime as dt
import math
import re
import sys
from collections.abc import Callable, Iterable, Mapping
from functools import cache
from typing import Any, Generic, NamedTuple, TypeVar

import msgspec
from msgspec import inspect

from shared.errors import Problem
from shared.messages import Message, say
from shared.model.suggestions import nearest, suggest_fields

T = TypeVar("T")

EXPRESSION_FIELDS = frozenset({"where", "rank_by", "when"})
"""Fields whose problems carry a line and a column, as those of the expression's parser do."""


class Conversion(NamedTuple, Generic[T]):
    """A converted value and the problems on the way.

    With problems, `value` has defaults (or a placeholder for a required field) at their places, so that what is right
    can be checked further; it is None when even that is impossible.
    """

    value: T | None
    problems: list[Problem]


def convert(value: object, kind: type[T], path: str = "") -> Conversion[T]:
    """Convert a plain value (of JSON: dict, list, str, int, float, bool, None); `path` prefixes the places."""
    try:
        return Conversion(msgspec.convert(value, kind), [])
    except msgspec.ValidationError:
        problems: list[Problem] = []
        info: Any = kind
        found = _convert(value, _info(info), path, problems)
        return Conversion(None if found is _FAILED else found, problems)


@cache
def _info(kind: Any) -> inspect.Type:
    return inspect.type_info(kind)


_FAILED: Any = object()
"""Result of a conversion that has no usable value."""


def _convert(value: object, info: inspect.Type, path: str, problems: list[Problem]) -> Any:
    while isinstance(info, inspect.Metadata):
        info = info.type
    converter = _CONVERTERS.get(type(info))
    if converter is None:
        raise TypeError(f"no conversion for {info!r}")
    return converter(value, info, path, problems)


def _problem(path: str, message: Message, suggestions: tuple[str, ...] = ()) -> Problem:
    name = path.rpartition(".")[2]
    at = 1 if name in EXPRESSION_FIELDS else None
    return Problem(path=path, message=message, line=at, column=at, suggestions=suggestions)


def _join(path: str, name: str) -> str:
    return f"{path}.{name}" if path else name


def _struct(value: object, info: inspect.StructType, path: str, problems: list[Problem]) -> Any:
    if not isinstance(value, Mapping):
        problems.append(_problem(path, say("not_an_object")))
        return _FAILED
    fields = {field.encode_name: field for field in info.fields}
    if info.forbid_unknown_fields:
        problems += unknown_fields(path, (name for name in value if name not in fields), fields)
    values: dict[str, Any] = {}
    for name, field in fields.items():
        if name in value:
            found = _convert(value[name], field.type, _join(path, name), problems)
            if found is not _FAILED:
                values[field.name] = found
                continue
        elif field.required:
            problems.append(_problem(_join(path, name), say("field_required")))
        if field.required:
            values[field.name] = _placeholder(field.type)
    return _FAILED if any(value is _FAILED for value in values.values()) else info.cls(**values)


def _placeholder(info: inspect.Type) -> Any:
    """Return a value for a required field that has none: a date, or a struct whose fields all have defaults."""
    while isinstance(info, inspect.Metadata):
        info = info.type
    if isinstance(info, inspect.DateType):
        return dt.date(2000, 1, 4)
    if isinstance(info, inspect.StructType) and not any(field.required for field in info.fields):
        return info.cls()
    return _FAILED


def unknown_fields(path: str, unknown: Iterable[object], known: Iterable[str]) -> list[Problem]:
    """Return a problem for each unknown field, with the nearest known fields as suggestions."""
    names = sorted(known)
    problems = []
    for name in unknown:
        near = suggest_fields(str(name), names)
        message = say("unknown_field", suggestions=near, known=[] if near else names)
        problems.append(_problem(_join(path, str(name)), message, near))
    return problems


def _union(value: object, info: inspect.UnionType, path: str, problems: list[Problem]) -> Any:
    options = [part.type if isinstance(part, inspect.Metadata) else part for part in info.types]
    if value is None and any(isinstance(part, inspect.NoneType) for part in options):
        return None
    options = [part for part in options if not isinstance(part, inspect.NoneType)]
    if len(options) > 1:
        # of several types the one is meant that shares the JSON type of the value
        structs: list[inspect.Type] = [part for part in options if isinstance(part, inspect.StructType)]
        others = [part for part in options if not isinstance(part, inspect.StructType)]
        options = structs if isinstance(value, Mapping) and structs else others
    return _convert(value, options[0], path, problems)


def _number(value: object, info: inspect.FloatType | inspect.IntType, path: str, problems: list[Problem]) -> Any:
    whole = isinstance(info, inspect.IntType)
    if isinstance(value, bool) or not isinstance(value, int | float) or (whole and value != value // 1):
        problems.append(_problem(path, say("not_a_whole_number" if whole else "not_a_number", **_bounds(info))))
        return _FAILED
    if not (math.isfinite(value) and _within(value, info)):
        problems.append(_problem(path, say("out_of_range", value=_finite(value), **_bounds(info))))
        return _FAILED
    return int(value) if whole else float(value)


def _within(value: float, info: inspect.FloatType | inspect.IntType) -> bool:
    return (
        (info.ge is None or value >= info.ge)
        and (info.gt is None or value > info.gt)
        and (info.le is None or value <= info.le)
        and (info.lt is None or value < info.lt)
    )


def _bounds(info: inspect.FloatType | inspect.IntType) -> dict[str, float | None]:
    return {"ge": info.ge, "gt": info.gt, "le": info.le, "lt": info.lt}


def _finite(value: float) -> float:
    """Return a number that JSON can hold."""
    return value if math.isfinite(value) else math.copysign(sys.float_info.max, value)


def _text(value: object, info: inspect.StrType, path: str, problems: list[Problem]) -> Any:
    if not isinstance(value, str):
        problems.append(_problem(path, say("not_a_text")))
    elif "\x00" in value:
        problems.append(_problem(path, say("nul_character")))
    elif not (info.min_length or 0) <= len(value) <= (info.max_length or len(value)):
        message = say("text_length", minimum=info.min_length or 0, maximum=info.max_length, length=len(value))
        problems.append(_problem(path, message))
    elif info.pattern is not None and re.search(info.pattern, value) is None:
        problems.append(_problem(path, say("pattern_mismatch", pattern=info.pattern)))
    else:
        return value
    return _FAILED


def _boolean(value: object, info: inspect.BoolType, path: str, problems: list[Problem]) -> Any:
    if not isinstance(value, bool):
        problems.append(_problem(path, say("not_a_boolean")))
        return _FAILED
    return value


def _literal(value: object, info: inspect.LiteralType, path: str, problems: list[Problem]) -> Any:
    if isinstance(value, str | int) and not isinstance(value, bool) and value in info.values:
        return value
    allowed = [str(option) for option in info.values]
    near = nearest(value, allowed) if isinstance(value, str) else ()
    given = value if isinstance(value, str) and len(value) <= 100 else None
    problems.append(_problem(path, say("not_a_choice", value=given, choices=allowed), near))
    return _FAILED


def _date(value: object, info: inspect.DateType, path: str, problems: list[Problem]) -> Any:
    if isinstance(value, dt.date):
        return value
    try:
        return msgspec.convert(value, dt.date)
    except msgspec.ValidationError:
        shaped = isinstance(value, str) and len(value) == 10 and value[4] == value[7] == "-"
        problems.append(_problem(path, say("no_such_date" if shaped else "not_a_date")))
        return _FAILED


def _sequence(value: object, info: Any, path: str, problems: list[Problem]) -> Any:
    if not isinstance(value, list | tuple):
        problems.append(_problem(path, say("not_a_list")))
        return _FAILED
    least, most = info.min_length or 0, info.max_length
    if len(value) < least:
        problems.append(_problem(path, say("too_few_entries", minimum=least)))
        return _FAILED
    if most is not None and len(value) > most:
        problems.append(_problem(path, say("too_many_entries", maximum=most, length=len(value))))
        return _FAILED
    before = len(problems)
    found = [_convert(item, info.item_type, f"{path}[{index}]", problems) for index, item in enumerate(value)]
    if len(problems) > before:
        return _FAILED
    return tuple(found) if isinstance(info, inspect.VarTupleType) else found


def _mapping(value: object, info: inspect.DictType, path: str, problems: list[Problem]) -> Any:
    if not isinstance(value, Mapping):
        problems.append(_problem(path, say("not_an_object")))
        return _FAILED
    least, most = info.min_length or 0, info.max_length
    if len(value) < least:
        problems.append(_problem(path, say("too_few_entries", minimum=least)))
        return _FAILED
    if most is not None and len(value) > most:
        problems.append(_problem(path, say("too_many_entries", maximum=most, length=len(value))))
        return _FAILED
    before = len(problems)
    found = {
        _convert(name, info.key_type, _join(path, str(name)), problems): _convert(
            below, info.value_type, _join(path, str(name)), problems
        )
        for name, below in value.items()
    }
    return _FAILED if len(problems) > before else found


def _anything(value: object, info: inspect.AnyType, path: str, problems: list[Problem]) -> Any:
    return value


_CONVERTERS: dict[type, Callable[..., Any]] = {
    inspect.AnyType: _anything,
    inspect.DictType: _mapping,
    inspect.StructType: _struct,
    inspect.UnionType: _union,
    inspect.FloatType: _number,
    inspect.IntType: _number,
    inspect.StrType: _text,
    inspect.BoolType: _boolean,
    inspect.LiteralType: _literal,
    inspect.DateType: _date,
    inspect.VarTupleType: _sequence,
    inspect.ListType: _sequence,
}
