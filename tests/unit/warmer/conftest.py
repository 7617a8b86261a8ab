"""Real servers for the warmer's tests."""

from __future__ import annotations

from tests.support.servers import servers, settings

__all__ = ["servers", "settings"]
