"""Description of the measured machine."""

from __future__ import annotations

import os
import pathlib
import platform
import subprocess
from typing import Any


def machine() -> dict[str, Any]:
    """Return processor, memory, kernel, versions and load."""
    cpu = pathlib.Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace")
    model = next((line.split(":", 1)[1].strip() for line in cpu.splitlines() if line.startswith("model name")), "?")
    memory = pathlib.Path("/proc/meminfo").read_text(encoding="ascii").split()[1]
    commit = subprocess.run(
        ["git", "rev-parse", "--short", "HEAD"], capture_output=True, text=True, check=False,
        cwd=pathlib.Path(__file__).parent,
    )  # fmt: skip
    return {
        "cpus": os.cpu_count(), "model": model, "memory_gb": int(memory) / 2**20, "kernel": platform.release(),
        "python": platform.python_version(), "load": os.getloadavg()[0], "commit": commit.stdout.strip() or "unknown",
    }  # fmt: skip
