"""What the api counts."""

from __future__ import annotations

from functools import cache
from typing import TypeVar

from prometheus_client.metrics import MetricWrapperBase

from shared.infra import metrics
from shared.infra.metrics import exposition

M = TypeVar("M", bound=MetricWrapperBase)


@cache
def _series(metric: M, *labels: str) -> M:
    """One series of a metric; what has been looked up once is kept, since the library takes long to find it."""
    return metric.labels(*labels)


class Measures:
    """The api's side of the shared list of metrics."""

    def __init__(self) -> None:
        self.open_streams = 0

    def streams(self, change: int) -> None:
        """An event stream was opened or closed."""
        self.open_streams += change

    def requested(self, route: str, method: str, status: int, seconds: float) -> None:
        """One request was answered."""
        _series(metrics.REQUESTS, route, method, str(status)).inc()
        _series(metrics.REQUEST_SECONDS, route).observe(seconds)

    def accepted(self, outcome: str, origin: str) -> None:
        """One backtest was accepted: `hit` a stored result, `joined` work in flight, `miss` new work, `waiting`."""
        _series(metrics.RESULT_REQUESTS, outcome, origin).inc()

    def queue(self, queued: int, oldest_s: float, built_at: float | None) -> None:
        """The state of the queue at this moment."""
        metrics.QUEUE_DEPTH.set(queued)
        metrics.QUEUE_OLDEST.set(oldest_s)
        if built_at is not None:
            metrics.DATASET_BUILT.set(built_at)

    def stream(self, name: str, length: int, pending: int, lag: int) -> None:
        """The state of a stream at this moment."""
        metrics.STREAM_LENGTH.labels(name).set(length)
        metrics.STREAM_PENDING.labels(name).set(pending)
        metrics.STREAM_LAG.labels(name).set(lag)

    def redis(self, role: str, used: int, limit: int, evicted: int) -> None:
        """The memory of a Redis server at this moment."""
        metrics.REDIS_BYTES.labels(role).set(used)
        metrics.REDIS_LIMIT.labels(role).set(limit)
        metrics.REDIS_EVICTED.labels(role).set(evicted)

    def blind(self) -> None:
        """The queue could not be looked at."""
        metrics.QUEUE_DEPTH.set(float("nan"))

    def pool(self, size: int, idle: int) -> None:
        """Connections of this process."""
        metrics.POOL.labels("open").set(size)
        metrics.POOL.labels("idle").set(idle)

    def text(self) -> bytes:
        """The exposition."""
        return exposition()
