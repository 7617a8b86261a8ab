"""Metrics of the warmer: items and durations of phases, ended runs, and the time of the last success."""

from __future__ import annotations

from typing import Final

from prometheus_client import CollectorRegistry, Counter, Gauge

STATUSES: Final = ("completed", "partial", "failed")


class WarmMetrics:
    """The metrics, registered in `registry`."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._items = Counter("ondol_warm_items", "Items of warm phases", ["phase", "outcome"], registry=registry)
        self._seconds = Gauge(
            "ondol_warm_phase_seconds", "Duration of the last run's phase", ["phase"], registry=registry
        )
        self._runs = Counter("ondol_warm_runs", "Warm runs by end", ["status"], registry=registry)
        self._last = Gauge(
            "ondol_warm_last_success_timestamp_seconds",
            "End of the last run without failures other than missing data",
            registry=registry,
        )
        self._hits = Gauge("ondol_warm_hit_rate", "Hit rate of the last verification", ["kind"], registry=registry)
        self._steps = Counter("ondol_paper_steps", "Steps of paper accounts", ["outcome"], registry=registry)
        self._late_days = Counter(
            "ondol_paper_late_days",
            "Trading days on which data were late and no orders were decided",
            registry=registry,
        )
        self._webhooks = Counter(
            "ondol_webhook_deliveries", "Attempts to deliver events of paper accounts", ["outcome"], registry=registry
        )
        for outcome in ("delivered", "failed", "dead"):
            self._webhooks.labels(outcome)
        for outcome in ("done", "failed"):
            self._steps.labels(outcome)
        for status in STATUSES:
            self._runs.labels(status)

    def item(self, phase: str, outcome: str) -> None:
        """Count an item: `done`, `failed`, or `missing_data` (the loaded data lack a value that it needs)."""
        self._items.labels(phase, outcome).inc()

    def phase(self, phase: str, seconds: float) -> None:
        """Set the duration of a phase, without interruptions."""
        self._seconds.labels(phase).set(seconds)

    def ended(self, status: str) -> None:
        """Count a run that ended."""
        self._runs.labels(status).inc()

    def succeeded(self, at: float) -> None:
        """Set when a run last succeeded, in Unix seconds."""
        self._last.set(at)

    def verified(self, kind: str, rate: float) -> None:
        """Set the hit rate (0..1) of `chunk` or `result`."""
        self._hits.labels(kind).set(rate)

    def paper_step(self, outcome: str) -> None:
        """Count a step of a paper account: `done` or `failed`."""
        self._steps.labels(outcome).inc()

    def late_data(self) -> None:
        """Count a trading day on which paper accounts decide nothing, because its data are late."""
        self._late_days.inc()

    def webhook(self, outcome: str) -> None:
        """Count an attempt of a delivery: `delivered`, `failed` (it is tried again), or `dead` (it is not)."""
        self._webhooks.labels(outcome).inc()
