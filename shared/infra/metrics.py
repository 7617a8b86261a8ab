"""Metrics that several services share, declared once, and the memory of a process."""

from __future__ import annotations

import pathlib
from typing import Literal

from prometheus_client import REGISTRY, CollectorRegistry, Counter, Gauge, Histogram, generate_latest

_BUCKETS_S = (0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0)

REQUESTS = Counter("ondol_requests", "HTTP requests", ["route", "method", "status"])
REQUEST_SECONDS = Histogram(
    "ondol_request_seconds", "Duration of HTTP requests until the response", ["route"], buckets=_BUCKETS_S
)
REFUSED_SOURCES = Counter(
    "ondol_refused_sources",
    "Requests refused for their source: host (name in the Host header), origin (page of another site), media_type "
    "(body not declared as JSON)",
    ["reason"],
)
UNSENT_BYTES = Gauge("ondol_unsent_bytes", "Bytes of answers that slow clients have not received yet")
SLOW_CLIENTS = Counter(
    "ondol_slow_clients_disconnected",
    "Connections ended because their clients did not receive an answer: timeout (nothing for 20 seconds), limit "
    "(unsent bytes of all clients)",
    ["reason"],
)
BACKTESTS = Counter("ondol_backtests", "Jobs of simulators by outcome", ["outcome"])
BACKTEST_SECONDS = Histogram(
    "ondol_backtest_seconds",
    "Duration of backtests by stage: queue, load, evaluate, simulate, and total, which is without queue",
    ["stage"],
    buckets=_BUCKETS_S,
)
WAIT_SECONDS = Histogram(
    "ondol_wait_seconds",
    "Time from acceptance to the first start by class of work: backtests by origin (user, preview, warmer, verify), "
    "analysis (explanations, audits, replays, robustness and other long queries), sweep (sweeps and walk-forwards)",
    ["work"],
    buckets=(*_BUCKETS_S, 120.0, 300.0, 1800.0),
)
FENCED_RUNS = Counter("ondol_fenced_runs", "Runs whose result was rejected because another owner had the lease")
SWEEP_VARIANTS = Counter("ondol_sweep_variants", "Variants of sweeps by outcome (completed, failed)", ["outcome"])
SWEEP_PART_SECONDS = Histogram(
    "ondol_sweep_part_seconds", "Duration of parts of sweeps until they are stored", buckets=_BUCKETS_S
)
SWEEPS_OPEN = Gauge("ondol_sweeps_open", "Unfinished sweeps and walk-forwards")
SWEEP_BACKLOG = Gauge(
    "ondol_sweep_backlog_variants", "Variants of unfinished sweeps and walk-forwards that have not been run"
)
WALK_FORWARDS = Counter("ondol_walk_forwards", "Ended walk-forwards by outcome (completed, failed)", ["outcome"])
WALK_FORWARD_END_SECONDS = Histogram(
    "ondol_walk_forward_end_seconds",
    "Duration of the last part of walk-forwards: reading the tables, choosing, simulating the account",
    buckets=_BUCKETS_S,
)
RESEARCH_TRIALS = Counter(
    "ondol_research_trials", "Runs that the ledger has recorded: new trials and repeated ones", ["outcome"]
)
FACTOR_REPORT_SECONDS = Histogram(
    "ondol_factor_report_seconds",
    "Duration of factor reports and matrices by kind (report, matrix), refused ones included",
    ["kind"],
    buckets=_BUCKETS_S,
)
BACKTEST_REQUESTS = Counter(
    "ondol_backtest_requests",
    "Accepted backtests by outcome: hit (stored result), deduplicated, miss, waiting",
    ["outcome", "origin"],
)
STORED_BYTES = Counter(
    "ondol_stored_result_bytes", "Bytes of results that were stored, by kind (backtest, sweep)", ["kind"]
)
REFUSED_WORK = Counter(
    "ondol_refused_work",
    "Requests for work that were refused: quota (bytes of results that a key may store on a day), disk (room on it)",
    ["reason"],
)
DISK_FREE = Gauge("ondol_disk_free_bytes", "Room on the fullest file system of ONDOL_DISK_FOLDERS")
DISK_RESERVE = Gauge("ondol_disk_reserve_bytes", "Room on that file system below which new work is refused")
CACHE_REQUESTS = Counter(
    "ondol_cache_requests", "Requested chunks by the tier that provided them", ["tier", "outcome", "origin"]
)
CACHE_BYTES = Counter("ondol_cache_read_bytes", "Encoded bytes read, by tier", ["tier"])
QUEUE_DEPTH = Gauge("ondol_queue_depth", "Queued computations")
QUEUE_OLDEST_AGE = Gauge("ondol_queue_oldest_age_seconds", "Age of the oldest queued computation")
STREAM_LENGTH = Gauge("ondol_stream_length", "Entries of a stream", ["stream"])
STREAM_PENDING = Gauge("ondol_stream_pending", "Entries delivered and not acknowledged", ["stream"])
STREAM_LAG = Gauge("ondol_stream_lag", "Entries not delivered yet", ["stream"])
HEARTBEAT_FAILURES = Gauge("ondol_heartbeat_failures", "Failed renewals of leases")
PREPARE_SECONDS = Histogram(
    "ondol_prepare_seconds", "Duration of a dataset build by stage", ["stage"], buckets=(*_BUCKETS_S, 120.0, 300.0)
)
DATASET_BUILT = Gauge("ondol_dataset_built_timestamp_seconds", "Build time of the current version")
DATASET_LAST_DAY = Gauge("ondol_dataset_last_day_timestamp_seconds", "Last trading day of the current version")
DATASET_BYTES = Gauge("ondol_dataset_bytes", "Bytes of the current version", ["kind"])
QUALITY_FINDINGS = Gauge(
    "ondol_quality_findings", "Findings of each check in the newest quality report of the loaded data", ["check"]
)
FETCH_CALLS = Counter(
    "ondol_fetch_calls", "Calls of data sources by outcome (answered, failed, refused)", ["source", "outcome"]
)
FETCH_RUNS = Counter(
    "ondol_fetch_runs",
    "Scheduled fetches by outcome: loaded, unchanged, waiting (not published yet), incomplete, rejected, failed",
    ["kind", "outcome"],
)
FETCH_LAST_SUCCESS = Gauge(
    "ondol_fetch_last_success_timestamp_seconds",
    "Time of the last scheduled fetch that got everything, at first the start of the preparer",
    ["kind"],
)
REDIS_BYTES = Gauge("ondol_redis_memory_bytes", "Memory used by Redis", ["role"])
REDIS_LIMIT = Gauge("ondol_redis_memory_limit_bytes", "Memory limit of Redis, 0 for none", ["role"])
REDIS_EVICTED = Gauge("ondol_redis_evicted_keys", "Keys evicted by Redis since its start", ["role"])
POOL = Gauge("ondol_postgres_connections", "Connections of this process's pool", ["state"])
PANELS_DAMAGED = Counter("ondol_damaged_panels", "Mapped panels whose contents had changed in memory")
RESULTS_WITHDRAWN = Counter(
    "ondol_withdrawn_results", "Results that were withdrawn because panels were damaged while they were computed"
)
PANEL_BYTES = Gauge("ondol_panel_bytes", "Bytes of the mapped panels of this host")
UNLINKED_PANEL_BYTES = Gauge(
    "ondol_unlinked_panel_bytes", "Bytes of panels that this process has mapped although they were evicted"
)
MEMORY = Gauge("ondol_process_memory_bytes", "Resident memory of this process", ["kind"])

_KNOWN_LABELS: tuple[tuple[Counter | Histogram, tuple[str, ...]], ...] = (
    (REFUSED_SOURCES, ("host", "origin", "media_type")),
    (SLOW_CLIENTS, ("timeout", "limit")),
    (REFUSED_WORK, ("quota", "disk")),
    (WAIT_SECONDS, ("user", "preview", "warmer", "verify", "analysis", "sweep")),
    (SWEEP_VARIANTS, ("completed", "failed")),
    (WALK_FORWARDS, ("completed", "failed")),
    (RESEARCH_TRIALS, ("new", "repeated")),
    (FACTOR_REPORT_SECONDS, ("report", "matrix")),
    (PREPARE_SECONDS, ("plan", "read", "compute", "store", "publish", "total")),
)


def _start_series() -> None:
    """Start the series of rare events at 0, so that a query of what has not happened yet has a value."""
    for metric, values in _KNOWN_LABELS:
        for value in values:
            metric.labels(value)


_start_series()


def memory_bytes(process: int | Literal["self"] = "self") -> dict[str, int]:
    """Return the resident bytes of a process by kind; empty where /proc is missing or the process has ended.

    private: anonymous memory, pages shared with forked processes in proportion. shared: panels and libraries, also
    those that no other process has mapped. proportional: the proportional set size.
    """
    try:
        lines = pathlib.Path(f"/proc/{process}/smaps_rollup").read_text(encoding="ascii").splitlines()
    except OSError:
        return {}
    kb = {
        name: int(rest.split()[0]) for name, _, rest in (line.partition(":") for line in lines) if rest.endswith("kB")
    }
    own = kb["Pss_Anon"]
    return {name: size * 1024 for name, size in
            (("private", own), ("shared", kb["Rss"] - own), ("proportional", kb["Pss"]))}  # fmt: skip


def exposition(registry: CollectorRegistry = REGISTRY) -> bytes:
    """Return the text of /metrics; the memory gauges are updated first."""
    for kind, size in memory_bytes().items():
        MEMORY.labels(kind).set(size)
    return generate_latest(registry)
