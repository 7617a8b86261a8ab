"""Settings of every test: compiled kernels, and generated examples that are the same in every run."""

from __future__ import annotations

import gc
from collections.abc import Iterator

import pytest
from hypothesis import settings

from shared.native.build import build

settings.register_profile("fixed", derandomize=True, database=None)
settings.register_profile("search", derandomize=False, print_blob=True)
settings.register_profile("fuzz", derandomize=False, print_blob=True, max_examples=4_000, deadline=None)
"""`pytest --hypothesis-profile search` draws new examples (`make search`)."""

settings.load_profile("fixed")


def pytest_configure() -> None:
    """Compile the kernels that are missing."""
    build()


@pytest.hookimpl(wrapper=True)
def pytest_collection() -> Iterator[None]:
    """Collect no garbage while modules are imported and tests are listed: all of that remains, and is not scanned."""
    gc.disable()
    try:
        return (yield)
    finally:
        gc.freeze()
        gc.enable()
