"""Update `run.json` when processes start and stop, and report restarts on standard error."""

from __future__ import annotations

import pathlib
import sys
from collections.abc import Mapping

from ondol.local import embedded_servers


class RunFile:
    """Writer of `run.json`; updates are written once `run` is set."""

    def __init__(self, home: pathlib.Path) -> None:
        self.home = home
        self.run: embedded_servers.Run | None = None

    def server(self, name: str, what: str) -> None:
        """Report an event of a server."""
        self._report(name, what, "servers")

    def service(self, name: str, what: str) -> None:
        """Report an event of a service."""
        self._report(name, what, "services")

    def parent(self, name: str, what: str) -> None:
        """Report an event of the fork server, which is not listed in `run.json`."""
        sys.stderr.write(f"{name} {what}; see {self.home}/logs/{name}.log\n")

    def add(self, processes: Mapping[str, int], ports: Mapping[str, int]) -> None:
        """Add started services with their process ids and metrics ports."""
        if self.run is not None:
            self.run.services.update(processes)
            self.run.metrics.update(ports)
            embedded_servers.write_run(self.home, self.run)

    def remove(self, name: str) -> None:
        """Remove a stopped service."""
        if self.run is not None:
            self.run.services.pop(name, None)
            self.run.metrics.pop(name, None)
            embedded_servers.write_run(self.home, self.run)

    def _report(self, name: str, what: str, kind: str) -> None:
        sys.stderr.write(f"{name} {what}; see {self.home}/logs/{name}.log\n")
        number = what.rpartition(" ")[2]
        if self.run is not None and what.startswith("restarted") and number.isdigit():
            target = self.run.services if kind == "services" else self.run.servers.processes
            target[name] = int(number)
            embedded_servers.write_run(self.home, self.run)
