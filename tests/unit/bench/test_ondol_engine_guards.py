"""Performance guards by counts and by CPU ratios within one process, never by wall time alone."""

from __future__ import annotations

import pathlib
import time
import tracemalloc
from collections.abc import Callable
from typing import Any

import pytest

from bench.peers import arrays, numpy_days
from bench.workload import Workload, export, make, standard
from shared.language.compiler import program
from shared.simulation import run
from shared.strategies.catalogue import STANDARD

STOCKS, ROWS = 1500, 250


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> pathlib.Path:
    return tmp_path_factory.mktemp("bench")


@pytest.fixture(scope="module")
def workload(folder: pathlib.Path) -> Workload:
    prepared, panels = make(STOCKS, ROWS)
    export(panels, ROWS, folder)
    return prepared


@pytest.fixture(scope="module")
def panels(workload: Workload, folder: pathlib.Path) -> Any:
    mapped = workload.mapped(folder / "panels")
    run(standard(mapped, ROWS), mapped.reader())
    return mapped


def cpu(work: Callable[[], Any], repeats: int = 7) -> float:
    samples = []
    for _ in range(repeats):
        begin = time.process_time()
        work()
        samples.append(time.process_time() - begin)
    return min(samples)


def test_standard_strategy_trades_equal_the_plain_loop(panels: Any, folder: pathlib.Path) -> None:
    outcome = run(standard(panels, ROWS, plain=True), panels.reader())
    trades, final = numpy_days.run(arrays.load(folder))
    ours = [
        (t["stock_code"], t["shares"] * (1 if t["side"] == "buy" else -1), t["price"]) for t in outcome.result["trades"]
    ]
    assert ours == [(panels.instruments.code[stock], shares, price) for _, stock, shares, price in trades]
    assert outcome.result["equity"][-1]["equity"] == pytest.approx(final, rel=1e-9)
    assert len(trades) > 200


def test_one_year_costs_less_than_numpy_day_by_day(panels: Any, folder: pathlib.Path) -> None:
    request, given = standard(panels, ROWS, plain=True), arrays.load(folder)
    ratio = cpu(lambda: numpy_days.run(given)) / cpu(lambda: run(request, panels.reader()))
    assert ratio > 1.5, f"numpy day by day takes {ratio:.1f} times as long"


def test_cost_grows_at_most_linearly_with_days(panels: Any) -> None:
    third, whole = standard(panels, ROWS // 3), standard(panels, ROWS)
    assert cpu(lambda: run(whole, panels.reader())) < 4 * cpu(lambda: run(third, panels.reader()))


def test_warm_run_reads_mapped_memory_only(panels: Any) -> None:
    reading = panels.reader()
    run(standard(panels, ROWS), reading)
    counted = reading.counters.as_dict()
    assert set(counted["by_tier"]) == {"t1"}
    assert counted["chunks_read"] <= 28
    assert counted["bytes_read"] <= 120 * STOCKS * 366


def test_run_allocates_result_and_one_byte_per_cell(panels: Any) -> None:
    request = standard(panels, ROWS)
    run(request, panels.reader())
    tracemalloc.start()
    outcome = run(request, panels.reader())
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 3 * STOCKS * ROWS + 12 * len(outcome.body)


def test_standard_condition_is_one_short_program() -> None:
    compiled = program(STANDARD.strategy["buy"]["where"], "condition")
    assert len(compiled.code) <= 14
    assert len(compiled.planes) <= 5


def test_stored_part_is_smaller_than_its_values(workload: Workload) -> None:
    raw = sum(
        len(workload.manifest.days) * 512 * (4 if key.isupper() else 8) for key in workload.manifest.content.chunks
    )
    stored = sum(map(len, workload.parts.values()))
    assert stored < 0.5 * raw * -(-STOCKS // 512)


def test_result_has_under_300_bytes_per_day_and_trade(panels: Any) -> None:
    outcome = run(standard(panels, ROWS), panels.reader())
    rows = sum(len(outcome.result[name]) for name in ("equity", "trades", "round_trips", "open_positions"))
    assert len(outcome.body) < 300 * rows + 4000
