"""Fixtures with real servers for the tests of this folder."""

from tests.support.servers import servers, settings

__all__ = ["servers", "settings"]
