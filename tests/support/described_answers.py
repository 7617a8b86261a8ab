"""What an answer has that its OpenAPI schema does not declare, and what it lacks."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

Schema = Mapping[str, Any]
_TYPES: dict[str, tuple[type, ...]] = {
    "object": (dict,), "array": (list,), "string": (str,), "boolean": (bool,), "integer": (int,),
    "number": (int, float), "null": (type(None),),
}  # fmt: skip


def differences(value: Any, schema: Schema, components: Mapping[str, Schema], path: str = "") -> list[str]:
    """Return where a value differs from a schema: undeclared and missing fields, other types, other choices."""
    return list(_differences(value, _resolved(schema, components), components, path))


def _resolved(schema: Schema, components: Mapping[str, Schema]) -> Schema:
    while "$ref" in schema:
        schema = components[str(schema["$ref"]).rpartition("/")[2]]
    return schema


def _differences(value: Any, schema: Schema, components: Mapping[str, Schema], path: str) -> Iterator[str]:
    if "anyOf" in schema:
        options = [_resolved(option, components) for option in schema["anyOf"]]
        fitting = [option for option in options if _fits(value, option)] or options
        yield from min((differences(value, option, components, path) for option in fitting), key=len)
        return
    if "enum" in schema and value not in schema["enum"]:
        yield f"{path}: {value!r} is none of {schema['enum']}"
    kinds = schema.get("type", [])
    names = [kinds] if isinstance(kinds, str) else kinds
    if names and not any(_has_type(value, name) for name in names):
        yield f"{path}: {type(value).__name__} is not {' or '.join(names)}"
    elif isinstance(value, dict):
        yield from _of_object(value, schema, components, path)
    elif isinstance(value, list) and "items" in schema:
        for index, item in enumerate(value):
            yield from differences(item, schema["items"], components, f"{path}[{index}]")


def _fits(value: Any, schema: Schema) -> bool:
    """Whether a value has the type that a schema names."""
    kinds = schema.get("type", [])
    names = [kinds] if isinstance(kinds, str) else kinds
    return any(_has_type(value, name) for name in names)


def _has_type(value: Any, name: str) -> bool:
    is_flag = isinstance(value, bool)
    return isinstance(value, _TYPES[name]) and is_flag == (name == "boolean")


def _of_object(value: dict[str, Any], schema: Schema, components: Mapping[str, Schema], path: str) -> Iterator[str]:
    declared = schema.get("properties", {})
    for name in schema.get("required", ()):
        if name not in value:
            yield f"{path}.{name}: is required and absent"
    for name, part in value.items():
        if name in declared:
            yield from differences(part, declared[name], components, f"{path}.{name}")
        elif isinstance(schema.get("additionalProperties"), Mapping):
            yield from differences(part, schema["additionalProperties"], components, f"{path}.{name}")
        elif declared and not schema.get("additionalProperties"):
            yield f"{path}.{name}: is not declared"
