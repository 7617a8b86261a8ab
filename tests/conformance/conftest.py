"""Real servers for the tests of this folder that load and prepare a market, and rankings that are kept soon."""

from collections.abc import Iterator

import pytest

from shared.simulation import ranking_cache
from tests.support.servers import servers, settings

__all__ = ["servers", "settings"]


@pytest.fixture(autouse=True, scope="module")
def _the_third_run_has_candidates() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(ranking_cache, "MIN_USES_CANDIDATES", ranking_cache.MIN_USES_ORDER)
        yield
