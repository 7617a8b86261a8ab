"""Progress of waiting: nothing, a terminal bar, a notebook element."""

from __future__ import annotations

import sys
from typing import Any

import pytest

from ondol.client.progress import DELAY_S, bar


def test_output_that_is_no_terminal_has_no_bar() -> None:
    for wanted in (None, False):
        with bar(wanted) as shown:
            assert shown is None


def test_terminal_bar_appears_after_a_moment_and_goes(capsys: pytest.CaptureFixture[str]) -> None:
    times = iter([0.0, DELAY_S / 2, DELAY_S])
    with bar(True, now=lambda: next(times)) as shown:
        assert shown is not None
        shown({"status": "running", "progress": 0.1})
        assert capsys.readouterr().err == ""
        shown({"status": "running", "progress": 0.5})
        assert "[##########          ]  50%" in capsys.readouterr().err
    assert capsys.readouterr().err == "\r\x1b[K"


def test_notebook_bar_is_one_element() -> None:
    from IPython.core.displaypub import CapturingDisplayPublisher
    from IPython.core.interactiveshell import InteractiveShell

    shell: Any = InteractiveShell.instance()
    published = shell.display_pub
    shell.display_pub = captured = CapturingDisplayPublisher()
    try:
        with bar(None, now=iter([0.0, 1.0]).__next__) as shown:
            assert shown is not None
            shown({"status": "running", "progress": 0.25})
            shown({"status": "completed", "progress": 1.0})
    finally:
        shell.display_pub = published
        InteractiveShell.clear_instance()
    texts = [output["data"]["text/html"] for output in captured.outputs]
    assert [text.count("<progress") for text in texts] == [1, 1, 0]
    assert len({output["transient"]["display_id"] for output in captured.outputs}) == 1
    assert "IPython" in sys.modules
