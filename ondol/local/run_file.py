"""Keeps `run.json` true while processes come and go, and says on standard error what went."""

from __future__ import annotations

import pathlib
import sys
from collections.abc import Mapping

from ondol.local import embedded_servers


class RunFile:
    """`run` is set as soon as there is something to keep true."""

    def __init__(self, home: pathlib.Path) -> None:
        self.home = home
        self.run: embedded_servers.Run | None = None

    def server(self, name: str, what: str) -> None:
        """What happened to a server."""
        self._note(name, what, "servers")

    def service(self, name: str, what: str) -> None:
        """What happened to a service."""
        self._note(name, what, "services")

    def parent(self, name: str, what: str) -> None:
        """The process that simulators are forked from is no service."""
        sys.stderr.write(f"{name} {what}; see {self.home}/logs/{name}.log\n")

    def came(self, processes: Mapping[str, int], ports: Mapping[str, int]) -> None:
        """Services that were started by an order: their processes, and the ports of their metrics."""
        if self.run is not None:
            self.run.services.update(processes)
            self.run.metrics.update(ports)
            embedded_servers.write_run(self.home, self.run)

    def gone(self, name: str) -> None:
        """A service that was stopped by an order."""
        if self.run is not None:
            self.run.services.pop(name, None)
            self.run.metrics.pop(name, None)
            embedded_servers.write_run(self.home, self.run)

    def _note(self, name: str, what: str, kind: str) -> None:
        sys.stderr.write(f"{name} {what}; see {self.home}/logs/{name}.log\n")
        number = what.rpartition(" ")[2]
        if self.run is not None and what.startswith("started") and number.isdigit():
            target = self.run.services if kind == "services" else self.run.servers.processes
            target[name] = int(number)
            embedded_servers.write_run(self.home, self.run)
