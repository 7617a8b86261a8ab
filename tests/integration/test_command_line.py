"""The command line: every mistake is one clear sentence and a non-zero exit."""

from __future__ import annotations

import json
import os
import pathlib
import shutil
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator

import pytest

from tests.support.servers import others_can_run_python

ROOT = pathlib.Path(__file__).parents[2]


@pytest.fixture
def folder() -> Iterator[pathlib.Path]:
    found = pathlib.Path(tempfile.mkdtemp(prefix="ondol-test-"))
    found.chmod(0o755)
    yield found
    shutil.rmtree(found, ignore_errors=True)


def _ondol(*words: str, user: int | None = None, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "ondol.main", *words],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
        user=user,
        env={"PATH": os.environ["PATH"], "PYTHONDONTWRITEBYTECODE": "1", **environment},
    )


def _is_one_sentence(found: subprocess.CompletedProcess[str], *parts: str) -> None:
    assert found.returncode not in {0, None}
    assert "Traceback" not in found.stderr
    assert len(found.stderr.strip().splitlines()) == 1, found.stderr
    assert all(part in found.stderr for part in parts), found.stderr


MARKET = {
    "companies": "stock_code,name,market\n000010,하나,KOSPI\n",
    "prices": "date,stock_code,open,high,low,close,volume\n2024-01-02,000010,10,12,9,11,5\n",
}


def _market(folder: pathlib.Path) -> pathlib.Path:
    folder.mkdir()
    for name, text in MARKET.items():
        (folder / f"{name}.csv").write_text(text, encoding="utf-8")
    return folder


def test_loading_twice_makes_one_revision(folder: pathlib.Path) -> None:
    market, home = _market(folder / "market"), str(folder / "home")
    first = _ondol("load", str(market), "--home", home, "--json")
    assert first.returncode == 0, first.stderr
    assert json.loads(first.stdout)["revision"] == 1
    assert json.loads(_ondol("load", str(market), "--home", home, "--json").stdout)["revision"] is None
    status = json.loads(_ondol("status", "--home", home, "--json").stdout)
    assert (status["market"]["price_rows"], status["serving"]) == (1, None)
    assert "up to date" in _ondol("migrate", "--home", home).stdout


def test_a_broken_row_is_one_sentence(folder: pathlib.Path) -> None:
    market = _market(folder / "market")
    (market / "prices.csv").write_text(MARKET["prices"].replace(",11,", ",eleven,"), encoding="utf-8")
    _is_one_sentence(
        _ondol("load", str(market), "--home", str(folder / "home"), "--json"), "prices.csv, row 1", "eleven"
    )


def test_bad_settings_are_one_sentence(folder: pathlib.Path) -> None:
    found = _ondol("status", "--home", str(folder), ONDOL_API_PORT="x", ONDOL_TYPO="1")
    _is_one_sentence(found, "ONDOL_API_PORT", "ONDOL_TYPO")


def test_a_wrong_url_is_one_sentence() -> None:
    urls = {"ONDOL_BROKER_URL": "redis://127.0.0.1:1", "ONDOL_CACHE_URL": "redis://127.0.0.1:1"}
    for url in ("postgresql://u:canary@127.0.0.1:1/x", "postgresql://u:canary@no.such.host.invalid/x"):
        found = _ondol("status", ONDOL_DATABASE_URL=url, **urls)
        _is_one_sentence(found, "PostgreSQL cannot be used", "ONDOL_DATABASE_URL")
        assert "canary" not in found.stderr


def test_a_port_in_use_is_one_sentence(folder: pathlib.Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = str(taken.getsockname()[1])
        _is_one_sentence(_ondol("serve", "--home", str(folder), "--port", port), f"Port {port}", "--port 0")


@pytest.mark.skipif(
    not others_can_run_python(), reason="becomes another user: needs root and an interpreter open to all"
)
def test_a_home_of_another_user_is_one_sentence(folder: pathlib.Path) -> None:
    _is_one_sentence(_ondol("load", str(folder), "--home", str(folder / "home"), user=65534), "--home")


def test_a_request_file_with_a_mistake_is_one_sentence(folder: pathlib.Path) -> None:
    (folder / "request.json").write_text('{"strategy": ', encoding="utf-8")
    _is_one_sentence(_ondol("backtest", str(folder / "request.json"), "--home", str(folder)), "not JSON", "line 1")
    _is_one_sentence(_ondol("backtest", "peter_lynch", "--home", str(folder)), "--start and --end")


def test_an_unknown_verb_names_the_known_ones() -> None:
    found = _ondol("lod")
    assert (found.returncode, "load" in found.stderr) == (2, True)
    assert "ondol serve --home" in _ondol("serve", "--help").stdout
