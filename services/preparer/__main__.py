"""Starts a preparer: `python -m services.preparer`."""

from __future__ import annotations

import asyncio
import gc
import os
import sys

from services.preparer.service import run
from shared.errors import SetupError
from shared.infra.logs import configure
from shared.infra.process import be_roomy
from shared.settings import Settings


def main() -> int:
    """Read the settings and serve until SIGTERM; a wrong environment is one sentence and exit code 2."""
    be_roomy()
    gc.freeze()  # what was imported is never looked through again
    try:
        settings = Settings.from_environment(os.environ)
        configure("preparer", settings.log_level, (settings.database_url, settings.broker_url, settings.cache_url))
        asyncio.run(run(settings))
    except SetupError as error:
        sys.stderr.write(f"{error}\n")
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
