"""The reference page of the package."""

from __future__ import annotations

from ondol.client.reference import PAGE, page


def test_reference_page_matches_docstrings() -> None:
    assert PAGE.read_text(encoding="utf-8") == page(), "run: python -m ondol.client.reference"
