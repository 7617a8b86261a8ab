"""Rules of `make check` about files and definitions, on a repository of a few files."""

from __future__ import annotations

import pathlib

from ops.check_repository import file_places, unused_definitions


def test_unknown_and_empty_files_are_refused(tmp_path: pathlib.Path) -> None:
    for name, text in (("oom", ""), ("README.md", "x"), ("shared/empty.py", ""), ("shared/__init__.py", "")):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text)
    files = [pathlib.Path(name) for name in ("README.md", "oom", "shared/__init__.py", "shared/empty.py")]
    found = list(file_places(files, tmp_path))
    assert [line.split(";")[0] for line in found] == [
        "oom: not a file of the top level", "oom: the file is empty", "shared/empty.py: the file is empty",
    ]  # fmt: skip


def test_definitions_that_only_tests_use_are_refused(tmp_path: pathlib.Path) -> None:
    sources = {
        "shared/one.py": "LIMIT = 3\nSPARE: int = 4\n\n\ndef used() -> int:\n    return LIMIT\n",
        "services/two.py": "from shared.one import used\n\n\nclass Alone:\n    x = used()\n",
        "tests/test_two.py": "from services.two import Alone\n",
    }
    for name, text in sources.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text)
    found = [line.split(";")[0] for line in unused_definitions(map(pathlib.Path, sources), tmp_path)]
    assert found == ["shared/one.py:2: no product code uses SPARE", "services/two.py:4: no product code uses Alone"]
