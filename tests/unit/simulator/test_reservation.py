"""Work that has ended keeps no panel mapped: what was evicted is free without a collection of garbage."""

from __future__ import annotations

import asyncio
import gc
import itertools
import pathlib
import weakref
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import orjson
import pytest

from services.simulator.queries.answer import computation_of_request
from services.simulator.reservation import reserved_panels
from shared.contracts import queries
from shared.dataset.address_space import AddressReservation
from shared.dataset.panel_reader import PanelReader
from shared.dataset.panels import MappedPanels
from shared.errors import CancelledRunError
from shared.model.calendar import iso
from shared.model.conversion import convert
from shared.model.request import canonical_json, request_from_json
from shared.research.sweeps.part import requests_of, run_part
from shared.research.sweeps.plan import SweepPlan, plan_sweep
from shared.research.sweeps.request import SweepBody
from shared.research.walk_forward.stitch import stitched_cash
from shared.simulation import canonical_request, request_of, run
from shared.simulation.variants import run_variants
from tests.support.datasets import PartStore, random_version

BUDGET = 1 << 24
_, MANIFEST, BLOBS = random_version(days=160, stocks=12)
DAYS = [iso(int(day)) for day in MANIFEST.days]
BODY = {
    "strategy": {
        "universe": {"where": "ts_mean(raw_close, 3) > 0"},
        "buy": {"where": "PER < 1000 and ts_mean(raw_close, 5) > 0", "rank_by": "RSI_14 + ts_mean(PER, 7)"},
        "sell": {"where": "RSI_14 > 90 or ts_rank(PER, 4) > 0.9", "max_hold_days": 5},
        "portfolio": {"when": "row_median(ts_mean(PER, 2)) > 0"},
    },
    "start": DAYS[30],
    "end": DAYS[-1],
}
REQUEST = canonical_request(request_of(BODY))
ABOUT = {"version": MANIFEST.version, "request": canonical_json(REQUEST).decode()}
REPORT: dict[str, Any] = {
    "horizons": (1, 5), "quantiles": 5, "neutral": "none", "controls": ("ts_mean(PER, 3)",), "cost_pct": 0.1,
    "correlations": True, "series": True, "breakdowns": ("market", "cap_group"),
}  # fmt: skip
DRAWS: dict[str, Any] = {"random_draws": 3, "noise_draws": 3, "noise_pct": 1.0, "seed": 1}
QUERIES = [
    queries.Values(**ABOUT, fields=("ts_mean(close, 5)", "PER", "rank(PER)"), codes=None, first=50, stop=160),
    queries.Screen(**ABOUT, limit=10, columns=("ts_mean(close, 6)",)),
    queries.Distribution(**ABOUT, key="PER", unit="x", row=159, bins=10),
    queries.Explain(**ABOUT),
    queries.Explain(**ABOUT, stock_code="000001", date=DAYS[60]),
    queries.Audit(**ABOUT, seed=1, cuts=2),
    queries.Robustness(**ABOUT, **DRAWS),
    queries.Robustness(**ABOUT, **DRAWS, trials=True),
    queries.FactorReport(**ABOUT, **REPORT),
    queries.FactorReportAudit(**ABOUT, **REPORT, stored_digest="", seed=1, cuts=2),
    queries.FactorCoefficients(**ABOUT, horizons=(1, 5), neutral="none"),
    queries.FactorPortfolios(**ABOUT, horizons=(1, 5), neutral="none"),
    queries.ExpressionCoverage(**ABOUT),
]


def never() -> bool:
    return False


def planned(parameters: dict[str, Any], **strategy: Any) -> SweepPlan:
    template = BODY | {"strategy": BODY["strategy"] | strategy}  # type: ignore[operator]
    found = convert({"template": template, "parameters": parameters}, SweepBody)
    assert found.value is not None, found.problems
    return plan_sweep(found.value)


THRESHOLDS = planned(
    {"n": {"from": 1, "to": 30, "step": 1}}, buy={"where": "PER < $n and ts_mean(raw_close, 5) > 0", "rank_by": "PER"}
)
UNNAMED = planned({"n": {"from": 1, "to": 30, "step": 1}}, buy={"where": "ts_mean(PER, 5) > $n", "rank_by": "PER * $n"})
WINDOWS = planned({"n": {"from": 2, "to": 6, "step": 1}}, buy={"where": "PER > ts_mean(PER, $n)", "rank_by": "PER"})


def swept(plan: SweepPlan, reader: PanelReader) -> bytes:
    cancelled = reader.cancelled or never
    return run_part(plan, plan.points, reader, requests_of(plan, plan.points, cancelled), cancelled).table.pack()


def queried(query: queries.RequestQuery, reader: PanelReader) -> bytes:
    computation = asyncio.run(computation_of_request(None, query, request_from_json(query.request)))  # type: ignore[arg-type]
    return orjson.dumps(computation(reader), option=orjson.OPT_SERIALIZE_NUMPY)


Work = Callable[[PanelReader], object]
WORK: dict[str, Work] = {
    "backtest": lambda reader: run(REQUEST, reader, cancelled=reader.cancelled or never).encoded,
    "variants": lambda reader: run_variants([REQUEST] * 9, reader, cancelled=reader.cancelled or never),
    "walk-forward": lambda reader: stitched_cash([REQUEST], reader, reader.cancelled or never).result,
    "sweep of thresholds": lambda reader: swept(THRESHOLDS, reader),
    "sweep of unnamed values": lambda reader: swept(UNNAMED, reader),
    "sweep of windows": lambda reader: swept(WINDOWS, reader),
} | {f"{k} {query.kind}": lambda reader, query=query: queried(query, reader) for k, query in enumerate(QUERIES)}


@pytest.fixture
def alive(monkeypatch: pytest.MonkeyPatch) -> Iterator[weakref.WeakSet[AddressReservation]]:
    """Yield the mapped address ranges that something refers to; garbage is not collected meanwhile."""
    found: weakref.WeakSet[AddressReservation] = weakref.WeakSet()
    reserve = AddressReservation.__init__

    def counted(self: AddressReservation, *arguments: Any) -> None:
        reserve(self, *arguments)
        found.add(self)

    monkeypatch.setattr(AddressReservation, "__init__", counted)
    gc.collect()
    gc.disable()
    yield found
    gc.enable()


def reserved(name: str, panels: MappedPanels, cancelled: Callable[[], bool] | None = None) -> object:
    """Do work as a simulator does what needs much memory, within a reservation."""
    with reserved_panels(panels, panels.files.budget_bytes // 2, lambda: 0, never):
        return WORK[name](panels.reader(cancelled))


def evict(panels: MappedPanels) -> None:
    panels.files.evict(0)
    panels.release_evicted()


@pytest.mark.parametrize("name", WORK)
def test_ended_work_keeps_nothing_mapped(
    alive: weakref.WeakSet[AddressReservation], tmp_path: pathlib.Path, name: str
) -> None:
    panels = MappedPanels(tmp_path, MANIFEST, PartStore(BLOBS), BUDGET)
    with ThreadPoolExecutor(1) as pool:
        assert pool.submit(reserved, name, panels).result()
        assert len(alive) > 0
        evict(panels)
        assert len(alive) == 0


@pytest.mark.parametrize("name", WORK)
async def test_cancelled_work_keeps_nothing_mapped(
    alive: weakref.WeakSet[AddressReservation], tmp_path: pathlib.Path, name: str
) -> None:
    panels = MappedPanels(tmp_path, MANIFEST, PartStore(BLOBS), BUDGET)
    loop = asyncio.get_running_loop()
    with ThreadPoolExecutor(1) as pool:
        polls = 2
        while True:
            cancelled = map(polls.__le__, itertools.count()).__next__
            try:
                await loop.run_in_executor(pool, reserved, name, panels, cancelled)
            except CancelledRunError:
                await loop.run_in_executor(pool, int)  # the thread has left the work before
            else:
                break
            evict(panels)
            assert len(alive) == 0, f"cancelled at poll {polls}"
            polls += 1 + polls // 3
    assert polls > 2
