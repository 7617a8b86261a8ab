"""What the warmer counts: items and seconds of phases, ends of runs, and when one last succeeded."""

from __future__ import annotations

from typing import Final

from prometheus_client import CollectorRegistry, Counter, Gauge

STATUSES: Final = ("completed", "partial", "failed")


class WarmMetrics:
    """The warmer's metrics in a registry of their own."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._items = Counter("ondol_warm_items", "Items of warm phases", ["phase", "outcome"], registry=registry)
        self._seconds = Gauge(
            "ondol_warm_phase_seconds", "Duration of the last run's phase", ["phase"], registry=registry
        )
        self._runs = Counter("ondol_warm_runs", "Warm runs by end", ["status"], registry=registry)
        self._last = Gauge(
            "ondol_warm_last_success_timestamp_seconds",
            "End of the last run that did all that the data allow",
            registry=registry,
        )
        self._hits = Gauge(
            "ondol_warm_hit_rate", "Hit rate that the last verification saw", ["kind"], registry=registry
        )
        for status in STATUSES:
            self._runs.labels(status)

    def item(self, phase: str, outcome: str) -> None:
        """An item ended: `done`, `failed`, or `lacking` (the loaded data cannot answer it)."""
        self._items.labels(phase, outcome).inc()

    def phase(self, phase: str, seconds: float) -> None:
        """A phase ended after this long, interruptions left out."""
        self._seconds.labels(phase).set(seconds)

    def ended(self, status: str) -> None:
        """A run ended."""
        self._runs.labels(status).inc()

    def succeeded(self, at: float) -> None:
        """When a run last succeeded, in Unix seconds (known from the record)."""
        self._last.set(at)

    def verified(self, kind: str, rate: float) -> None:
        """The hit rate of `chunks` or `results` (0..1)."""
        self._hits.labels(kind).set(rate)
