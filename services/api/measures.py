"""What the api counts."""

from __future__ import annotations

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest

SECONDS = (0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)


class Measures:
    """Counters of one process in a registry of its own."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self._requests = Counter(
            "ondol_requests_total", "HTTP requests", ("route", "method", "status"), registry=self.registry
        )
        self._seconds = Histogram(
            "ondol_request_seconds", "Time to the answer", ("route", "method"), buckets=SECONDS, registry=self.registry
        )
        self._accepted = Counter(
            "ondol_backtests_accepted_total", "Accepted backtests: new, joined, stored, waiting", ("outcome",),
            registry=self.registry,
        )  # fmt: skip
        self.streams = Gauge("ondol_event_streams", "Open event streams", registry=self.registry)
        self._depth = Gauge("ondol_queue_depth", "Computations that wait or run", ("state",), registry=self.registry)
        self._oldest = Gauge("ondol_queue_wait_seconds", "Age of the oldest waiting one", registry=self.registry)
        self._lag = Gauge("ondol_stream_lag", "Hints that nobody has taken yet", registry=self.registry)
        self._age = Gauge("ondol_dataset_built_timestamp_seconds", "When the current version was built",
                          registry=self.registry)  # fmt: skip

    def requested(self, route: str, method: str, status: int, seconds: float) -> None:
        """One request was answered."""
        self._requests.labels(route, method, str(status)).inc()
        self._seconds.labels(route, method).observe(seconds)

    def accepted(self, outcome: str) -> None:
        """One backtest was accepted."""
        self._accepted.labels(outcome).inc()

    def queue(self, queued: int, running: int, oldest_s: float, lag: int, built_at: float | None) -> None:
        """The state of the queue at this moment."""
        self._depth.labels("queued").set(queued)
        self._depth.labels("running").set(running)
        self._oldest.set(oldest_s)
        self._lag.set(lag)
        if built_at is not None:
            self._age.set(built_at)

    def blind(self) -> None:
        """The queue could not be looked at."""
        for state in ("queued", "running"):
            self._depth.labels(state).set(float("nan"))

    def text(self) -> bytes:
        """The exposition."""
        return generate_latest(self.registry)
