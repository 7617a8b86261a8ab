"""Address, key and language of a client that is given none: ONDOL_API_URL, ONDOL_API_KEY(_FILE), ONDOL_LANGUAGE."""

from __future__ import annotations

import os
import pathlib
from typing import Literal, cast, get_args

from shared.errors import SetupError

Language = Literal["en", "ko"]

DEFAULT_URL = "http://127.0.0.1:8000"
"""Where `ondol serve` listens by default."""


def address(url: str | None) -> str:
    """Return the URL of an API; raise SetupError for a text that is none."""
    named = url or os.environ.get("ONDOL_API_URL") or DEFAULT_URL
    if not named.startswith(("http://", "https://")):
        raise SetupError(f"{named} is not the URL of an API; a valid one is {DEFAULT_URL}.")
    return named.rstrip("/")


def api_key(key: str | None) -> str | None:
    """Return the API key, None without one; raise SetupError when its file cannot be read."""
    named = os.environ.get("ONDOL_API_KEY_FILE")
    if key or not named:
        return key or os.environ.get("ONDOL_API_KEY") or None
    try:
        return pathlib.Path(named).read_text(encoding="utf-8").strip()
    except OSError as error:
        raise SetupError(f"The key file {named} (ONDOL_API_KEY_FILE) cannot be read ({error.strerror}).") from error


def language(named: Language | None = None) -> Language | None:
    """Return the language of messages, None for that of the API; raise SetupError for one that there is not."""
    found = named or os.environ.get("ONDOL_LANGUAGE") or None
    if found is not None and found not in get_args(Language):
        raise SetupError(f"ONDOL_LANGUAGE={found} is no language of messages; there are en and ko.")
    return cast("Language | None", found)
