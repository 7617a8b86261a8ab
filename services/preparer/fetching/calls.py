"""Run calls of one source, several in flight, in order; the first error ends the run after those in flight."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Iterable
from typing import TypeVar

from services.preparer.fetching.source import CONCURRENCY
from shared.market_files.answers import AnswerError, DamagedAnswerError

Item = TypeVar("Item")
MAX_DAMAGED = 5


async def run_calls(
    items: Iterable[Item], call: Callable[[Item], Awaitable[object]], done: Callable[[], None],
    concurrency: int = CONCURRENCY,
) -> list[str]:  # fmt: skip
    """Await `call` for every item; raise the first AnswerError after no further call was started.

    An answer that stays damaged is left out: return the messages of these, and raise the last one when more than
    MAX_DAMAGED of them come in a row.
    """
    waiting = deque(items)
    errors: list[AnswerError] = []
    damaged: list[str] = []
    in_a_row = 0

    async def work() -> None:
        nonlocal in_a_row
        while waiting and not errors:
            item = waiting.popleft()
            try:
                await call(item)
            except DamagedAnswerError as error:
                damaged.append(str(error))
                in_a_row += 1
                if in_a_row > MAX_DAMAGED:
                    errors.append(error)
            except AnswerError as error:
                errors.append(error)
            else:
                in_a_row = 0
                done()

    async with asyncio.TaskGroup() as group:
        for _ in range(concurrency):
            group.create_task(work())
    if errors:
        raise errors[0]
    return damaged
