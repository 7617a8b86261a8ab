"""Starts a simulator: `python -m services.simulator`."""

from __future__ import annotations

import asyncio
import os
import sys

from services.simulator.service import run
from shared.errors import SetupError
from shared.infra.logs import configure
from shared.infra.process import be_frugal
from shared.settings import Settings


def main() -> int:
    """Read the settings and serve until SIGTERM; a wrong environment is one sentence and exit code 2."""
    be_frugal(mapped_from_bytes=1 << 18)
    try:
        settings = Settings.from_environment(os.environ)
        secrets = (settings.database_url, settings.broker_url, settings.cache_url, settings.api_key)
        configure("simulator", settings.log_level, secrets)
        asyncio.run(run(settings))
    except SetupError as error:
        sys.stderr.write(f"{error}\n")
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
