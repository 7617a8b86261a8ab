"""The declaration of a setting: its variable, default, parser and meaning."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from shared.settings.parsers import Parse

PREFIX = "ONDOL_"


def setting(
    default: Any, services: str, unit: str, parse: Parse, meaning: str, *,
    secret: bool = False, private: bool = False, former: str | None = None, alias: str | None = None,
) -> Any:  # fmt: skip
    """Declare a setting. `former` is its name in earlier versions (deprecated), `alias` a second valid name.

    The file of a `private` secret must be readable by its owner only.
    """
    metadata = {
        "services": services, "unit": unit, "parse": parse, "meaning": meaning, "secret": secret, "private": private,
        "former": former, "alias": alias,
    }  # fmt: skip
    return field(default=default, repr=not secret, metadata=metadata)


@dataclass(frozen=True, kw_only=True)
class Setting:
    """The declaration of one environment variable, as `Settings` states it."""

    attribute: str
    default: Any
    services: str
    unit: str
    parse: Parse
    meaning: str
    secret: bool
    private: bool
    former: str | None
    alias: str | None

    @property
    def name(self) -> str:
        """The environment variable."""
        return PREFIX + self.attribute.upper()

    @property
    def names(self) -> tuple[str, ...]:
        """The variable and its valid other names."""
        return tuple(name for name in (self.name, self.alias, self.former) if name is not None)


def format_value(value: Any) -> str:
    """Return a value as its variable states it."""
    if isinstance(value, bool):
        return "true" if value else "false"
    return ",".join(value) if isinstance(value, tuple) else str(value)
