"""What every test shares: compiled kernels."""

from __future__ import annotations

from shared.native.build import build


def pytest_configure() -> None:
    build()
