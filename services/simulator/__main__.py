"""Starts a simulator: `python -m services.simulator`."""

from __future__ import annotations

import os
import sys

from shared.infra.process import be_frugal, light_start


def main() -> int:
    """Serve until SIGTERM; a wrong environment is one sentence and exit code 2."""
    be_frugal(mapped_from_bytes=1 << 18)
    with light_start(os.environ):
        from services.simulator.service import run
        from shared.infra.start import serve
    return serve("simulator", run, os.environ)


if __name__ == "__main__":
    sys.exit(main())
