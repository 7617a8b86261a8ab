"""When data of paper accounts are due; the settings need it, whose import must stay light."""

from __future__ import annotations

import datetime as dt
from typing import Final

DATA_DUE: Final = dt.time(6, 30)
FETCHED_DATA_DUE: Final = dt.time(8, 50)
"""The row of the last trading day has to be there, or paper accounts decide nothing; the second time holds where the
scheduled fetch loads it, because the exchange publishes it at 08:00."""
