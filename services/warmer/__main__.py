"""Start the warmer: `python -m services.warmer`."""

from __future__ import annotations

import os
import sys

from shared.infra.memory import light_start


def main() -> int:
    """Serve until SIGTERM; print one sentence and return 2 when the environment is invalid."""
    with light_start(os.environ):
        from services.warmer.service import run
        from shared.infra.bootstrap import serve
    return serve("warmer", run, os.environ)


if __name__ == "__main__":
    sys.exit(main())
