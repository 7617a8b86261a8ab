"""Every setting of every service, listed once: name, who reads it, default, unit, secrecy and meaning."""

from __future__ import annotations

import pathlib
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

from shared.errors import SetupError

MIB = 1024 * 1024
GIB = 1024 * MIB
PANEL_DIR = "/dev/shm/ondol"  # noqa: S108 - a tmpfs on purpose

LOG_LEVELS = ("debug", "info", "warning", "error")
_TRUE = frozenset({"1", "true", "yes", "on"})
_FALSE = frozenset({"0", "false", "no", "off"})
_SIZE = re.compile(r"^(\d+)\s*([kmg]i?b?|b)?$", re.IGNORECASE)
_TIME = re.compile(r"^([01]\d|2[0-3]):([0-5]\d)$")


@dataclass(frozen=True, kw_only=True)
class Setting:
    """One environment variable. `parse` turns its text into the value or raises ValueError with what it must be."""

    name: str
    attribute: str
    services: str
    default: Any
    unit: str
    meaning: str
    parse: Callable[[str], Any]
    secret: bool = False
    alias: str | None = None


def _text(value: str) -> str:
    return value


def _integer(low: int, high: int) -> Callable[[str], int]:
    def parse(value: str) -> int:
        try:
            number = int(value)
        except ValueError:
            number = low - 1
        if not low <= number <= high:
            raise ValueError(f"must be a whole number from {low} to {high}")
        return number

    return parse


def _bytes(low: int) -> Callable[[str], int]:
    def parse(value: str) -> int:
        found = _SIZE.match(value.strip())
        scale = {"": 1, "b": 1, "k": 1024, "m": MIB, "g": GIB}
        number = int(found[1]) * scale[(found[2] or "")[:1].lower()] if found else -1
        if number < low:
            raise ValueError(f"must be a size of at least {low} bytes, such as 512MiB")
        return number

    return parse


def _flag(value: str) -> bool:
    if value.lower() in _TRUE:
        return True
    if value.lower() in _FALSE:
        return False
    raise ValueError("must be true or false")


def _one_of(*words: str) -> Callable[[str], str]:
    def parse(value: str) -> str:
        if value.lower() not in words:
            raise ValueError("must be one of " + ", ".join(words))
        return value.lower()

    return parse


def _time_of_day(value: str) -> str:
    if not _TIME.match(value):
        raise ValueError("must be a time of day such as 03:00")
    return value


def _url(*schemes: str) -> Callable[[str], str]:
    def parse(value: str) -> str:
        try:
            scheme = urlsplit(value).scheme
        except ValueError:
            scheme = ""
        if scheme not in schemes:
            raise ValueError("must be a URL that begins with " + " or ".join(f"{s}://" for s in schemes))
        return value

    return parse


def _factor_keys(value: str) -> tuple[str, ...] | None:
    if value.strip().lower() == "all":
        return None
    keys = tuple(dict.fromkeys(part.strip().upper() for part in value.split(",") if part.strip()))
    if not keys or not all(re.fullmatch(r"[A-Z][A-Z0-9_]*", key) for key in keys):
        raise ValueError("must be `all` or factor keys separated by commas")
    return keys


def _setting(  # noqa: PLR0917 - the order of the columns of the page
    name: str,
    services: str,
    default: Any,
    unit: str,
    parse: Callable[[str], Any],
    meaning: str,
    *,
    secret: bool = False,
    alias: str | None = None,
) -> Setting:
    return Setting(
        name=name,
        attribute=name.removeprefix("ONDOL_").lower(),
        services=services,
        default=default,
        unit=unit,
        parse=parse,
        meaning=meaning,
        secret=secret,
        alias=alias,
    )


_REDIS = _url("redis", "rediss", "unix")

SETTINGS: tuple[Setting, ...] = (
    _setting(
        "ONDOL_DATABASE_URL",
        "all",
        None,
        "URL",
        _url("postgresql", "postgres"),
        "PostgreSQL, the record of everything. All three URLs or none: without them the servers are embedded.",
        secret=True,
    ),
    _setting(
        "ONDOL_BROKER_URL",
        "all",
        None,
        "URL",
        _REDIS,
        "Redis for streams and queues; it must never evict (`maxmemory-policy noeviction`).",
        secret=True,
    ),
    _setting(
        "ONDOL_CACHE_URL",
        "all",
        None,
        "URL",
        _REDIS,
        "Redis for chunks and results; another server than the broker, and it may evict.",
        secret=True,
    ),
    _setting("ONDOL_CACHE_CLUSTER", "all", False, "", _flag, "The cache is a Redis Cluster."),
    _setting(
        "ONDOL_POOL_SIZE", "all", 8, "connections", _integer(1, 200), "PostgreSQL connections of each process, at most."
    ),
    _setting(
        "ONDOL_API_HOST",
        "api",
        "127.0.0.1",
        "address",
        _text,
        "Where the API listens. Anything but loopback needs at least one key.",
    ),
    _setting("ONDOL_API_PORT", "api", 8000, "port", _integer(0, 65535), "Port of the API; 0 takes a free one."),
    _setting(
        "ONDOL_API_URL",
        "warmer",
        None,
        "URL",
        _url("http", "https"),
        "Where the warmer asks; without it the host and port of the API on this machine.",
    ),
    _setting(
        "ONDOL_API_KEY", "warmer", None, "", _text, "Key that the warmer shows where the API asks for one.", secret=True
    ),
    _setting(
        "ONDOL_METRICS_HOST",
        "preparer, simulator, warmer",
        "127.0.0.1",
        "address",
        _text,
        "Where /healthz, /readyz and /metrics of the other services listen.",
    ),
    _setting(
        "ONDOL_METRICS_PORT",
        "preparer, simulator, warmer",
        9464,
        "port",
        _integer(0, 65535),
        "Port of /healthz, /readyz and /metrics; 0 takes a free one.",
    ),
    _setting(
        "ONDOL_LOG_LEVEL",
        "all",
        "info",
        "",
        _one_of(*LOG_LEVELS),
        "Least level that is logged (JSON lines on standard error).",
    ),
    _setting(
        "ONDOL_PANEL_DIR",
        "simulator, preparer",
        PANEL_DIR,
        "folder",
        _text,
        "Mapped panels that all simulators of a host share; a tmpfs.",
    ),
    _setting(
        "ONDOL_PANEL_BYTES",
        "simulator, preparer",
        2 * GIB,
        "bytes",
        _bytes(64 * MIB),
        "Budget of the mapped panels of a host.",
    ),
    _setting(
        "ONDOL_CACHE_BYTES",
        "serve, preparer, warmer",
        512 * MIB,
        "bytes",
        _bytes(16 * MIB),
        "Memory limit of the embedded cache, and what the warmer checks its plan against.",
    ),
    _setting(
        "ONDOL_SIMULATOR_SLOTS",
        "simulator",
        2,
        "runs",
        _integer(1, 64),
        "Backtests that one simulator works on at once; with two it computes one while the other is taken or written.",
    ),
    _setting(
        "ONDOL_PREPARE_WORKERS",
        "preparer",
        0,
        "threads",
        _integer(0, 256),
        "Threads that compute parts; 0 means one per core.",
    ),
    _setting(
        "ONDOL_WARM_ENABLED",
        "warmer, api",
        True,
        "",
        _flag,
        "Warm nightly and after start-up. Picks, refreshes and runs by hand go on without; the api tells it in "
        "/v1/schedule, so set it for both.",
        alias="ENABLE_CACHE_WARMING",
    ),
    _setting(
        "ONDOL_WARM_AT",
        "warmer, api",
        "03:00",
        "Asia/Seoul",
        _time_of_day,
        "When the nightly warm run starts; the api tells it in /v1/schedule.",
    ),
    _setting(
        "ONDOL_WARM_YEARS",
        "warmer",
        3,
        "years",
        _integer(1, 50),
        "Years up to the last trading day that are kept warm.",
    ),
    _setting(
        "ONDOL_WARM_LOOKBACK_YEARS",
        "warmer",
        2,
        "years",
        _integer(0, 50),
        "Years before those that are warmed for look-back.",
    ),
    _setting(
        "ONDOL_WARM_BATCH",
        "warmer",
        512,
        "instruments",
        _integer(1, 4096),
        "Instruments per batch of the factor phase.",
    ),
    _setting(
        "ONDOL_WARM_PARALLEL", "warmer", 4, "runs", _integer(1, 64), "Backtests that the warmer has in flight at once."
    ),
    _setting(
        "ONDOL_FACTORS", "preparer", None, "keys", _factor_keys, "Factors to build: `all`, or keys separated by commas."
    ),
    _setting(
        "ONDOL_KEEP_DAYS",
        "preparer",
        7,
        "days",
        _integer(0, 3650),
        "How long a dataset version is kept after it was replaced.",
    ),
    _setting(
        "ONDOL_RESULT_DAYS",
        "warmer, api",
        90,
        "days",
        _integer(0, 36_500),
        "How long results are kept that no user's row points to, such as those of the warmer; 0 keeps them for ever.",
    ),
    _setting(
        "ONDOL_USER_RESULT_DAYS",
        "warmer, api",
        0,
        "days",
        _integer(0, 36_500),
        "How long users' ended backtests and their results are kept; 0 keeps them for ever.",
    ),
    _setting(
        "ONDOL_RATE_LIMIT",
        "api",
        600,
        "requests/min",
        _integer(0, 10_000_000),
        "Requests per key and minute; 0 sets no limit.",
    ),
    _setting(
        "ONDOL_CONCURRENCY", "api", 64, "runs", _integer(0, 1_000_000), "Unfinished backtests per key; 0 sets no limit."
    ),
    _setting(
        "ONDOL_COST_LIMIT",
        "api",
        10_000_000_000,
        "nodes x stocks x days",
        _integer(1, 2**62),
        "Greatest cost of one request.",
    ),
    _setting("ONDOL_BODY_BYTES", "api", MIB, "bytes", _bytes(1024), "Greatest body of one request."),
    _setting(
        "ONDOL_ACQUIRE_TIMEOUT_MS",
        "all",
        2500,
        "ms",
        _integer(10, 60_000),
        "How long a request waits for a PostgreSQL connection before it answers 503.",
    ),
)
"""The list that the services, `docs/reference/settings.md` and the tests read."""

URLS = ("database_url", "broker_url", "cache_url")


@dataclass(frozen=True, kw_only=True)
class Settings:
    """The values of all settings, read once; secrets are left out of `repr`."""

    database_url: str | None = field(default=None, repr=False)
    broker_url: str | None = field(default=None, repr=False)
    cache_url: str | None = field(default=None, repr=False)
    cache_cluster: bool = False
    pool_size: int = 8
    api_host: str = "127.0.0.1"
    api_port: int = 8000
    api_url: str | None = None
    api_key: str | None = field(default=None, repr=False)
    metrics_host: str = "127.0.0.1"
    metrics_port: int = 9464
    log_level: str = "info"
    panel_dir: str = PANEL_DIR
    panel_bytes: int = 2 * GIB
    cache_bytes: int = 512 * MIB
    simulator_slots: int = 2
    prepare_workers: int = 0
    warm_enabled: bool = True
    warm_at: str = "03:00"
    warm_years: int = 3
    warm_lookback_years: int = 2
    warm_batch: int = 512
    warm_parallel: int = 4
    factors: tuple[str, ...] | None = None
    keep_days: int = 7
    result_days: int = 90
    user_result_days: int = 0
    rate_limit: int = 600
    concurrency: int = 64
    cost_limit: int = 10_000_000_000
    body_bytes: int = MIB
    acquire_timeout_ms: int = 2500

    @classmethod
    def from_environment(cls, environment: Mapping[str, str]) -> Settings:
        """Read all settings; SetupError names every variable that is wrong, and every unknown `ONDOL_` name."""
        values, mistakes = _read(environment)
        set_urls = [name for name in URLS if values.get(name) is not None]
        if set_urls and len(set_urls) < len(URLS) and not mistakes:
            absent = ", ".join(f"ONDOL_{name.upper()}" for name in URLS if name not in set_urls)
            mistakes.append(f"{absent}: set all three URLs or none")
        if mistakes:
            raise SetupError("Settings are wrong. " + "; ".join(mistakes) + ".")
        return cls(**values)

    @property
    def secrets(self) -> tuple[str | None, ...]:
        """The values of all secret settings: what no log, error or metric may show."""
        return tuple(getattr(self, setting.attribute) for setting in SETTINGS if setting.secret)

    @property
    def has_servers(self) -> bool:
        """All three URLs are set."""
        return all(getattr(self, name) is not None for name in URLS)

    def to_environment(self) -> dict[str, str]:
        """The variables that make another process read the same settings (secrets included)."""
        found: dict[str, str] = {}
        for setting in SETTINGS:
            value = getattr(self, setting.attribute)
            if value != setting.default:
                found[setting.name] = _written(value)
        return found


def _written(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return ",".join(value) if isinstance(value, tuple) else str(value)


OTHER_NAMES = frozenset({"ONDOL_REAL_MARKET", "ONDOL_API_URL", "ONDOL_API_KEY"})
"""Variables of the tests and of the command line that are no settings of a service."""


def _read(environment: Mapping[str, str]) -> tuple[dict[str, Any], list[str]]:
    values: dict[str, Any] = {}
    mistakes: list[str] = []
    known = set(OTHER_NAMES)
    for setting in SETTINGS:
        names = [setting.name] + ([setting.alias] if setting.alias else [])
        known.update(names)
        known.update(f"{name}_FILE" for name in names if setting.secret)
        try:
            name, text = _look_up(setting, names, environment)
            if text:
                values[setting.attribute] = setting.parse(text)
        except OSError as error:
            mistakes.append(f"{setting.name}_FILE: cannot be read ({error.strerror})")
        except ValueError as error:
            mistakes.append(f"{name}: {error}")
    mistakes += [
        f"{name}: there is no such setting"
        for name in sorted(environment)
        if name.startswith("ONDOL_") and name not in known
    ]
    return values, mistakes


def _look_up(setting: Setting, names: list[str], environment: Mapping[str, str]) -> tuple[str, str]:
    """The variable that is set and its text; a secret may stand in the file that `NAME_FILE` names."""
    for name in names:
        if environment.get(name):
            return name, environment[name].strip()
        if setting.secret and environment.get(f"{name}_FILE"):
            return name, pathlib.Path(environment[f"{name}_FILE"]).read_text(encoding="utf-8").strip()
    return setting.name, ""


def documentation() -> str:
    """The page `docs/reference/settings.md`."""
    lines = [
        "# Settings",
        "",
        "All settings are environment variables. This page is written by `python -m shared.settings`.",
        "A secret may also stand in a file that `NAME_FILE` names. Sizes may carry a unit (`512MiB`).",
        "",
        "| name | read by | default | unit | meaning |",
        "|---|---|---|---|---|",
    ]
    for s in SETTINGS:
        default = {"factors": "all"}.get(s.attribute, "") if s.default is None else _written(s.default)
        alias = f" (alias `{s.alias}`)" if s.alias else ""
        meaning = s.meaning + (" Secret." if s.secret else "")
        lines.append(
            f"| `{s.name}`{alias} | {s.services} | {f'`{default}`' if default else ''} | {s.unit} | {meaning} |"
        )
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    (pathlib.Path(__file__).parent.parent / "docs" / "reference" / "settings.md").write_text(
        documentation(), encoding="utf-8"
    )
