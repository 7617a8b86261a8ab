"""The progress of a backtest: a bar in a notebook or on a terminal, nothing elsewhere."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from shared.contracts.http import ENDED

DELAY_S = 0.3
"""Backtests that end sooner have no bar."""

Shown = Callable[[Mapping[str, Any]], None]


@contextmanager
def bar(wanted: bool | None, *, now: Callable[[], float] = time.monotonic) -> Iterator[Shown | None]:
    """Yield what shows a backtest's document; None: shown in notebooks and on terminals only; False: never."""
    display = None if wanted is False else _notebook() or (_Terminal() if wanted or sys.stderr.isatty() else None)
    if display is None:
        yield None
        return
    began = now()

    def show(document: Mapping[str, Any]) -> None:
        if display.open or (now() - began >= DELAY_S and document["status"] not in ENDED):
            display.show(str(document["status"]), float(document.get("progress") or 0.0))

    try:
        yield show
    finally:
        display.close()


def _notebook() -> _Notebook | None:
    """Return a display in a running notebook kernel."""
    ipython = sys.modules.get("IPython")
    shell = ipython.get_ipython() if ipython is not None else None
    return _Notebook() if shell is not None and type(shell).__name__ != "TerminalInteractiveShell" else None


class _Terminal:
    """A bar on standard error that is redrawn and removed at the end."""

    open = False

    def show(self, status: str, share: float) -> None:
        """Draw the bar."""
        self.open = True
        sys.stderr.write(f"\r{status:<10} [{'#' * round(20 * share):<20}] {share:4.0%}\x1b[K")
        sys.stderr.flush()

    def close(self) -> None:
        """Remove the bar."""
        if self.open:
            sys.stderr.write("\r\x1b[K")
            sys.stderr.flush()


class _Notebook:
    """A `<progress>` element that is updated in place and removed at the end."""

    open = False
    _handle: Any = None

    def show(self, status: str, share: float) -> None:
        """Draw the bar."""
        from IPython.display import HTML, display

        self.open = True
        element: Any = HTML(f'<progress max="1" value="{share:.3f}"></progress> {status} {share:.0%}')  # type: ignore[no-untyped-call]
        if self._handle is None:
            self._handle = display(element, display_id=True)  # type: ignore[no-untyped-call]
        else:
            self._handle.update(element)

    def close(self) -> None:
        """Remove the bar."""
        from IPython.display import HTML

        if self._handle is not None:
            self._handle.update(HTML(""))  # type: ignore[no-untyped-call]
