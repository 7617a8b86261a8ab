"""Run `ondol import` on made-up files in the shapes of their sources."""

from __future__ import annotations

import pathlib
from collections.abc import Callable

import polars as pl
import pytest

from ondol.importing.options import Options
from ondol.importing.report import ImportReport
from ondol.importing.run import import_files
from ondol.importing.sources import find_paths

Importer = Callable[..., ImportReport]


@pytest.fixture
def run(tmp_path: pathlib.Path) -> Importer:
    """Import every file of `tmp_path/in` into `tmp_path/out` with the given options."""

    def imported(**options: object) -> ImportReport:
        files = find_paths([tmp_path / "in"])
        return import_files(files, tmp_path / "out", Options(**options), lambda what, done, total: None)  # type: ignore[arg-type]

    (tmp_path / "in").mkdir()
    return imported


@pytest.fixture
def put(tmp_path: pathlib.Path) -> Callable[[str, bytes | str | pl.DataFrame], None]:
    """Write a file into `tmp_path/in`: bytes, UTF-8 text, or a frame as Parquet."""

    def written(name: str, content: bytes | str | pl.DataFrame) -> None:
        path = tmp_path / "in" / name
        if isinstance(content, pl.DataFrame):
            content.write_parquet(path)
        else:
            path.write_bytes(content.encode() if isinstance(content, str) else content)

    return written


@pytest.fixture
def out(tmp_path: pathlib.Path) -> Callable[[str], list[dict[str, object]]]:
    """Return the rows of a written file."""
    return lambda kind: pl.read_parquet(tmp_path / "out" / f"{kind}.parquet").to_dicts()
