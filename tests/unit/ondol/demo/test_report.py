"""Reports of `ondol demo` and `ondol warm`."""

from __future__ import annotations

import argparse
import datetime as dt
from dataclasses import replace
from typing import Any

import pytest

from ondol.cli.commands import warm
from ondol.demo.report import Figures, PaperAccount, Row, row_of
from shared.contracts.warm import PHASES
from shared.errors import SetupError
from shared.infra.api_client import outcome
from shared.infra.api_client.errors import RunFailed
from shared.infra.api_client.outcome import Outcome


def completed(*, cached: bool, tiers: dict[str, int]) -> Outcome:
    result = {
        "statistics": {"total_return": 0.5, "max_drawdown": -0.2, "sharpe": 1.25, "trades": 1234},
        "equity": [{"benchmark": 100_000_000.0}, {"benchmark": 110_000_000.0}],
        "cache": {"by_tier": tiers},
        "warnings": [{"code": "scarce_factor", "message": "PER (buy.where) is present on only 1.20 %"}],
    }  # fmt: skip
    return Outcome(document={"status": "completed", "result": result}, cached=cached, seconds=0.02)


def failed(kind: str) -> Outcome:
    return outcome.failed(RunFailed({"status": "failed", "error": {"kind": kind, "detail": "ROIC has no value"}}))


def figures(*rows: Row, status: str = "completed") -> Figures:
    day = dt.date(2025, 12, 30)
    return Figures(rows=list(rows), start=day, end=day, warm={"status": status}, memory={"api": 2**20}, synthetic=True)


RAN = row_of(
    "a", "Strategy A", completed(cached=True, tiers={"t1": 3}), completed(cached=False, tiers={"t1": 3, "t3": 1})
)


def test_text_lists_public_accounts_with_their_orders() -> None:
    account = PaperAccount(
        id="1", name="Strategy A", as_of="2025-12-30", equity=1.5e8, positions=7, day="2026-01-02", orders=3
    )
    found = replace(figures(RAN), accounts=(account,))
    line = next(line for line in found.text({}).splitlines() if line.startswith("Strategy A") and "150,000,000" in line)
    assert line.split() == ["Strategy", "A", "2025-12-30", "150,000,000", "7", "2026-01-02", "3"]
    assert found.document({})["accounts"][0]["orders"] == 3
    assert "public paper account" not in figures(RAN).text({})


def test_row_has_benchmark_return_and_chunk_hits() -> None:
    assert RAN.benchmark_return == pytest.approx(0.1)
    assert (RAN.total_return, RAN.trades, RAN.stored, RAN.hits, RAN.misses) == (0.5, 1234, True, 3, 1)
    report = figures(RAN)
    assert report.chunk_hit_rate == 0.75
    assert report.result_hit_rate == 1.0


def test_strategy_without_data_is_listed_and_no_failure() -> None:
    missing = row_of("b", "Strategy B", failed("factor_absent"), failed("factor_absent"))
    text = figures(RAN, missing).text({"warm": 1.0})
    assert "not run, data missing:\n  Strategy B: ROIC has no value" in text
    assert "SYNTHETIC" in text
    assert "present on only 1.20 %" in text
    assert figures(RAN, missing, status="partial").exit_code() == 0


def test_failed_strategy_fails_the_demo() -> None:
    broken = row_of("b", "Strategy B", failed("internal"), failed("internal"))
    assert "FAILED:" in figures(RAN, broken).text({})
    assert figures(RAN, broken).exit_code() == 1
    assert figures(RAN, status="failed").exit_code() == 1


def test_equal_failures_of_windows_are_one_line() -> None:
    run: dict[str, Any] = {
        "id": 7, "status": "partial", "progress": [], "summary": {"chunk_hit_rate": 1.0, "result_hit_rate": 1.0},
        "failures": [
            {"phase": "strategies", "item": "bill_ackman 1y", "error": "no ROIC"},
            {"phase": "strategies", "item": "bill_ackman 2y", "error": "no ROIC"},
            {"phase": "strategies", "item": "peter_lynch 2y", "error": "no PEG", "missing_data": True},
        ],
        "plan": {"fits": False, "needed_bytes": 2e9, "cache_limit_bytes": 1e9},
    }  # fmt: skip
    text = warm.report(run)
    assert "strategies: peter_lynch 2y lacks data: no PEG" in text
    assert "strategies: bill_ackman 1y, 2y failed: no ROIC" in text
    assert "raise ONDOL_CACHE_BYTES" in text
    assert text.endswith("warm run 7: partial")


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ([], list(PHASES)),
        (["--strategies-only"], ["strategies"]),
        (["--phases", "prices,factors"], ["prices", "factors"]),
        (["--phases", "prices", "factors"], ["prices", "factors"]),
    ],
)
def test_phases_are_selected_by_name(words: list[str], expected: list[str]) -> None:
    parser = argparse.ArgumentParser()
    warm.add_arguments(parser)
    assert warm._chosen(parser.parse_args(words)) == expected


@pytest.mark.parametrize(
    "words", [["--phases", "price"], ["--phases", ","], ["--strategies-only", "--phases", "prices"]]
)
def test_unknown_phase_error_names_known_phases(words: list[str]) -> None:
    parser = argparse.ArgumentParser()
    warm.add_arguments(parser)
    with pytest.raises(SetupError):
        warm._chosen(parser.parse_args(words))
