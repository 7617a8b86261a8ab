"""The page `docs/reference/settings.md`, generated from the declarations."""

from __future__ import annotations

from shared.settings.declaration import format_value
from shared.settings.fields import SETTINGS


def documentation() -> str:
    """Return the page `docs/reference/settings.md`."""
    lines = [
        "# Settings",
        "",
        "All settings are environment variables. `python -m shared.settings` generates this page.",
        "The file that `NAME_FILE` names may contain a secret instead. Sizes may have a unit (`512MiB`).",
        "Former names still work; each service logs `setting.deprecated` for those that are set.",
        "",
        "| name | read by | default | unit | meaning |",
        "|---|---|---|---|---|",
    ]
    for s in SETTINGS:
        default = {"factors": "all"}.get(s.attribute, "") if s.default is None else format_value(s.default)
        other = (f" (alias `{s.alias}`)" if s.alias else "") + (f" (formerly `{s.former}`)" if s.former else "")
        meaning = s.meaning + (" Secret." if s.secret else "")
        lines.append(
            f"| `{s.name}`{other} | {s.services} | {f'`{default}`' if default else ''} | {s.unit} | {meaning} |"
        )
    return "\n".join(lines) + "\n"
