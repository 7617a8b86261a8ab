"""Guards against regressions by what is counted, and by ratios within one process; never by wall time alone."""

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
    made, panels = make(STOCKS, ROWS)
    export(panels, ROWS, folder)
    return made


@pytest.fixture(scope="module")
def panels(workload: Workload, folder: pathlib.Path) -> Any:
    mapped = workload.mapped(folder / "panels")
    run(standard(mapped, ROWS), mapped.reader())
    return mapped


def cpu(work: Callable[[], Any], repeats: int = 7) -> float:
    found = []
    for _ in range(repeats):
        begin = time.process_time()
        work()
        found.append(time.process_time() - begin)
    return min(found)


def test_the_standard_strategy_trades_as_the_plain_loop_does(panels: Any, folder: pathlib.Path) -> None:
    outcome = run(standard(panels, ROWS, plain=True), panels.reader())
    trades, final = numpy_days.run(arrays.load(folder))
    ours = [
        (t["stock_code"], t["shares"] * (1 if t["side"] == "buy" else -1), t["price"]) for t in outcome.result["trades"]
    ]
    assert ours == [(panels.instruments.code[stock], shares, price) for _, stock, shares, price in trades]
    assert outcome.result["equity"][-1]["equity"] == pytest.approx(final, rel=1e-9)
    assert len(trades) > 200


def test_a_year_costs_clearly_less_than_numpy_day_by_day(panels: Any, folder: pathlib.Path) -> None:
    request, given = standard(panels, ROWS, plain=True), arrays.load(folder)
    ratio = cpu(lambda: numpy_days.run(given)) / cpu(lambda: run(request, panels.reader()))
    assert ratio > 1.5, f"numpy day by day takes {ratio:.1f} times as long"


def test_three_times_the_days_cost_no_more_than_four_times_as_much(panels: Any) -> None:
    third, whole = standard(panels, ROWS // 3), standard(panels, ROWS)
    assert cpu(lambda: run(whole, panels.reader())) < 4 * cpu(lambda: run(third, panels.reader()))


def test_a_warm_run_reads_mapped_memory_only(panels: Any) -> None:
    reading = panels.reader()
    run(standard(panels, ROWS), reading)
    counted = reading.counters.as_dict()
    assert set(counted["by_tier"]) == {"t1"}
    assert counted["chunks_read"] <= 28
    assert counted["bytes_read"] <= 120 * STOCKS * 366


def test_a_run_keeps_nothing_beyond_its_result_and_a_byte_for_each_cell(panels: Any) -> None:
    request = standard(panels, ROWS)
    run(request, panels.reader())
    tracemalloc.start()
    outcome = run(request, panels.reader())
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 3 * STOCKS * ROWS + 12 * len(outcome.body)


def test_the_standard_condition_is_one_short_program() -> None:
    made = program(STANDARD.strategy["buy"]["where"], "condition")
    assert len(made.code) <= 14
    assert len(made.planes) <= 5


def test_a_stored_part_is_smaller_than_its_values(workload: Workload) -> None:
    raw = sum(
        len(workload.manifest.days) * 512 * (4 if key.isupper() else 8) for key in workload.manifest.content.chunks
    )
    stored = sum(map(len, workload.parts.values()))
    assert stored < 0.5 * raw * -(-STOCKS // 512)


def test_a_result_has_under_three_hundred_bytes_for_each_day_and_trade(panels: Any) -> None:
    outcome = run(standard(panels, ROWS), panels.reader())
    rows = sum(len(outcome.result[name]) for name in ("equity", "trades", "round_trips", "open_positions"))
    assert len(outcome.body) < 300 * rows + 4000
