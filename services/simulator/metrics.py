"""What a simulator counts, and the small HTTP server that shows it together with its health."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import structlog
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from redis.asyncio import Redis

from services.simulator.simulate import Finished, Work
from shared.errors import SetupError
from shared.infra import redis as servers
from shared.infra.cache import Cache
from shared.infra.postgres import Database
from shared.settings import Settings

log = structlog.get_logger()

SECONDS = (0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 60.0)
STAGES = ("queue_ms", "load_ms", "evaluate_ms", "simulate_ms", "total_ms")


class Metrics:
    """Counters of one process in a registry of its own."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self._ended = Counter("ondol_backtests_total", "Computations by outcome", ("outcome",), registry=self.registry)
        self._stages = Histogram(
            "ondol_backtest_seconds", "Seconds by stage", ("stage",), buckets=SECONDS, registry=self.registry
        )
        self._chunks = Counter(
            "ondol_chunk_requests_total", "Chunks read: tier, outcome (hit: without the preparer), who asked",
            ("tier", "outcome", "origin"), registry=self.registry,
        )  # fmt: skip
        self._bytes = Counter("ondol_chunk_bytes_total", "Bytes of chunks read", ("origin",), registry=self.registry)
        self._queries = Counter("ondol_queries_total", "Questions answered", ("kind",), registry=self.registry)
        self._memory = Gauge("ondol_process_bytes", "Memory of this process", ("kind",), registry=self.registry)

    def ran(self, work: Work, finished: Finished) -> None:
        """One run has a result."""
        for stage in STAGES:
            self._stages.labels(stage.removesuffix("_ms")).observe(finished.timing.get(stage, 0.0) / 1e3)
        for tier, count in finished.cache["by_tier"].items():
            self._chunks.labels(tier, "miss" if work.waited else "hit", work.origin).inc(count)
        self._bytes.labels(work.origin).inc(finished.cache["bytes_read"])

    def ended(self, outcome: str) -> None:
        """One computation left this process: completed, failed, cancelled, handed_back, fenced."""
        self._ended.labels(outcome).inc()

    def queried(self, kind: str) -> None:
        """One question was answered."""
        self._queries.labels(kind).inc()

    def text(self) -> bytes:
        """The exposition."""
        for kind, size in memory_of_process().items():
            self._memory.labels(kind).set(size)
        return generate_latest(self.registry)

    @classmethod
    @asynccontextmanager
    async def serving(
        cls, settings: Settings, database: Database, broker: Redis, cache: Cache
    ) -> AsyncIterator[Metrics]:
        """The counters, shown on the metrics port as long as the block runs."""
        metrics = cls()

        async def ready() -> dict[str, bool]:
            return {
                "postgres": await database.answers(),
                "broker": await servers.answers(broker),
                "cache": await cache.answers(),
            }

        try:
            server = await asyncio.start_server(
                lambda reader, writer: _serve(reader, writer, metrics, ready),
                settings.metrics_host,
                settings.metrics_port,
            )
        except OSError as error:
            raise SetupError(
                f"The metrics port {settings.metrics_port} cannot be used ({error.strerror}); set ONDOL_METRICS_PORT."
            ) from error
        async with server:
            yield metrics


async def _serve(
    reader: asyncio.StreamReader,
    writer: asyncio.StreamWriter,
    metrics: Metrics,
    ready: Callable[[], Awaitable[dict[str, bool]]],
) -> None:
    """One request, one answer, closed: enough for a scraper and a health check."""
    try:
        async with asyncio.timeout(5):
            line = await reader.readuntil(b"\n")
            parts = line.split(b" ")
            path = parts[1].split(b"?")[0] if len(parts) > 1 else b""
            status, kind, body = "200 OK", "text/plain; charset=utf-8", b"ok\n"
            if path == b"/metrics":
                kind, body = "text/plain; version=0.0.4; charset=utf-8", metrics.text()
            elif path == b"/readyz":
                answers = await ready()
                gone = [name for name, there in answers.items() if not there]
                if gone:
                    status, body = "503 Service Unavailable", f"not answering: {', '.join(gone)}\n".encode()
            elif path != b"/healthz":
                status, body = "404 Not Found", b"/healthz /readyz /metrics\n"
            head = (
                f"HTTP/1.1 {status}\r\nContent-Type: {kind}\r\nContent-Length: {len(body)}\r\nConnection: close\r\n\r\n"
            )
            writer.write(head.encode() + body)
            await writer.drain()
    except (TimeoutError, ConnectionError, asyncio.IncompleteReadError, asyncio.LimitOverrunError):
        log.debug("scrape.broken")
    finally:
        writer.close()


def memory_of_process() -> dict[str, int]:
    """Private and shared bytes of this process, from the kernel; empty where it does not tell."""
    found: dict[str, int] = {}
    try:
        with open("/proc/self/smaps_rollup", encoding="ascii") as lines:  # noqa: PTH123
            for line in lines:
                name, _, value = line.partition(":")
                if name in ("Private_Clean", "Private_Dirty", "Shared_Clean", "Shared_Dirty", "Rss"):
                    kind = name.split("_")[0].lower()
                    found[kind] = found.get(kind, 0) + int(value.split()[0]) * 1024
    except OSError:
        return {}
    return found
