"""Load a market directory: `python -m services.preparer.load DIR`, the same command as `ondol load DIR`."""

from __future__ import annotations

import os
import sys

from services.preparer.loading.load import LoadReport, load_market

__all__ = ["LoadReport", "load_market"]

if __name__ == "__main__":
    # `ondol load` connects to the servers, or starts them, and shows the progress.
    os.execv(sys.executable, [sys.executable, "-m", "ondol.main", "load", *sys.argv[1:]])  # noqa: S606
