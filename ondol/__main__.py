"""`python -m ondol` is the `ondol` command."""

from __future__ import annotations

import sys

from ondol.main import main

if __name__ == "__main__":
    sys.exit(main())
