"""Metrics of the api: its side of the declarations in `shared.infra.metrics`."""

from __future__ import annotations

from functools import cache
from typing import TypeVar

from prometheus_client.metrics import MetricWrapperBase

from shared.infra import metrics
from shared.infra.metrics import exposition

M = TypeVar("M", bound=MetricWrapperBase)


@cache
def _series(metric: M, *labels: str) -> M:
    """Return one series of a metric; cached, since `labels` is slow for the hot path."""
    return metric.labels(*labels)


class ApiMetrics:
    """Counters and gauges of one api process."""

    def __init__(self) -> None:
        self.open_streams = 0

    def stream_opened(self) -> None:
        """Count an event stream."""
        self.open_streams += 1

    def stream_closed(self) -> None:
        """Count the end of an event stream."""
        self.open_streams -= 1

    def request_served(self, route: str, method: str, status: int, seconds: float) -> None:
        """Count an answered request."""
        _series(metrics.REQUESTS, route, method, str(status)).inc()
        _series(metrics.REQUEST_SECONDS, route).observe(seconds)

    def backtest_accepted(self, outcome: str, origin: str) -> None:
        """Count an accepted backtest.

        `hit`: a stored result answered it; `deduplicated`: an equal one is running; `miss`: it is computed;
        `waiting`: there is no dataset version yet.
        """
        _series(metrics.BACKTEST_REQUESTS, outcome, origin).inc()

    def work_refused(self, reason: str) -> None:
        """Count a request for work that was refused: `quota`, `disk`."""
        _series(metrics.REFUSED_WORK, reason).inc()

    def set_disk(self, free: int, reserve: int) -> None:
        """Set the room on the fullest file system, and how much of it is reserved."""
        metrics.DISK_FREE.set(free)
        metrics.DISK_RESERVE.set(reserve)

    def set_queue(self, queued: int, oldest_s: float, built_at: float | None) -> None:
        """Set the depth and age of the queue, and the age of the dataset."""
        metrics.QUEUE_DEPTH.set(queued)
        metrics.QUEUE_OLDEST_AGE.set(oldest_s)
        if built_at is not None:
            metrics.DATASET_BUILT.set(built_at)

    def set_sweeps(self, count: int, variants: int) -> None:
        """Set the number of unfinished sweeps, and of their variants that have not been run."""
        metrics.SWEEPS_OPEN.set(count)
        metrics.SWEEP_BACKLOG.set(variants)

    def set_stream(self, name: str, length: int, pending: int, lag: int) -> None:
        """Set a stream's entries: all, delivered without acknowledgement, and not delivered yet."""
        metrics.STREAM_LENGTH.labels(name).set(length)
        metrics.STREAM_PENDING.labels(name).set(pending)
        metrics.STREAM_LAG.labels(name).set(lag)

    def set_redis(self, role: str, used: int, limit: int, evicted: int) -> None:
        """Set the memory of a Redis server."""
        metrics.REDIS_BYTES.labels(role).set(used)
        metrics.REDIS_LIMIT.labels(role).set(limit)
        metrics.REDIS_EVICTED.labels(role).set(evicted)

    def mark_queue_unknown(self) -> None:
        """Set the queue depth to NaN: it could not be read."""
        metrics.QUEUE_DEPTH.set(float("nan"))

    def set_pool(self, size: int, idle: int) -> None:
        """Set the number of connections to PostgreSQL."""
        metrics.POOL.labels("open").set(size)
        metrics.POOL.labels("idle").set(idle)

    def exposition(self) -> bytes:
        """Return the text for Prometheus."""
        return exposition()
