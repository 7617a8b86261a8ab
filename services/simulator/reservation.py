"""Reservations of panel memory for work whose intermediate values are many (see `PanelFiles.reserved`)."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from shared.dataset.panels import MappedPanels

UNRESERVED_PART = 32
"""Work whose intermediate values need at most this part of the panels of a host reserves nothing."""


def is_small(panels: MappedPanels, stored_bytes: int) -> bool:
    """Return whether work with so many bytes of intermediate values reserves nothing."""
    return stored_bytes <= panels.files.budget_bytes // UNRESERVED_PART


@contextmanager
def reserved_panels(
    panels: MappedPanels, stored_bytes: int, read_bytes: Callable[[], int], is_stopped: Callable[[], bool]
) -> Iterator[None]:
    """Reserve the bytes that work stores and reads in panels when it stores many, and unmap evicted ones after it.

    Waits for the work of other processes, until `is_stopped`. Blocks: call it in a thread.
    """
    if is_small(panels, stored_bytes):
        yield
        return

    def stops() -> bool:
        panels.release_evicted()  # what waits keeps nothing mapped that was evicted for others
        return is_stopped()

    with panels.files.reserved(stored_bytes + read_bytes(), stops):
        try:
            yield
        finally:
            panels.release_evicted()
