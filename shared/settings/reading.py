"""Reading of settings from environment variables and from files of secrets."""

from __future__ import annotations

import pathlib
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from shared.settings.declaration import PREFIX, Setting

SECRETS_FOLDER = "/run/secrets"
"""Where containers mount secrets."""

OTHER_NAMES = frozenset(
    {
        "ONDOL_API_KEY", "ONDOL_API_URL", "ONDOL_CONTAINERS_DIR", "ONDOL_LANGUAGE", "ONDOL_PUBLISHED_PORT",
        "ONDOL_REAL_MARKET",
    }
)  # fmt: skip
"""Variables of commands, clients, containers and tests that are no settings of a service."""


def read(settings: Sequence[Setting], environment: Mapping[str, str]) -> tuple[dict[str, Any], list[str]]:
    """Return the values that variables state, by attribute, and every mistake."""
    values: dict[str, Any] = {}
    mistakes: list[str] = []
    known = set(OTHER_NAMES)
    for setting in settings:
        known.update(setting.names)
        known.update(f"{name}_FILE" for name in setting.names if setting.secret)
        name = setting.name
        try:
            texts = dict(_texts(setting, environment))
            if len(set(texts.values())) > 1:
                mistakes.append(f"{' and '.join(texts)}: are one setting and have different values; set one of them")
            elif texts:
                name, text = next(iter(texts.items()))
                values[setting.attribute] = setting.parse(text)
        except OSError as error:
            mistakes.append(f"{setting.name}_FILE: cannot be read ({error.strerror})")
        except ValueError as error:
            mistakes.append(f"{name}: {error}")
    mistakes += [
        f"{name}: there is no such setting"
        for name in sorted(environment)
        if name.startswith(PREFIX) and name not in known
    ]
    return values, mistakes


def _texts(setting: Setting, environment: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    """Yield the variables that are set and their texts; the file that `NAME_FILE` names may contain a secret."""
    for name in setting.names:
        if environment.get(name):
            yield name, environment[name].strip()
        elif setting.secret and environment.get(f"{name}_FILE"):
            path = pathlib.Path(environment[f"{name}_FILE"])
            if setting.private:
                _refuse_wide_mode(path)
            yield name, path.read_text(encoding="utf-8").strip()


def _refuse_wide_mode(path: pathlib.Path) -> None:
    """Raise ValueError when others than the owner may read a key; the mode of a mounted secret is its platform's."""
    mode = path.stat().st_mode & 0o777
    if mode & 0o077 and not path.is_relative_to(SECRETS_FOLDER):
        raise ValueError(f"the file {path} has mode {mode:04o}, so that others can read the key: chmod 600 {path}")
