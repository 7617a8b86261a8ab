"""Settings of the services: declared in `fields.py`, read from environment variables."""

from __future__ import annotations

from collections.abc import Mapping

from shared.settings.fields import PANEL_DIR, SETTINGS, Settings
from shared.settings.parsers import GIB, LOG_LEVELS, MIB

__all__ = ["GIB", "LOG_LEVELS", "MIB", "PANEL_DIR", "SETTINGS", "Settings", "deprecated_names"]


def deprecated_names(environment: Mapping[str, str]) -> dict[str, str]:
    """Return the former names that are set -> the current names."""
    return {s.former: s.name for s in SETTINGS if s.former is not None and environment.get(s.former)}
