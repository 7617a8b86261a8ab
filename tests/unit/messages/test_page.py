"""The reference page of errors is current."""

from __future__ import annotations

from shared.messages.page import PAGE, page


def test_errors_page_lists_the_declared_messages() -> None:
    assert PAGE.read_text(encoding="utf-8") == page(), "run: python -m shared.messages.page"
