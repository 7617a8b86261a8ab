"""`run.json` belongs to one home: a copy of it says nothing about another folder."""

from __future__ import annotations

import os
import pathlib
import shutil

from ondol.local import processes
from ondol.local.embedded_servers import make_home, new_run
from ondol.local.run_file import LOCK, Servers, read_run, running, write_run

SERVERS = Servers(database_url="", broker_url="", cache_url="", sockets="", panel_dir="")


def served(home: pathlib.Path) -> pathlib.Path:
    make_home(home)
    (home / LOCK).touch()
    write_run(home, new_run(home, "serve", SERVERS))
    return home


def test_copy_of_a_home_is_not_running(tmp_path: pathlib.Path) -> None:
    home = served(tmp_path / "home")
    run = running(home)
    assert run is not None
    assert run.process == os.getpid()
    assert run.started == processes.started_at(os.getpid())
    shutil.copytree(home, tmp_path / "copy")
    assert read_run(tmp_path / "copy") is None
    (tmp_path / "only").mkdir()
    shutil.copy(home / "run.json", tmp_path / "only")
    assert read_run(tmp_path / "only") is None
    (tmp_path / "link").symlink_to(home)
    assert running(tmp_path / "link") == run


def test_home_and_its_files_are_closed_to_others(tmp_path: pathlib.Path) -> None:
    (tmp_path / "home").mkdir(mode=0o755)
    (tmp_path / "home" / "logs").mkdir(mode=0o755)
    home = served(tmp_path / "home")
    assert home.stat().st_mode & 0o777 in {0o700, 0o710}
    assert (home / "logs").stat().st_mode & 0o777 == 0o700
    assert (home / "run.json").stat().st_mode & 0o777 == 0o600
