"""Requests of every kind whose intermediate values need too much panel memory are refused before they run."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any

import pytest
import pytest_asyncio

from ondol.local.run_file import Servers
from tests.support.api_with_market import FIRST, LAST, prepared_settings
from tests.support.sweeps import sweep
from tests.support.system import Client, api_of

WINDOWS = [f"ts_mean(raw_close, {length})" for length in range(5, 25)]
FEW = WINDOWS[0]


@pytest_asyncio.fixture(scope="module")
async def client(servers: Servers) -> AsyncIterator[Client]:
    """Yield a client of an api whose simulators would have 16 MiB of panels; without simulators."""
    async with prepared_settings(servers) as settings, api_of(replace(settings, panel_bytes=16 << 20)) as found:
        yield found


@pytest.mark.parametrize(("method", "path", "body"), [
    ("GET", f"/v1/screen?where={FEW}>0&columns={','.join(WINDOWS)}", None),
    ("GET", f"/v1/values?fields={','.join(WINDOWS)}", None),
    ("POST", "/v1/factor-reports", {"factor": " + ".join(WINDOWS), "start": FIRST, "end": LAST}),
    ("POST", "/v1/sweeps", sweep(template={
        "strategy": {"buy": {"where": " and ".join(f"{text} > $n" for text in WINDOWS)}}, "start": FIRST, "end": LAST,
    }, parameters={"n": {"from": 1, "to": 3, "step": 1}})),
])  # fmt: skip
async def test_too_many_intermediate_values_are_refused(client: Client, method: str, path: str, body: Any) -> None:
    status, found, _ = await client.call(method, path.replace(" ", "%20"), body)
    assert (status, found["code"]) == (422, "too_much_memory"), found
