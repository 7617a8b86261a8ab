"""Parsers of the texts of settings: each returns the value, or raises ValueError with what it must be."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Callable
from typing import Any
from urllib.parse import urlsplit

MIB = 1024 * 1024
GIB = 1024 * MIB

LOG_LEVELS = ("debug", "info", "warning", "error")
_TRUE = frozenset({"1", "true", "yes", "on"})
_FALSE = frozenset({"0", "false", "no", "off"})
_SIZE = re.compile(r"^(\d+)\s*([kmg]i?b?|b)?$", re.IGNORECASE)
_TIME = re.compile(r"^([01]\d|2[0-3]):([0-5]\d)$")
_ORIGIN = re.compile(r"https?://([a-z0-9.-]+|\[[0-9a-f:]+\])(:[0-9]{1,5})?")

Parse = Callable[[str], Any]
"""Turns the text of a variable into its value, or raises ValueError with what it must be."""


def text(value: str) -> str:
    """Accept any text."""
    return value


def integer(low: int, high: int) -> Parse:
    """Return a parser of a whole number from `low` to `high`."""

    def parse(value: str) -> int:
        try:
            number = int(value)
        except ValueError:
            number = low - 1
        if not low <= number <= high:
            raise ValueError(f"must be a whole number from {low} to {high}")
        return number

    return parse


def size(low: int) -> Parse:
    """Return a parser of a number of bytes of at least `low`, with a unit such as MiB or without one."""

    def parse(value: str) -> int:
        found = _SIZE.match(value.strip())
        scale = {"": 1, "b": 1, "k": 1024, "m": MIB, "g": GIB}
        number = int(found[1]) * scale[(found[2] or "")[:1].lower()] if found else -1
        if number < low:
            raise ValueError(f"must be a size of at least {low} bytes, such as 512MiB")
        return number

    return parse


def flag(value: str) -> bool:
    """Accept true or false, in the usual spellings."""
    if value.lower() in _TRUE:
        return True
    if value.lower() in _FALSE:
        return False
    raise ValueError("must be true or false")


def one_of(*words: str) -> Parse:
    """Return a parser that accepts these words, in any case."""

    def parse(value: str) -> str:
        if value.lower() not in words:
            raise ValueError("must be one of " + ", ".join(words))
        return value.lower()

    return parse


def host_addresses(value: str) -> tuple[str, ...]:
    """Split host names or addresses at commas."""
    names = tuple(name.strip().lower() for name in value.split(",") if name.strip())
    if any("/" in name or " " in name or "@" in name for name in names):
        raise ValueError("must be host names or addresses separated by commas")
    return names


def folders(value: str) -> tuple[str, ...]:
    """Accept absolute names of folders separated by commas."""
    names = tuple(name.strip() for name in value.split(",") if name.strip())
    if not all(name.startswith("/") for name in names):
        raise ValueError("must be absolute names of folders separated by commas")
    return names


def time_of_day(value: str) -> str:
    """Accept a time such as 03:00."""
    if not _TIME.match(value):
        raise ValueError("must be a time of day such as 03:00")
    return value


def time_before_open(value: str) -> str:
    """Accept `auto`, or a time before 09:00, at which the exchange opens."""
    if value != "auto" and not (_TIME.match(value) and value < "09:00"):
        raise ValueError("must be auto, or a time before 09:00 such as 06:30")
    return value


def url(*schemes: str) -> Parse:
    """Return a parser of a URL with one of these schemes."""

    def parse(value: str) -> str:
        try:
            scheme = urlsplit(value).scheme
        except ValueError:
            scheme = ""
        if scheme not in schemes:
            raise ValueError("must be a URL that begins with " + " or ".join(f"{s}://" for s in schemes))
        return value

    return parse


def source_url(value: str) -> str:
    """Accept https, and http on this machine: a key must not travel unencrypted."""
    try:
        url = urlsplit(value)
        loopback = url.hostname in {"127.0.0.1", "::1", "localhost"}
    except ValueError:
        url, loopback = urlsplit(""), False
    if not url.hostname or not (url.scheme == "https" or (url.scheme == "http" and loopback)):
        raise ValueError("must be a URL that begins with https:// (http:// on loopback only)")
    return value.rstrip("/")


def factor_keys(value: str) -> tuple[str, ...] | None:
    """Split factor keys at commas; `all` is None."""
    if value.strip().lower() == "all":
        return None
    keys = tuple(dict.fromkeys(part.strip().upper() for part in value.split(",") if part.strip()))
    if not keys or not all(re.fullmatch(r"[A-Z][A-Z0-9_]*", key) for key in keys):
        raise ValueError("must be `all` or factor keys separated by commas")
    return keys


def origins(value: str) -> tuple[str, ...]:
    """Split web origins at commas."""
    found = tuple(dict.fromkeys(part.strip().lower() for part in value.split(",") if part.strip()))
    if not all(_ORIGIN.fullmatch(origin) for origin in found):
        raise ValueError("must be origins separated by commas, such as https://charts.example (`*` is not accepted)")
    return found


def host_names(value: str) -> tuple[str, ...]:
    """Split host names without scheme and port at commas."""
    found = tuple(dict.fromkeys(part.strip().lower() for part in value.split(",") if part.strip()))
    if not all(re.fullmatch(r"[a-z0-9-]+(\.[a-z0-9-]+)*", name) for name in found):
        raise ValueError("must be host names separated by commas, such as ondol.example (without scheme and port)")
    return found


def networks(value: str) -> tuple[str, ...]:
    """Split addresses and networks at commas."""
    found = tuple(dict.fromkeys(part.strip() for part in value.split(",") if part.strip()))
    for network in found:
        try:
            ipaddress.ip_network(network)
        except ValueError:
            raise ValueError("must be addresses or networks separated by commas, such as 10.0.0.0/24") from None
    return found
