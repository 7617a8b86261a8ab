"""Report of a demonstration: results of the strategies, latencies, cache hit rates and memory."""

from __future__ import annotations

import datetime as dt
import pathlib
import statistics
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from ondol.cli.terminal import table
from ondol.local.run_file import Run
from shared.infra.api_client.outcome import Outcome


@dataclass(frozen=True, kw_only=True)
class Row:
    """One strategy: fractions, and milliseconds of its HTTP requests. `reason` is set when there is no result."""

    id: str
    name: str
    total_return: float | None = None
    benchmark_return: float | None = None
    max_drawdown: float | None = None
    sharpe: float | None = None
    trades: int | None = None
    computed_ms: float | None = None
    stored_ms: float | None = None
    stored: bool = False
    hits: int = 0
    misses: int = 0
    warnings: tuple[Mapping[str, Any], ...] = ()
    reason: str | None = None
    lacks_data: bool = False


def row_of(identity: str, name: str, stored: Outcome, computed: Outcome) -> Row:
    """Return the row of a strategy from the response with the stored result and the one with a new result."""
    error = computed.error or stored.error
    if error:
        return Row(id=identity, name=name, reason=error, lacks_data=computed.lacks_data or stored.lacks_data)
    figures = computed.result["statistics"]
    curve = [point.get("benchmark") for point in computed.result["equity"]]
    cash = computed.document.get("request", {}).get("initial_cash") or 100_000_000.0
    against = curve[-1] / cash - 1 if curve and curve[-1] is not None else None
    hits, misses = computed.chunks()
    return Row(
        id=identity, name=name, total_return=figures["total_return"], benchmark_return=against,
        max_drawdown=figures["max_drawdown"], sharpe=figures["sharpe"], trades=figures["trades"],
        computed_ms=1000 * computed.seconds, stored_ms=1000 * stored.seconds, stored=stored.cached, hits=hits,
        misses=misses, warnings=tuple(computed.result.get("warnings") or ()),
    )  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class PaperAccount:
    """A public paper account: money in won, and the orders of the day that it has decided last (None: none yet)."""

    id: str
    name: str
    as_of: str | None
    equity: float | None
    positions: int
    day: str | None = None
    orders: int = 0


@dataclass(frozen=True, kw_only=True)
class Figures:
    """All figures of the demonstration. memory: process -> bytes (shared pages divided by their users)."""

    rows: list[Row]
    start: dt.date
    end: dt.date
    warm: dict[str, Any]
    memory: dict[str, int]
    synthetic: bool
    accounts: tuple[PaperAccount, ...] = ()

    @property
    def chunk_hit_rate(self) -> float | None:
        """Share of the chunks read by the recomputed strategies that came from a mapped panel or the cache."""
        hits, all_read = sum(r.hits for r in self.rows), sum(r.hits + r.misses for r in self.rows)
        return hits / all_read if all_read else None

    @property
    def result_hit_rate(self) -> float | None:
        """Share of the strategies whose result was stored by the warm run."""
        ran = [row for row in self.rows if row.reason is None]
        return sum(row.stored for row in ran) / len(ran) if ran else None

    def exit_code(self) -> int:
        """Return 0 when the warm run ended and each strategy ran or lacks data, else 1."""
        broken = any(row.reason is not None and not row.lacks_data for row in self.rows)
        ran = any(row.reason is None for row in self.rows)
        return 0 if ran and not broken and self.warm["status"] in ("completed", "partial") else 1

    def document(self, seconds: dict[str, float]) -> dict[str, Any]:
        """Return the object of `ondol demo --json`; seconds: duration by step."""
        return {
            "synthetic": self.synthetic, "start": self.start, "end": self.end,
            "strategies": [asdict(row) for row in self.rows], "chunk_hit_rate": self.chunk_hit_rate,
            "result_hit_rate": self.result_hit_rate, "warm": self.warm, "memory_bytes": self.memory,
            "accounts": [asdict(account) for account in self.accounts],
            "seconds": seconds,
        }  # fmt: skip

    def text(self, seconds: dict[str, float]) -> str:
        """Return the tables that `ondol demo` prints; seconds: duration by step."""
        kind = "SYNTHETIC market: its returns mean nothing" if self.synthetic else "the given market"
        lines = ["", f"ten famous strategies, {self.start} to {self.end} ({kind})", ""]
        ran = [row for row in self.rows if row.reason is None]
        head = ["strategy", "return", "benchmark", "max drawdown", "sharpe", "trades", "computed", "stored"]
        cells = [
            [
                r.name, _percent(r.total_return), _percent(r.benchmark_return), _percent(r.max_drawdown),
                "" if r.sharpe is None else f"{r.sharpe:.2f}", f"{r.trades:,}", _ms(r.computed_ms), _ms(r.stored_ms),
            ]
            for r in ran
        ]  # fmt: skip
        if cells:
            lines.append(table(head, cells))
        for title, lacks in (("not run, data missing:", True), ("FAILED:", False)):
            named = [f"  {r.name}: {r.reason}" for r in self.rows if r.reason is not None and r.lacks_data == lacks]
            lines += ["", title, *named] if named else []
        scarce = [f"  {r.name}: {w['message']}" for r in ran for w in r.warnings if w["code"] == "scarce_factor"]
        if scarce:
            lines += ["", "ran on scarce data (draw no conclusions):", *scarce]
        lines += self._accounts()
        lines.append("")
        if ran:
            computed = statistics.median(r.computed_ms or 0.0 for r in ran)
            stored = statistics.median(r.stored_ms or 0.0 for r in ran)
            lines.append(f"time        median {computed:.1f} ms computed again, {stored:.1f} ms stored (over HTTP)")
        lines.append(f"hit rate    chunks {_percent(self.chunk_hit_rate)}, results {_percent(self.result_hit_rate)}")
        if self.memory:
            lines.append(f"memory      {sum(self.memory.values()) / 2**20:,.0f} MiB in total: " + ", ".join(
                f"{name} {size / 2**20:,.0f}" for name, size in self.memory.items()))  # fmt: skip
        lines.append("seconds     " + ", ".join(f"{name} {spent:.1f}" for name, spent in seconds.items()))
        return "\n".join(lines)

    def _accounts(self) -> list[str]:
        if not self.accounts:
            return []
        cells = [
            [
                a.name, a.as_of or "", "" if a.equity is None else f"{a.equity:,.0f}", f"{a.positions}", a.day or "",
                f"{a.orders}",
            ]
            for a in self.accounts
        ]  # fmt: skip
        head = ["public paper account", "as of", "equity (won)", "positions", "orders of", "orders"]
        return ["", table(head, cells, "llrrlr")]


def _percent(value: float | None) -> str:
    return "none" if value is None else f"{100 * value:.1f} %"


def _ms(value: float | None) -> str:
    return "" if value is None else f"{value:.1f} ms"


def memory_of(run: Run) -> dict[str, int]:
    """Return process name -> proportional bytes (shared pages divided by their users) of the running processes."""
    sizes = {}
    for name, process in {**run.services, **run.servers.processes}.items():
        size = proportional_bytes(process)
        if size:
            sizes[name] = size
    return sizes


def proportional_bytes(process: int) -> int:
    """Return the PSS of a process and its children in bytes, 0 when it cannot be read."""
    total = 0
    for member in (process, *_children(process)):
        try:
            lines = pathlib.Path(f"/proc/{member}/smaps_rollup").read_text(encoding="ascii").splitlines()
        except OSError:
            continue
        total += sum(int(line.split()[1]) * 1024 for line in lines if line.startswith("Pss:"))
    return total


def _children(process: int) -> list[int]:
    try:
        text = pathlib.Path(f"/proc/{process}/task/{process}/children").read_text(encoding="ascii")
    except OSError:
        return []
    direct = [int(word) for word in text.split()]
    return direct + [grandchild for child in direct for grandchild in _children(child)]
