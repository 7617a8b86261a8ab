"""Run a service as if its engine had another version: `python -m tests.chaos.other_engine SERVICE VERSION`."""

from __future__ import annotations

import runpy
import sys

from shared import simulation
from shared.simulation import engine


def main() -> None:
    """Set the version before the service imports it, and run the service."""
    service, version = sys.argv[1:]
    setattr(simulation, "ENGINE_VERSION", version)  # noqa: B010  a constant for everyone else
    setattr(engine, "ENGINE_VERSION", version)  # noqa: B010
    sys.argv = [f"services.{service}"]
    runpy.run_module(f"services.{service}", run_name="__main__")


if __name__ == "__main__":
    main()
