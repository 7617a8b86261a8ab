"""The reference page of errors: `python -m shared.messages.page` writes docs/reference/errors.md."""

from __future__ import annotations

import pathlib

from shared.messages.catalogue import SECTIONS
from shared.messages.message import MessageKind, render, say

PAGE = pathlib.Path(__file__).resolve().parents[2] / "docs" / "reference" / "errors.md"

_INTRODUCTION = """# Errors

Every problem document has a `code` and `params` for its `detail`, and each entry of `errors` has them for its `message`. Codes and the names of parameters are stable; sentences may be improved. `python -m shared.messages.page` generates this page.

- The sentences are English, or Korean with `Accept-Language: ko` (q-values count). `title`, `detail`, `message` and the `message` of a result's [warnings](warnings.md) are translated; `Content-Language` names the language.
- The code of an invalid request is `invalid_request`; what is wrong is listed under `errors`. Its `detail` is the message of a single mistake, or their number.
- A failed backtest has its `kind` besides; its `error` is stored with code and parameters, and is shown in the language of each reader.
- `invalid_value` is the code of a message of an earlier version, `params.message` its text.

The sentences below are those of the example parameters.
"""


def page() -> str:
    """Return the text of the page."""
    lines = [_INTRODUCTION]
    for title, kinds in SECTIONS.items():
        lines += [f"## {title}", "", "| code | parameters | English | Korean |", "|---|---|---|---|"]
        lines += [_row(kind) for kind in kinds]
        lines.append("")
    return "\n".join(lines)


def _row(kind: MessageKind) -> str:
    names = ", ".join(f"`{name}`" for name in kind.parameters)
    message = say(kind.code, **kind.parameters)
    korean = render(kind.code, message.params, "ko") or ""
    return f"| `{kind.code}` | {names} | {_cell(message)} | {_cell(korean)} |"


def _cell(text: str) -> str:
    return text.replace("|", "\\|")


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
