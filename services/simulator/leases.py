"""How long leases of runs, parts of sweeps and analyses last, and how often they are renewed (`renewal.py`)."""

from __future__ import annotations

from typing import Final

LEASE_S: Final = 4.0
"""Without a renewal another simulator may acquire the row after this time."""
RENEW_S: Final = 0.4
"""A cancelled row is noticed at the next renewal."""
