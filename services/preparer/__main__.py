"""Starts a preparer: `python -m services.preparer`."""

from __future__ import annotations

import gc
import os
import sys

from services.preparer.service import run
from shared.infra.process import be_roomy
from shared.infra.start import serve


def main() -> int:
    """Serve until SIGTERM; a wrong environment is one sentence and exit code 2."""
    be_roomy()
    gc.freeze()  # what was imported is never looked through again
    return serve("preparer", run, os.environ)


if __name__ == "__main__":
    sys.exit(main())
