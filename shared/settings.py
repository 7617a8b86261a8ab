"""Every setting of every service, declared once: a field of `Settings` with its unit, parser, meaning and aliases."""

from __future__ import annotations

import ipaddress
import pathlib
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, fields
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
_ORIGIN = re.compile(r"https?://([a-z0-9.-]+|\[[0-9a-f:]+\])(:[0-9]{1,5})?")
PREFIX = "ONDOL_"
SECRETS_FOLDER = "/run/secrets"
"""Where containers mount secrets."""

Parse = Callable[[str], Any]
"""Turns the text of a variable into its value, or raises ValueError with what it must be."""


def _text(value: str) -> str:
    return value


def _integer(low: int, high: int) -> Parse:
    def parse(value: str) -> int:
        try:
            number = int(value)
        except ValueError:
            number = low - 1
        if not low <= number <= high:
            raise ValueError(f"must be a whole number from {low} to {high}")
        return number

    return parse


def _bytes(low: int) -> Parse:
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


def _one_of(*words: str) -> Parse:
    def parse(value: str) -> str:
        if value.lower() not in words:
            raise ValueError("must be one of " + ", ".join(words))
        return value.lower()

    return parse


def _names(value: str) -> tuple[str, ...]:
    names = tuple(name.strip().lower() for name in value.split(",") if name.strip())
    if any("/" in name or " " in name or "@" in name for name in names):
        raise ValueError("must be host names or addresses separated by commas")
    return names


def _time_of_day(value: str) -> str:
    if not _TIME.match(value):
        raise ValueError("must be a time of day such as 03:00")
    return value


def _url(*schemes: str) -> Parse:
    def parse(value: str) -> str:
        try:
            scheme = urlsplit(value).scheme
        except ValueError:
            scheme = ""
        if scheme not in schemes:
            raise ValueError("must be a URL that begins with " + " or ".join(f"{s}://" for s in schemes))
        return value

    return parse


def _source_url(value: str) -> str:
    """Accept https, and http on this machine: a key must not travel unencrypted."""
    try:
        url = urlsplit(value)
        loopback = url.hostname in {"127.0.0.1", "::1", "localhost"}
    except ValueError:
        url, loopback = urlsplit(""), False
    if not url.hostname or not (url.scheme == "https" or (url.scheme == "http" and loopback)):
        raise ValueError("must be a URL that begins with https:// (http:// on loopback only)")
    return value.rstrip("/")


def _factor_keys(value: str) -> tuple[str, ...] | None:
    if value.strip().lower() == "all":
        return None
    keys = tuple(dict.fromkeys(part.strip().upper() for part in value.split(",") if part.strip()))
    if not keys or not all(re.fullmatch(r"[A-Z][A-Z0-9_]*", key) for key in keys):
        raise ValueError("must be `all` or factor keys separated by commas")
    return keys


def _origins(value: str) -> tuple[str, ...]:
    found = tuple(dict.fromkeys(part.strip().lower() for part in value.split(",") if part.strip()))
    if not all(_ORIGIN.fullmatch(origin) for origin in found):
        raise ValueError("must be origins separated by commas, such as https://charts.example (`*` is not accepted)")
    return found


def _host_names(value: str) -> tuple[str, ...]:
    found = tuple(dict.fromkeys(part.strip().lower() for part in value.split(",") if part.strip()))
    if not all(re.fullmatch(r"[a-z0-9-]+(\.[a-z0-9-]+)*", name) for name in found):
        raise ValueError("must be host names separated by commas, such as ondol.example (without scheme and port)")
    return found


def _networks(value: str) -> tuple[str, ...]:
    found = tuple(dict.fromkeys(part.strip() for part in value.split(",") if part.strip()))
    for network in found:
        try:
            ipaddress.ip_network(network)
        except ValueError:
            raise ValueError("must be addresses or networks separated by commas, such as 10.0.0.0/24") from None
    return found


def _setting(
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


_REDIS = _url("redis", "rediss", "unix")
_SERVICES = "preparer, simulator, warmer"


@dataclass(frozen=True, kw_only=True)
class Settings:
    """The values of all settings, read once; secrets are left out of `repr`.

    The environment variable of a field is `ONDOL_` and its name in capitals.
    """

    database_url: str | None = _setting(
        None, "all", "URL", _url("postgresql", "postgres"),
        "PostgreSQL, the durable store. Set all three URLs or none: without them the servers are embedded.",
        secret=True,
    )  # fmt: skip
    broker_url: str | None = _setting(
        None, "all", "URL", _REDIS,
        "Redis for streams and queues; it must never evict (`maxmemory-policy noeviction`).",
        secret=True,
    )  # fmt: skip
    cache_url: str | None = _setting(
        None, "all", "URL", _REDIS, "Redis for chunks and results; another server than the broker, and it may evict.",
        secret=True,
    )  # fmt: skip
    cache_cluster: bool = _setting(False, "all", "", _flag, "The cache is a Redis Cluster.")
    database_pool_size: int = _setting(
        8, "all", "connections", _integer(1, 200), "Maximum number of PostgreSQL connections of each process.",
        former="ONDOL_POOL_SIZE",
    )  # fmt: skip
    database_acquire_timeout_ms: int = _setting(
        2500, "all", "ms", _integer(10, 60_000),
        "How long a request waits for a PostgreSQL connection before it is answered with 503.",
        former="ONDOL_ACQUIRE_TIMEOUT_MS",
    )  # fmt: skip
    api_host: str = _setting(
        "127.0.0.1", "api, serve", "address", _text,
        "Address on which the API listens. Any address but loopback requires at least one key.",
    )  # fmt: skip
    require_key: str = _setting(
        "auto", "api, serve", "", _one_of("auto", "true", "false"),
        "Whether every request needs a key: `auto` requires one where the API listens beyond loopback, `true` also on "
        "loopback (behind a proxy, or on a machine of several users); `false` is refused beyond loopback.",
    )  # fmt: skip
    allowed_hosts: tuple[str, ...] = _setting(
        (), "api", "host names", _host_names,
        "Names in the `Host` header that are answered, separated by commas, beside `localhost` and IP addresses. "
        "Empty: only those where no key is needed, any name where every request needs a key.",
    )  # fmt: skip
    trusted_proxies: tuple[str, ...] = _setting(
        (), "api", "networks", _networks,
        "Addresses of proxies whose `X-Forwarded-For` names the client, for the access log and the limit of refused "
        "keys. No forwarding header ever replaces a key.",
    )  # fmt: skip
    open_metrics: bool = _setting(
        False, "api", "", _flag,
        "Answer /metrics without a key where keys are required; otherwise it needs the key of an administrator.",
    )  # fmt: skip
    open_description: bool = _setting(
        False, "api", "", _flag,
        "Answer /docs and /openapi.json without a key where keys are required.",
    )  # fmt: skip
    refused_keys_per_minute: int = _setting(
        30, "api", "requests/min", _integer(0, 1_000_000),
        "Maximum requests with an unknown key per minute and address before they are answered with 429; 0 is "
        "unlimited. Requests with a valid key are not counted.",
    )  # fmt: skip
    access_log: bool = _setting(
        False, "api", "", _flag,
        "Log every answered request: id of the key, address, method, path, status, bytes and milliseconds.",
    )  # fmt: skip
    cors_origins: tuple[str, ...] = _setting(
        (), "api", "origins", _origins,
        "Origins of web pages on other hosts that may use the API, separated by commas; empty: none.",
    )  # fmt: skip
    api_port: int = _setting(8000, "api", "port", _integer(0, 65535), "Port of the API; 0 chooses a free one.")
    api_url: str | None = _setting(
        None, "warmer", "URL", _url("http", "https"),
        "API base URL used by the warmer; without it the host and port of the API on this machine.",
    )  # fmt: skip
    api_key: str | None = _setting(
        None, "warmer", "", _text, "Key that the warmer sends where the API requires one.", secret=True
    )  # fmt: skip
    web: bool = _setting(True, "api", "", _flag, "Serve the web application at / beside the interface.")
    metrics_host: str = _setting(
        "127.0.0.1", _SERVICES, "address", _text,
        "Address on which /healthz, /readyz and /metrics of the other services listen.",
    )  # fmt: skip
    metrics_port: int = _setting(
        9464, _SERVICES, "port", _integer(0, 65535), "Port of /healthz, /readyz and /metrics; 0 chooses a free one."
    )  # fmt: skip
    log_level: str = _setting(
        "info", "all", "", _one_of(*LOG_LEVELS), "Minimum log level (JSON lines on standard error)."
    )  # fmt: skip
    panel_dir: str = _setting(
        PANEL_DIR, "simulator, ondol status", "folder", _text,
        "Folder of the mapped panels that all simulators of a host share; a tmpfs.",
    )  # fmt: skip
    panel_bytes: int = _setting(
        2 * GIB, "simulator, api", "bytes", _bytes(64 * MIB),
        "Maximum size of the mapped panels of a host. The API refuses requests whose intermediate values need more "
        "than half of it; set it for both.",
    )  # fmt: skip
    cache_bytes: int = _setting(
        512 * MIB, "serve, preparer, warmer", "bytes", _bytes(16 * MIB),
        "Memory limit of the embedded cache; the warmer compares its plan with it.",
    )  # fmt: skip
    simulator_concurrency: int = _setting(
        2, "simulator", "runs", _integer(1, 64),
        "Backtests that one simulator processes at once; with two it computes one while the other is read or stored.",
        former="ONDOL_SIMULATOR_SLOTS",
    )  # fmt: skip
    preparer_threads: int = _setting(
        0, "preparer", "threads", _integer(0, 256), "Threads that compute parts; 0 means one per core.",
        former="ONDOL_PREPARE_WORKERS",
    )  # fmt: skip
    warm_enabled: bool = _setting(
        True, "warmer, api", "", _flag,
        "Warm nightly and after start-up. Daily selections, refreshes and manual runs continue without it. The API "
        "shows it in /v1/schedule, so set it for both.",
        alias="ENABLE_CACHE_WARMING",
    )  # fmt: skip
    paper_trading_enabled: bool = _setting(
        True, "warmer, api", "", _flag,
        "Step paper accounts on schedule: orders at 07:00, bookings after each load. Manual steps continue without it. "
        "The API shows it in /v1/schedule, so set it for both.",
        alias="ENABLE_PAPER_TRADING",
    )  # fmt: skip
    webhook_allowed_hosts: tuple[str, ...] = _setting(
        (), "warmer, api", "", _names,
        "Hosts, separated by commas, that webhooks may name although they have private addresses or plain http. Others "
        "need https and a public address.",
    )  # fmt: skip
    warm_at: str = _setting(
        "03:00", "warmer, api", "Asia/Seoul", _time_of_day,
        "When the nightly warm run starts; the API shows it in /v1/schedule.",
    )  # fmt: skip
    warm_years: int = _setting(
        3, "warmer", "years", _integer(1, 50), "Years up to the last trading day that are warmed."
    )  # fmt: skip
    warm_lookback_years: int = _setting(
        2, "warmer", "years", _integer(0, 50), "Years before those that are warmed for look-back."
    )  # fmt: skip
    warm_factor_batch: int = _setting(
        512, "warmer", "instruments", _integer(1, 4096), "Instruments per batch of the factor phase.",
        former="ONDOL_WARM_BATCH",
    )  # fmt: skip
    warm_concurrency: int = _setting(
        4, "warmer", "runs", _integer(1, 64), "Backtests that the warmer requests at once.",
        former="ONDOL_WARM_PARALLEL",
    )  # fmt: skip
    factors: tuple[str, ...] | None = _setting(
        None, "preparer", "keys", _factor_keys, "Factors to build: `all`, or keys separated by commas."
    )  # fmt: skip
    dataset_retention_days: int = _setting(
        7, "preparer", "days", _integer(0, 3650), "How long a dataset version is retained after it was replaced.",
        former="ONDOL_KEEP_DAYS",
    )  # fmt: skip
    result_retention_days: int = _setting(
        90, "warmer, api", "days", _integer(0, 36_500),
        "How long results are retained that no user's backtest refers to, such as those of the warmer, and opening "
        "quotes; 0 is unlimited.",
        former="ONDOL_RESULT_DAYS",
    )  # fmt: skip
    user_result_retention_days: int = _setting(
        0, "warmer, api", "days", _integer(0, 36_500),
        "How long users' ended backtests and their results are retained; 0 is unlimited.",
        former="ONDOL_USER_RESULT_DAYS",
    )  # fmt: skip
    sweep_retention_days: int = _setting(
        90, "warmer, api", "days", _integer(0, 36_500),
        "How long ended sweeps with their tables, and factor reports, are retained; 0 is unlimited. Backtests opened "
        "from sweeps stay.",
    )  # fmt: skip
    rate_limit_per_minute: int = _setting(
        600, "api", "requests/min", _integer(0, 10_000_000), "Maximum requests per key and minute; 0 is unlimited.",
        former="ONDOL_RATE_LIMIT",
    )  # fmt: skip
    max_open_backtests: int = _setting(
        64, "api", "runs", _integer(0, 1_000_000), "Maximum unfinished backtests per key; 0 is unlimited.",
        former="ONDOL_CONCURRENCY",
    )  # fmt: skip
    max_open_without_key: int = _setting(
        5000, "api", "runs", _integer(0, 1_000_000),
        "Maximum unfinished backtests of requests without a key, for each process of the API; 0 is unlimited.",
    )  # fmt: skip
    max_request_cost: int = _setting(
        30_000_000_000, "api", "ns", _integer(1, 2**62),
        "Maximum cost of a request: about the nanoseconds of one core that its expressions take, by kind of node.",
        former="ONDOL_COST_LIMIT",
    )  # fmt: skip
    run_limit_s: int = _setting(
        300, "simulator", "s", _integer(1, 86_400), "A backtest that runs for longer is ended and has failed."
    )  # fmt: skip
    max_sweep_variants: int = _setting(
        100_000, "api", "variants", _integer(1, 1_000_000), "Maximum number of variants of a sweep."
    )  # fmt: skip
    sweep_part_variants: int = _setting(
        0, "api", "variants", _integer(0, 10_000),
        "Variants that a simulator computes at once; 0 chooses 256 to 1,024. Tables do not depend on it.",
    )  # fmt: skip
    max_sweep_cost: int = _setting(
        1_000_000_000_000, "api", "variants x stocks x days", _integer(1, 2**62),
        "Maximum cost of the unfinished sweeps of a key.",
    )  # fmt: skip
    max_value_cells: int = _setting(
        2_000_000, "api", "days x stocks x fields", _integer(1000, 100_000_000),
        "Maximum size of an answer of /v1/values.",
    )  # fmt: skip
    max_body_bytes: int = _setting(
        MIB, "api", "bytes", _bytes(1024), "Maximum size of a request body.", former="ONDOL_BODY_BYTES"
    )  # fmt: skip
    max_unsent_bytes: int = _setting(
        32 * MIB, "api", "bytes", _bytes(MIB),
        "Maximum bytes of answers that clients have not received yet, for each process of the API. Above it, the "
        "connections that have waited the longest are ended.",
    )  # fmt: skip
    fetch_enabled: str = _setting(
        "auto", "preparer, api", "", _one_of("auto", "true", "false"),
        "Fetch new days and filings at the times of /v1/schedule; `auto` does so where a key is set. The API shows it, "
        "so set it for both.",
    )  # fmt: skip
    fetch_dir: str | None = _setting(
        None, "preparer", "folder", _text,
        "Folder of the fetched answers and market files; `ondol serve` uses `fetch` in its home.",
    )  # fmt: skip
    krx_key: str | None = _setting(
        None, "preparer, ondol fetch", "", _text, "Key of the open API of the Korea Exchange.",
        secret=True, private=True,
    )  # fmt: skip
    dart_key: str | None = _setting(
        None, "preparer, ondol fetch", "", _text, "Key of OpenDART.", secret=True, private=True
    )  # fmt: skip
    kis_key: str | None = _setting(
        None, "preparer, ondol fetch", "", _text,
        "App key of Korea Investment & Securities, for record dates of dividends.", secret=True, private=True,
    )  # fmt: skip
    kis_secret: str | None = _setting(
        None, "preparer, ondol fetch", "", _text, "App secret that belongs to the app key.", secret=True, private=True
    )  # fmt: skip
    krx_url: str = _setting(
        "https://data-dbg.krx.co.kr/svc/apis", "preparer, ondol fetch", "URL", _source_url,
        "Base URL of the open API of the Korea Exchange.",
    )  # fmt: skip
    dart_url: str = _setting(
        "https://opendart.fss.or.kr/api", "preparer, ondol fetch", "URL", _source_url, "Base URL of OpenDART."
    )  # fmt: skip
    kis_url: str = _setting(
        "https://openapi.koreainvestment.com:9443", "preparer, ondol fetch", "URL", _source_url,
        "Base URL of the API of Korea Investment & Securities.",
    )  # fmt: skip
    krx_daily_calls: int = _setting(
        9_500, "preparer, ondol fetch", "calls", _integer(1, 1_000_000),
        "Maximum calls of the exchange's API per day in Seoul (the exchange allows 10,000 per key).",
    )  # fmt: skip
    dart_daily_calls: int = _setting(
        19_000, "preparer, ondol fetch", "calls", _integer(1, 1_000_000),
        "Maximum calls of OpenDART per day in Seoul (20,000 are allowed per key).",
    )  # fmt: skip
    kis_daily_calls: int = _setting(
        5_000, "preparer, ondol fetch", "calls", _integer(1, 1_000_000),
        "Maximum calls of the API of Korea Investment & Securities per day in Seoul.",
    )  # fmt: skip
    krx_pace_ms: int = _setting(
        300, "preparer, ondol fetch", "ms", _integer(0, 60_000), "Minimum time between two calls of the exchange's API."
    )  # fmt: skip
    dart_pace_ms: int = _setting(
        100, "preparer, ondol fetch", "ms", _integer(0, 60_000),
        "Minimum time between two calls of OpenDART, which blocks an address after 1,000 calls in a minute.",
    )  # fmt: skip
    kis_pace_ms: int = _setting(
        200, "preparer, ondol fetch", "ms", _integer(0, 60_000),
        "Minimum time between two calls of the API of Korea Investment & Securities.",
    )  # fmt: skip

    @classmethod
    def from_environment(cls, environment: Mapping[str, str]) -> Settings:
        """Read all settings; SetupError names every invalid variable and every unknown `ONDOL_` name."""
        values, mistakes = _read(environment)
        set_urls = [name for name in URLS if values.get(name) is not None]
        if set_urls and len(set_urls) < len(URLS) and not mistakes:
            absent = ", ".join(f"ONDOL_{name.upper()}" for name in URLS if name not in set_urls)
            mistakes.append(f"{absent}: set all three URLs or none")
        if mistakes:
            raise SetupError("Invalid settings. " + "; ".join(mistakes) + ".")
        return cls(**values)

    @property
    def secrets(self) -> tuple[str | None, ...]:
        """The values of all secret settings, which no log, error or metric may contain."""
        return tuple(getattr(self, setting.attribute) for setting in SETTINGS if setting.secret)

    @property
    def source_keys(self) -> tuple[str, ...]:
        """The settings of keys of data sources that are set, without their values."""
        keys = ("krx_key", "dart_key", "kis_key")
        return tuple(f"{PREFIX}{name.upper()}" for name in keys if getattr(self, name))

    @property
    def fetches(self) -> bool:
        """New days and filings are fetched by themselves."""
        return bool(self.source_keys) if self.fetch_enabled == "auto" else self.fetch_enabled == "true"

    @property
    def has_servers(self) -> bool:
        """All three URLs are set."""
        return all(getattr(self, name) is not None for name in URLS)

    def to_environment(self) -> dict[str, str]:
        """Return the variables with which another process reads the same settings (secrets included)."""
        return {
            setting.name: _format(value)
            for setting in SETTINGS
            if (value := getattr(self, setting.attribute)) != setting.default
        }


URLS = ("database_url", "broker_url", "cache_url")


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


SETTINGS = tuple(Setting(attribute=f.name, default=f.default, **f.metadata) for f in fields(Settings))
"""The declarations in the order of the fields, for the documentation and the checks of the deployment files."""


def deprecated_names(environment: Mapping[str, str]) -> dict[str, str]:
    """Return the former names that are set -> the current names."""
    return {s.former: s.name for s in SETTINGS if s.former is not None and environment.get(s.former)}


def _format(value: Any) -> str:
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
        default = {"factors": "all"}.get(s.attribute, "") if s.default is None else _format(s.default)
        other = (f" (alias `{s.alias}`)" if s.alias else "") + (f" (formerly `{s.former}`)" if s.former else "")
        meaning = s.meaning + (" Secret." if s.secret else "")
        lines.append(
            f"| `{s.name}`{other} | {s.services} | {f'`{default}`' if default else ''} | {s.unit} | {meaning} |"
        )
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    (pathlib.Path(__file__).parent.parent / "docs" / "reference" / "settings.md").write_text(
        documentation(), encoding="utf-8"
    )
