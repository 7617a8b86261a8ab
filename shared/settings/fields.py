"""Every setting of every service, declared once: a field of `Settings` with its unit, parser, meaning and aliases."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass, fields

from shared.contracts.due_times import DATA_DUE, FETCHED_DATA_DUE
from shared.errors import SetupError
from shared.settings.declaration import PREFIX, Setting, format_value, setting
from shared.settings.parsers import (
    GIB,
    LOG_LEVELS,
    MIB,
    factor_keys,
    flag,
    folders,
    host_addresses,
    host_names,
    integer,
    networks,
    one_of,
    origins,
    size,
    source_url,
    text,
    time_before_open,
    time_of_day,
    url,
)
from shared.settings.reading import read

PANEL_DIR = "/dev/shm/ondol"  # noqa: S108 - a tmpfs on purpose

_REDIS = url("redis", "rediss", "unix")
_SERVICES = "preparer, simulator, warmer"


@dataclass(frozen=True, kw_only=True)
class Settings:
    """The values of all settings, read once; secrets are left out of `repr`.

    The environment variable of a field is `ONDOL_` and its name in capitals.
    """

    database_url: str | None = setting(
        None, "all", "URL", url("postgresql", "postgres"),
        "PostgreSQL, the durable store. Set all three URLs or none: without them the servers are embedded.",
        secret=True,
    )  # fmt: skip
    broker_url: str | None = setting(
        None, "all", "URL", _REDIS,
        "Redis for streams and queues; it must never evict (`maxmemory-policy noeviction`).",
        secret=True,
    )  # fmt: skip
    cache_url: str | None = setting(
        None, "all", "URL", _REDIS, "Redis for chunks and results; another server than the broker, and it may evict.",
        secret=True,
    )  # fmt: skip
    cache_cluster: bool = setting(False, "all", "", flag, "The cache is a Redis Cluster.")
    database_pool_size: int = setting(
        8, "all", "connections", integer(1, 200), "Maximum number of PostgreSQL connections of each process.",
        former="ONDOL_POOL_SIZE",
    )  # fmt: skip
    database_acquire_timeout_ms: int = setting(
        2500, "all", "ms", integer(10, 60_000),
        "How long a request waits for a PostgreSQL connection before it is answered with 503.",
        former="ONDOL_ACQUIRE_TIMEOUT_MS",
    )  # fmt: skip
    api_host: str = setting(
        "127.0.0.1", "api, serve", "address", text,
        "Address on which the API listens. Any address but loopback requires at least one key.",
    )  # fmt: skip
    require_key: str = setting(
        "auto", "api, serve", "", one_of("auto", "true", "false"),
        "Whether every request needs a key: `auto` requires one where the API listens beyond loopback, `true` also on "
        "loopback (behind a proxy, or on a machine of several users); `false` is refused beyond loopback.",
    )  # fmt: skip
    allowed_hosts: tuple[str, ...] = setting(
        (), "api", "host names", host_names,
        "Names in the `Host` header that are answered, separated by commas, beside `localhost` and IP addresses. "
        "Empty: only those where no key is needed, any name where every request needs a key.",
    )  # fmt: skip
    trusted_proxies: tuple[str, ...] = setting(
        (), "api", "networks", networks,
        "Addresses of proxies whose `X-Forwarded-For` names the client, for the access log and the limit of refused "
        "keys. No forwarding header ever replaces a key.",
    )  # fmt: skip
    open_metrics: bool = setting(
        False, "api", "", flag,
        "Answer /metrics without a key where keys are required; otherwise it needs the key of an administrator.",
    )  # fmt: skip
    open_description: bool = setting(
        False, "api", "", flag,
        "Answer /docs and /openapi.json without a key where keys are required.",
    )  # fmt: skip
    refused_keys_per_minute: int = setting(
        30, "api", "requests/min", integer(0, 1_000_000),
        "Maximum requests with an unknown key per minute and address before they are answered with 429; 0 is "
        "unlimited. Requests with a valid key are not counted.",
    )  # fmt: skip
    access_log: bool = setting(
        False, "api", "", flag,
        "Log every answered request: id of the key, address, method, path, status, bytes and milliseconds.",
    )  # fmt: skip
    cors_origins: tuple[str, ...] = setting(
        (), "api", "origins", origins,
        "Origins of web pages on other hosts that may use the API, separated by commas; empty: none.",
    )  # fmt: skip
    api_port: int = setting(8000, "api", "port", integer(0, 65535), "Port of the API; 0 chooses a free one.")
    api_url: str | None = setting(
        None, "warmer", "URL", url("http", "https"),
        "API base URL used by the warmer; without it the host and port of the API on this machine.",
    )  # fmt: skip
    api_key: str | None = setting(
        None, "warmer", "", text, "Key that the warmer sends where the API requires one.", secret=True
    )  # fmt: skip
    web: bool = setting(True, "api", "", flag, "Serve the web application at / beside the interface.")
    metrics_host: str = setting(
        "127.0.0.1", _SERVICES, "address", text,
        "Address on which /healthz, /readyz and /metrics of the other services listen.",
    )  # fmt: skip
    metrics_port: int = setting(
        9464, _SERVICES, "port", integer(0, 65535), "Port of /healthz, /readyz and /metrics; 0 chooses a free one."
    )  # fmt: skip
    log_level: str = setting(
        "info", "all", "", one_of(*LOG_LEVELS), "Minimum log level (JSON lines on standard error)."
    )  # fmt: skip
    panel_dir: str = setting(
        PANEL_DIR, "simulator, ondol status", "folder", text,
        "Folder of the mapped panels that all simulators of a host share; a tmpfs.",
    )  # fmt: skip
    panel_bytes: int = setting(
        2 * GIB, "simulator, api", "bytes", size(64 * MIB),
        "Maximum size of the mapped panels of a host. The API refuses requests whose intermediate values need more "
        "than half of it; set it for both.",
    )  # fmt: skip
    cache_bytes: int = setting(
        512 * MIB, "serve, preparer, warmer", "bytes", size(16 * MIB),
        "Memory limit of the embedded cache; the warmer compares its plan with it.",
    )  # fmt: skip
    simulator_concurrency: int = setting(
        2, "simulator", "runs", integer(1, 64),
        "Backtests that one simulator processes at once; with two it computes one while the other is read or stored.",
        former="ONDOL_SIMULATOR_SLOTS",
    )  # fmt: skip
    preparer_threads: int = setting(
        0, "preparer", "threads", integer(0, 256), "Threads that compute parts; 0 means one per core.",
        former="ONDOL_PREPARE_WORKERS",
    )  # fmt: skip
    warm_enabled: bool = setting(
        True, "warmer, api", "", flag,
        "Warm nightly and after start-up. Daily selections, refreshes and manual runs continue without it. The API "
        "shows it in /v1/schedule, so set it for both.",
        alias="ENABLE_CACHE_WARMING",
    )  # fmt: skip
    paper_trading_enabled: bool = setting(
        True, "warmer, api", "", flag,
        "Step paper accounts on schedule: orders at 07:00, bookings after each load. Manual steps continue without it. "
        "The API shows it in /v1/schedule, so set it for both.",
        alias="ENABLE_PAPER_TRADING",
    )  # fmt: skip
    paper_data_due: str = setting(
        "auto", "warmer, api", "Asia/Seoul", time_before_open,
        "When the row of the last trading day has to be there: paper accounts decide nothing on a day without it. "
        "`auto`: 06:30, and 08:50 with `ONDOL_FETCH_ENABLED`, since the exchange publishes a day's prices at 08:00 of "
        "the next one. The API shows it in /v1/schedule.",
    )  # fmt: skip
    webhook_allowed_hosts: tuple[str, ...] = setting(
        (), "warmer, api", "", host_addresses,
        "Hosts, separated by commas, that webhooks may name although they have private addresses or plain http. Others "
        "need https and a public address.",
    )  # fmt: skip
    warm_at: str = setting(
        "03:00", "warmer, api", "Asia/Seoul", time_of_day,
        "When the nightly warm run starts; the API shows it in /v1/schedule.",
    )  # fmt: skip
    warm_years: int = setting(
        3, "warmer", "years", integer(1, 50), "Years up to the last trading day that are warmed."
    )  # fmt: skip
    warm_lookback_years: int = setting(
        2, "warmer", "years", integer(0, 50), "Years before those that are warmed for look-back."
    )  # fmt: skip
    warm_factor_batch: int = setting(
        512, "warmer", "instruments", integer(1, 4096), "Instruments per batch of the factor phase.",
        former="ONDOL_WARM_BATCH",
    )  # fmt: skip
    warm_concurrency: int = setting(
        4, "warmer", "runs", integer(1, 64), "Backtests that the warmer requests at once.",
        former="ONDOL_WARM_PARALLEL",
    )  # fmt: skip
    factors: tuple[str, ...] | None = setting(
        None, "preparer", "keys", factor_keys, "Factors to build: `all`, or keys separated by commas."
    )  # fmt: skip
    dataset_retention_days: int = setting(
        7, "preparer", "days", integer(0, 3650), "How long a dataset version is retained after it was replaced.",
        former="ONDOL_KEEP_DAYS",
    )  # fmt: skip
    result_retention_days: int = setting(
        90, "warmer, api", "days", integer(0, 36_500),
        "How long results are retained that no user's backtest refers to, such as those of the warmer, and opening "
        "quotes; 0 is unlimited.",
        former="ONDOL_RESULT_DAYS",
    )  # fmt: skip
    user_result_retention_days: int = setting(
        0, "warmer, api", "days", integer(0, 36_500),
        "How long users' ended backtests and their results are retained; 0 is unlimited.",
        former="ONDOL_USER_RESULT_DAYS",
    )  # fmt: skip
    sweep_retention_days: int = setting(
        90, "warmer, api", "days", integer(0, 36_500),
        "How long ended sweeps with their tables, and factor reports, are retained; 0 is unlimited. Backtests opened "
        "from sweeps stay.",
    )  # fmt: skip
    rate_limit_per_minute: int = setting(
        600, "api", "requests/min", integer(0, 10_000_000), "Maximum requests per key and minute; 0 is unlimited.",
        former="ONDOL_RATE_LIMIT",
    )  # fmt: skip
    max_open_backtests: int = setting(
        64, "api", "runs", integer(0, 1_000_000), "Maximum unfinished backtests per key; 0 is unlimited.",
        former="ONDOL_CONCURRENCY",
    )  # fmt: skip
    max_open_without_key: int = setting(
        5000, "api", "runs", integer(0, 1_000_000),
        "Maximum unfinished backtests of requests without a key, for each process of the API; 0 is unlimited.",
    )  # fmt: skip
    daily_result_bytes: int = setting(
        4 * GIB, "api", "bytes", size(0),
        "Maximum bytes of results of backtests and sweeps that a key may store on a day in Seoul; 0 is unlimited.",
    )  # fmt: skip
    disk_folders: tuple[str, ...] = setting(
        (), "api", "folders", folders,
        "Folders, separated by commas, on the file systems of the database and the broker: work is refused while one "
        "of them has less room than `ONDOL_DISK_RESERVE_BYTES`. `ondol serve` names those of its home; empty: none.",
    )  # fmt: skip
    disk_reserve_bytes: int = setting(
        GIB, "api", "bytes", size(0),
        "Room on the file systems of `ONDOL_DISK_FOLDERS` that accepted work may still use while new work is refused; "
        "at most a tenth of a file system is reserved.",
    )  # fmt: skip
    max_request_cost: int = setting(
        30_000_000_000, "api", "ns", integer(1, 2**62),
        "Maximum cost of a request: about the nanoseconds of one core that its expressions take, by kind of node.",
        former="ONDOL_COST_LIMIT",
    )  # fmt: skip
    run_limit_s: int = setting(
        300, "simulator", "s", integer(1, 86_400), "A backtest that runs for longer is ended and has failed."
    )  # fmt: skip
    max_sweep_variants: int = setting(
        100_000, "api", "variants", integer(1, 1_000_000), "Maximum number of variants of a sweep."
    )  # fmt: skip
    sweep_part_variants: int = setting(
        0, "api", "variants", integer(0, 10_000),
        "Variants that a simulator computes at once; 0 chooses 256 to 1,024. Tables do not depend on it.",
    )  # fmt: skip
    max_sweep_cost: int = setting(
        1_000_000_000_000, "api", "variants x stocks x days", integer(1, 2**62),
        "Maximum cost of the unfinished sweeps of a key.",
    )  # fmt: skip
    max_value_cells: int = setting(
        2_000_000, "api", "days x stocks x fields", integer(1000, 100_000_000),
        "Maximum size of an answer of /v1/values.",
    )  # fmt: skip
    max_body_bytes: int = setting(
        MIB, "api", "bytes", size(1024), "Maximum size of a request body.", former="ONDOL_BODY_BYTES"
    )  # fmt: skip
    max_unsent_bytes: int = setting(
        32 * MIB, "api", "bytes", size(MIB),
        "Maximum bytes of answers that clients have not received yet, for each process of the API. Above it, the "
        "connections that have waited the longest are ended.",
    )  # fmt: skip
    fetch_enabled: str = setting(
        "auto", "preparer, warmer, api", "", one_of("auto", "true", "false"),
        "Fetch new days and filings at the times of /v1/schedule; `auto` does so where a key is set. The API shows it "
        "and the data of paper accounts are due later with it, so set it for all three.",
    )  # fmt: skip
    fetch_dir: str | None = setting(
        None, "preparer", "folder", text,
        "Folder of the fetched answers and market files; `ondol serve` uses `fetch` in its home.",
    )  # fmt: skip
    krx_key: str | None = setting(
        None, "preparer, ondol fetch", "", text, "Key of the open API of the Korea Exchange.",
        secret=True, private=True,
    )  # fmt: skip
    dart_key: str | None = setting(
        None, "preparer, ondol fetch", "", text, "Key of OpenDART.", secret=True, private=True
    )  # fmt: skip
    kis_key: str | None = setting(
        None, "preparer, ondol fetch", "", text,
        "App key of Korea Investment & Securities, for record dates of dividends.", secret=True, private=True,
    )  # fmt: skip
    kis_secret: str | None = setting(
        None, "preparer, ondol fetch", "", text, "App secret that belongs to the app key.", secret=True, private=True
    )  # fmt: skip
    krx_url: str = setting(
        "https://data-dbg.krx.co.kr/svc/apis", "preparer, ondol fetch", "URL", source_url,
        "Base URL of the open API of the Korea Exchange.",
    )  # fmt: skip
    dart_url: str = setting(
        "https://opendart.fss.or.kr/api", "preparer, ondol fetch", "URL", source_url, "Base URL of OpenDART."
    )  # fmt: skip
    kis_url: str = setting(
        "https://openapi.koreainvestment.com:9443", "preparer, ondol fetch", "URL", source_url,
        "Base URL of the API of Korea Investment & Securities.",
    )  # fmt: skip
    krx_daily_calls: int = setting(
        9_500, "preparer, ondol fetch", "calls", integer(1, 1_000_000),
        "Maximum calls of the exchange's API per day in Seoul (the exchange allows 10,000 per key).",
    )  # fmt: skip
    dart_daily_calls: int = setting(
        19_000, "preparer, ondol fetch", "calls", integer(1, 1_000_000),
        "Maximum calls of OpenDART per day in Seoul (20,000 are allowed per key).",
    )  # fmt: skip
    kis_daily_calls: int = setting(
        5_000, "preparer, ondol fetch", "calls", integer(1, 1_000_000),
        "Maximum calls of the API of Korea Investment & Securities per day in Seoul.",
    )  # fmt: skip
    krx_pace_ms: int = setting(
        300, "preparer, ondol fetch", "ms", integer(0, 60_000), "Minimum time between two calls of the exchange's API."
    )  # fmt: skip
    dart_pace_ms: int = setting(
        100, "preparer, ondol fetch", "ms", integer(0, 60_000),
        "Minimum time between two calls of OpenDART, which blocks an address after 1,000 calls in a minute.",
    )  # fmt: skip
    kis_pace_ms: int = setting(
        200, "preparer, ondol fetch", "ms", integer(0, 60_000),
        "Minimum time between two calls of the API of Korea Investment & Securities.",
    )  # fmt: skip

    @classmethod
    def from_environment(cls, environment: Mapping[str, str]) -> Settings:
        """Read all settings; SetupError names every invalid variable and every unknown `ONDOL_` name."""
        values, mistakes = read(SETTINGS, environment)
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
    def data_due(self) -> dt.time:
        """When the row of the last trading day has to be there, in Seoul."""
        if self.paper_data_due == "auto":
            return FETCHED_DATA_DUE if self.fetches else DATA_DUE
        return dt.time.fromisoformat(self.paper_data_due)

    @property
    def has_servers(self) -> bool:
        """All three URLs are set."""
        return all(getattr(self, name) is not None for name in URLS)

    def to_environment(self) -> dict[str, str]:
        """Return the variables with which another process reads the same settings (secrets included)."""
        return {
            setting.name: format_value(value)
            for setting in SETTINGS
            if (value := getattr(self, setting.attribute)) != setting.default
        }


URLS = ("database_url", "broker_url", "cache_url")
SETTINGS = tuple(Setting(attribute=f.name, default=f.default, **f.metadata) for f in fields(Settings))
"""The declarations in the order of the fields, for the documentation and the checks of the deployment files."""
