"""Every metric that two services share, declared once, and what a process and the servers report about themselves."""

from __future__ import annotations

import pathlib

from prometheus_client import REGISTRY, CollectorRegistry, Counter, Gauge, Histogram, generate_latest

_MS = (0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0)

REQUESTS = Counter("ondol_requests", "HTTP requests", ["route", "method", "status"])
REQUEST_SECONDS = Histogram("ondol_request_seconds", "HTTP requests until the answer", ["route"], buckets=_MS)
BACKTESTS = Counter("ondol_backtests", "Backtests by their end", ["outcome"])
BACKTEST_SECONDS = Histogram(
    "ondol_backtest_seconds", "Backtests by stage (queue, load, evaluate, simulate, total)", ["stage"], buckets=_MS
)
FENCED_RUNS = Counter("ondol_fenced_runs", "Runs whose result was rejected because another owner had the lease")
RESULT_REQUESTS = Counter(
    "ondol_result_requests", "Accepted requests by whether a stored result answered", ["outcome", "origin"]
)
CACHE_REQUESTS = Counter(
    "ondol_cache_requests", "Chunks asked for, by the tier that had them", ["tier", "outcome", "origin"]
)
CACHE_BYTES = Counter("ondol_cache_read_bytes", "Encoded bytes read, by tier", ["tier"])
QUEUE_DEPTH = Gauge("ondol_queue_depth", "Computations that wait for a simulator")
QUEUE_OLDEST = Gauge("ondol_queue_oldest_seconds", "Age of the longest waiting computation")
STREAM_LENGTH = Gauge("ondol_stream_length", "Entries of a stream", ["stream"])
STREAM_PENDING = Gauge("ondol_stream_pending", "Entries delivered and not done", ["stream"])
STREAM_LAG = Gauge("ondol_stream_lag", "Entries not delivered yet", ["stream"])
HEARTBEAT_FAILURES = Gauge("ondol_heartbeat_failures", "Renewals of leases that failed")
PREPARE_SECONDS = Histogram(
    "ondol_prepare_seconds", "Preparing a version, by stage", ["stage"], buckets=(*_MS, 120.0, 300.0)
)
DATASET_BUILT = Gauge("ondol_dataset_built_timestamp_seconds", "When the current version was built")
DATASET_LAST_DAY = Gauge("ondol_dataset_last_day_timestamp_seconds", "Last trading day of the current version")
DATASET_BYTES = Gauge("ondol_dataset_bytes", "Bytes of the current version", ["kind"])
REDIS_BYTES = Gauge("ondol_redis_memory_bytes", "Memory that Redis uses", ["role"])
REDIS_LIMIT = Gauge("ondol_redis_memory_limit_bytes", "Memory limit of Redis, 0 for none", ["role"])
REDIS_EVICTED = Gauge("ondol_redis_evicted_keys", "Keys that Redis evicted since it started", ["role"])
POOL = Gauge("ondol_postgres_connections", "Connections of this process's pool", ["state"])
PANEL_BYTES = Gauge("ondol_panel_bytes", "Bytes of the mapped panels of this host")
MEMORY = Gauge("ondol_process_memory_bytes", "Resident memory of this process", ["kind"])


def memory_bytes() -> dict[str, int]:
    """Resident bytes of this process; empty off Linux.

    `private` is memory of its own (what forked processes have in common counts by parts), `shared` are panels and
    libraries, also while no other process has them mapped; `proportional` divides every page by those who have it.
    """
    try:
        lines = pathlib.Path("/proc/self/smaps_rollup").read_text(encoding="ascii").splitlines()
    except OSError:
        return {}
    kb = {
        name: int(rest.split()[0]) for name, _, rest in (line.partition(":") for line in lines) if rest.endswith("kB")
    }
    own = kb["Pss_Anon"]
    return {name: size * 1024 for name, size in
            (("private", own), ("shared", kb["Rss"] - own), ("proportional", kb["Pss"]))}  # fmt: skip


def exposition(registry: CollectorRegistry = REGISTRY) -> bytes:
    """The text of /metrics; the memory gauges are read at this moment."""
    for kind, size in memory_bytes().items():
        MEMORY.labels(kind).set(size)
    return generate_latest(registry)
