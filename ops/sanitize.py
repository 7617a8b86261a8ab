"""Run the unit and property tests over C kernels that are compiled with AddressSanitizer and UBSan (`make sanitize`).

The tracked files are copied into a temporary folder, the kernels are compiled there with gcc under the names that the
package expects, and pytest runs there. The first report of a sanitizer ends the run. Arguments are pytest's; without
any, the folders of TESTS run. Ends with pytest's exit code, or with 2 when gcc or its sanitizers are missing.
"""

from __future__ import annotations

import os
import pathlib
import shutil
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parents[1]
FLAGS = (
    "-O1", "-g", "-std=c11", "-fPIC", "-shared", "-ffp-contract=off", "-fno-omit-frame-pointer", "-Wno-psabi",
    "-fsanitize=address,undefined", "-fno-sanitize-recover=undefined",
)  # fmt: skip
TESTS = (
    "tests/unit/dataset", "tests/unit/factors", "tests/unit/language", "tests/unit/simulation", "tests/unit/research",
    "tests/fuzz",
)  # fmt: skip


def runtime(name: str) -> str | None:
    """Return the path of a sanitizer's shared library, None when gcc does not have it."""
    if shutil.which("gcc") is None:
        return None
    path = subprocess.run(
        ["gcc", f"-print-file-name={name}"], check=True, capture_output=True, text=True
    ).stdout.strip()
    return path if pathlib.Path(path).is_absolute() and pathlib.Path(path).exists() else None


def copy_tracked_files(target: pathlib.Path) -> None:
    """Copy the tracked files and the new ones that git does not ignore."""
    names = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT, check=True, capture_output=True, text=True,
    ).stdout.splitlines()  # fmt: skip
    for name in names:
        if (ROOT / name).is_file():
            (target / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, target / name)


def compile_kernels(folder: pathlib.Path) -> None:
    """Compile each kernel of the copy to the path at which the package looks for its library."""
    listing = "from shared.native import build\nfor s in build.sources(): print(s, build.library_path(s))"
    lines = subprocess.run(
        [sys.executable, "-c", listing], cwd=folder, check=True, capture_output=True, text=True
    ).stdout.splitlines()
    for line in lines:
        source, library = line.split(" ")
        subprocess.run(["gcc", *FLAGS, "-o", library, source, "-lm", "-pthread"], check=True)


def main(arguments: list[str]) -> int:
    """Build the copy and run the tests in it."""
    libraries = [runtime("libasan.so"), runtime("libubsan.so"), runtime("libstdc++.so.6")]
    if libraries[0] is None or libraries[1] is None:
        print("gcc with AddressSanitizer and UBSan is missing: apt-get install gcc libc6-dev")
        return 2
    with tempfile.TemporaryDirectory(prefix="ondol-sanitize-") as name:
        folder = pathlib.Path(name)
        copy_tracked_files(folder)
        compile_kernels(folder)
        environment = {
            **os.environ,
            "LD_PRELOAD": ":".join(library for library in libraries if library),
            # Python frees most of its memory at exit on purpose not at all: leaks are not judged here
            "ASAN_OPTIONS": "detect_leaks=0:abort_on_error=1:allocator_may_return_null=1",
            "UBSAN_OPTIONS": "print_stacktrace=1:halt_on_error=1",
            "PYTHONPATH": str(folder),
            "PYTHONMALLOC": "malloc",
        }
        tests = arguments or [test for test in TESTS if (folder / test).is_dir()]
        command = [sys.executable, "-P", "-m", "pytest", "-x", "-p", "no:cacheprovider", *tests]
        return subprocess.run(command, cwd=folder, env=environment, check=False).returncode


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
