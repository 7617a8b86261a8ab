"""Start a preparer: `python -m services.preparer`."""

from __future__ import annotations

import os
import sys

from shared.infra.memory import keep_heap, light_start


def main() -> int:
    """Serve until SIGTERM; print one sentence and return 2 when the environment is invalid."""
    keep_heap()
    with light_start(os.environ):
        from services.preparer.service import run
        from shared.infra.bootstrap import serve
    return serve("preparer", run, os.environ)


if __name__ == "__main__":
    sys.exit(main())
