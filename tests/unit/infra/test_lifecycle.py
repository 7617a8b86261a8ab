"""The heartbeat thread opens its resource again after a failed renewal, and the metric counts the failure."""

from __future__ import annotations

import threading
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from prometheus_client import REGISTRY

from shared.infra.lifecycle import Heartbeat


def test_heartbeat_counts_failures_and_reopens() -> None:
    opened: list[int] = []
    renewed = threading.Event()

    @asynccontextmanager
    async def open_resource() -> AsyncIterator[int]:
        opened.append(len(opened))
        yield opened[-1]

    async def renew(resource: int) -> None:
        if resource == 0:
            raise ConnectionError
        renewed.set()

    before = REGISTRY.get_sample_value("ondol_heartbeat_failures")
    assert before is not None
    with Heartbeat(open_resource, renew, interval_s=0.001, lost=(ConnectionError,)):
        assert renewed.wait(10)
    assert opened == [0, 1]
    assert REGISTRY.get_sample_value("ondol_heartbeat_failures") == before + 1
