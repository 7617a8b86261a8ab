"""Write `docs/reference/settings.md`: `python -m shared.settings`."""

from __future__ import annotations

import pathlib

from shared.settings.page import documentation

if __name__ == "__main__":
    page = pathlib.Path(__file__).parents[2] / "docs" / "reference" / "settings.md"
    page.write_text(documentation(), encoding="utf-8")
