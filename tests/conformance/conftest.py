"""Real servers for the tests of this folder that load and prepare a market."""

from tests.support.servers import servers, settings

__all__ = ["servers", "settings"]
