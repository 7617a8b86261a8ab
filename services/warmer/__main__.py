"""Starts the warmer: `python -m services.warmer`."""

from __future__ import annotations

import asyncio
import os
import sys

from shared.errors import SetupError
from shared.settings import Settings


def main() -> int:
    """Read the settings and serve until SIGTERM; a wrong environment is one sentence and exit code 2."""
    try:
        from services.warmer.service import run

        asyncio.run(run(Settings.from_environment(os.environ)))
    except SetupError as error:
        sys.stderr.write(f"{error}\n")
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
