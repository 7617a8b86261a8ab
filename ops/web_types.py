"""Write the types and the default request of the web application: `python ops/web_types.py` (`make web` runs it).

The types come from the OpenAPI document, the defaults from the declaration of the request.
"""

from __future__ import annotations

import json
import pathlib
import re
from typing import Any

import msgspec

from services.api.routes import ROUTES
from services.api.schemas.openapi import document
from shared.model.request import BacktestOptions, Strategy

TARGET = pathlib.Path(__file__).resolve().parents[1] / "web" / "src" / "api" / "schema.ts"
DEFAULTS = TARGET.with_name("defaults.ts")
DEFAULTS_HEAD = "// Written by ops/web_types.py from the declaration of the request; `make web` writes it again.\n\n"
HEAD = "// Written by ops/web_types.py from the OpenAPI document; `make web` writes it again.\n\n"

Schema = dict[str, Any]
_PRIMITIVES = {
    "string": "string", "number": "number", "integer": "number", "boolean": "boolean", "null": "null",
}  # fmt: skip


def type_of(schema: Schema) -> str:
    """Return the TypeScript type of a JSON schema."""
    if "$ref" in schema:
        return str(schema["$ref"]).rsplit("/", 1)[-1]
    if "enum" in schema:
        return _union(json.dumps(value, ensure_ascii=False) for value in schema["enum"])
    if "const" in schema:
        return json.dumps(schema["const"])
    for key in ("anyOf", "oneOf"):
        if key in schema:
            return _union(type_of(each) for each in schema[key])
    kind = schema.get("type")
    if isinstance(kind, list):
        return _union(type_of({**schema, "type": each}) for each in kind)
    if kind == "array":
        inner = type_of(schema.get("items") or {})
        return f"({inner})[]" if "|" in inner else f"{inner}[]"
    if kind == "object":
        values = schema.get("additionalProperties")
        return f"Record<string, {type_of(values) if isinstance(values, dict) else 'unknown'}>"
    return _PRIMITIVES.get(str(kind), "unknown")


def _union(types: Any) -> str:
    return " | ".join(dict.fromkeys(types))


def interface(name: str, schema: Schema) -> str:
    """Return the declaration of one component."""
    comment = f"/** {schema['description']} */\n" if schema.get("description") else ""
    if schema.get("type") != "object" or "properties" not in schema:
        return f"{comment}export type {name} = {type_of(schema)};\n"
    required = set(schema.get("required", ()))
    lines = []
    for field, value in schema["properties"].items():
        if value.get("description"):
            lines.append(f"  /** {value['description']} */")
        key = field if re.fullmatch(r"[A-Za-z_]\w*", field) else json.dumps(field)
        lines.append(f"  {key}{'' if field in required else '?'}: {type_of(value)};")
    return f"{comment}export interface {name} {{\n" + "\n".join(lines) + "\n}\n"


def defaults() -> str:
    """Return the module with the defaults of every field of a request that has one."""
    options = {
        field.name: field.default_factory() if field.default is msgspec.NODEFAULT else field.default
        for field in msgspec.structs.fields(BacktestOptions)
        if not field.required
    }
    values = msgspec.to_builtins({"strategy": Strategy(), **options})
    return f"{DEFAULTS_HEAD}export const DEFAULTS = {json.dumps(values, indent=2, ensure_ascii=False)};\n"


def main() -> None:
    """Write the files."""
    described = document(ROUTES)
    components = described["components"]["schemas"]
    parts = [interface(name, components[name]) for name in sorted(components)]
    TARGET.write_text(HEAD + "\n".join(parts), encoding="utf-8")
    DEFAULTS.write_text(defaults(), encoding="utf-8")
    print(f"wrote {TARGET.relative_to(TARGET.parents[3])}: {len(components)} types")


if __name__ == "__main__":
    main()
