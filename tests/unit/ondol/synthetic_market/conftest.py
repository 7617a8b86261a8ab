"""Real servers for the test that loads a synthetic market."""

from __future__ import annotations

from tests.support.servers import servers, settings

__all__ = ["servers", "settings"]
