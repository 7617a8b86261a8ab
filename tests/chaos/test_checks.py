"""The checks as tests: quick ones with small counts; `make faults` runs all."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from tests.chaos.__main__ import context_of, run_check
from tests.chaos.checks import CHECKS
from tests.chaos.results import Check, Context
from tests.chaos.system import home_folder, make_market, serving

SEED = 1


@pytest_asyncio.fixture(scope="module")
async def context() -> AsyncIterator[Context]:
    """One system for all checks of this file; each check waits until it is healthy again."""
    async with home_folder() as folder:
        market = await make_market(folder / "market", stocks=200, years=2)
        async with serving(folder / "home") as system:
            await system.load(market)
            await system.warm_run_ended()
            yield await context_of(folder, system, market, SEED, quick=True)


@pytest.mark.parametrize(
    "check", [pytest.param(check, id=check.id, marks=() if check.quick else pytest.mark.slow) for check in CHECKS]
)
async def test_system_passes(check: Check, context: Context) -> None:
    report = await run_check(check, context)
    print(report.line())
    if report.cannot_run:
        pytest.skip(report.cannot_run)
    assert not report.faults, report.line()
    await context.system.healthy(60)
