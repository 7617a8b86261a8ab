"""What every test shares: compiled kernels."""

from __future__ import annotations

from shared.kernels.build import build


def pytest_configure() -> None:
    build()
