"""The checks as tests: the quick ones with small counts in every run, the others in `make faults`."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from tests.chaos.__main__ import carry_out, context_of
from tests.chaos.checks import CHECKS
from tests.chaos.results import Check, Context
from tests.chaos.system import home_folder, make_market, serving

SEED = 1


@pytest_asyncio.fixture(scope="module")
async def context() -> AsyncIterator[Context]:
    """One system for all checks of this file; each leaves it healthy."""
    async with home_folder() as folder:
        market = await make_market(folder / "market", stocks=200, years=2)
        async with serving(folder / "home") as house:
            await house.load(market)
            await house.warm_run_ended()
            yield await context_of(folder, house, market, SEED, quick=True)


@pytest.mark.parametrize(
    "check", [pytest.param(check, id=check.id, marks=() if check.quick else pytest.mark.slow) for check in CHECKS]
)
async def test_the_system_withstands(check: Check, context: Context) -> None:
    verdict = await carry_out(check, context)
    print(verdict.line())
    assert not verdict.faults, verdict.line()
    await context.house.healthy(60)
