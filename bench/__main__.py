"""Measure every performance target in one run: `make bench`, or `python -m bench --help`."""

from __future__ import annotations

import argparse
import asyncio
import datetime as dt
import json
import pathlib
import shutil
import sys
import tempfile
import time
from typing import Any

from bench import engine_compare, report
from bench.machine import machine
from bench.processes import ROOT, ChildError, run
from shared.simulation.engine import ENGINE_VERSION

SECTIONS = ("engines", "growth", "sweeps", "system", "research", "web")
RESULTS = ROOT / "bench" / "results"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of `python -m bench` and `ondol bench`."""
    parser.add_argument(
        "--only",
        default=",".join(SECTIONS),
        metavar="SECTIONS",
        help=f"comma-separated sections of {', '.join(SECTIONS)}",
    )
    parser.add_argument("--peers", default="", metavar="KEYS", help="comma-separated peers (default: all)")
    parser.add_argument(
        "--peers-python", default=str(ROOT / ".venv-bench/bin/python"), metavar="PATH",
        help="Python interpreter with the peers installed (`make bench` creates .venv-bench)",
    )  # fmt: skip
    parser.add_argument(
        "--market", type=pathlib.Path, default=None, metavar="DIR",
        help="market directory for the section system (default: a synthetic market of --stocks and --years)",
    )  # fmt: skip
    parser.add_argument("--stocks", type=int, default=2700, help="stocks of the synthetic market")
    parser.add_argument("--years", type=int, default=3, help="years of the synthetic market")
    parser.add_argument(
        "--sustained", type=float, default=10.0, metavar="SECONDS", help="duration of the sustained load"
    )
    parser.add_argument(
        "--against", type=pathlib.Path, default=None, metavar="FILE", help="compare with an earlier run"
    )
    parser.add_argument("--demo", action="store_true", help="also time `make demo` of a fresh clone")
    parser.add_argument("--work", type=pathlib.Path, default=None, metavar="DIR", help="directory of temporary files")
    parser.add_argument("--out", type=pathlib.Path, default=None, metavar="FILE", help="output file of the samples")


def log_progress(text: str) -> None:
    """Write a line of progress to standard error."""
    sys.stderr.write(f"{dt.datetime.now():%H:%M:%S}  {text}\n")
    sys.stderr.flush()


def measure(args: argparse.Namespace, work: pathlib.Path) -> dict[str, Any]:
    """Return the samples of a run."""
    begin = time.perf_counter()
    wanted = args.only.split(",")
    when = f"{dt.datetime.now(dt.UTC):%Y-%m-%d %H:%M} UTC"
    raw: dict[str, Any] = {"when": when, "engine_version": ENGINE_VERSION, "machine": machine()}
    if "engines" in wanted:
        folders = engine_compare.workloads(work, ((2000, 250), (2000, 750), (2700, 750)), log_progress)
        raw["engines"] = engine_compare.compare(work, folders, args.peers_python, log_progress, args.peers)
        for folder in folders:
            shutil.rmtree(folder)
    if "growth" in wanted:
        raw["growth"] = engine_compare.growth(7000, 4800, log_progress)
    if "sweeps" in wanted:
        (folder,) = engine_compare.workloads(work, ((2700, 750),), log_progress)
        raw["sweeps"] = engine_compare.sweeps(folder, args.peers_python, log_progress)
        shutil.rmtree(folder)
    if "system" in wanted:
        raw["system"] = whole_system(args, work)
    if "research" in wanted:
        from bench import research, system

        folder = work / "market-research"
        system.market(folder, args.stocks, args.years)
        raw["research"] = research.measure(work, folder, log_progress)
        shutil.rmtree(folder)
    if "web" in wanted:
        from bench import web

        raw["web"] = web.measure(work, args.stocks, args.years, log_progress)
    if args.demo:
        raw["demo"] = demo(work)
    raw["seconds"] = time.perf_counter() - begin
    return raw


def whole_system(args: argparse.Namespace, work: pathlib.Path) -> dict[str, Any]:
    """Measure loading, preparing, warming and answering; a failed part is reported and the others continue."""
    from bench import system
    from bench.local_system import serving

    results: dict[str, Any] = {}
    folder, home = args.market, work / "home"
    if folder is None:
        folder = work / "market"
        results["market_s"] = system.market(folder, args.stocks, args.years)

    def attempt(name: str, part: Any) -> None:
        try:
            results[name] = part()
        except (ChildError, OSError, KeyError, ValueError, AssertionError, EOFError) as error:
            results[name] = {"error": f"{type(error).__name__}: {error}"[-2000:]}
            log_progress(f"{name} failed: {error}")

    def answers() -> dict[str, Any]:
        with serving(home, simulators=2) as served:
            return {"ready_s": served.ready_s, **system.answering(served, log_progress, seconds=args.sustained)}

    attempt("load", lambda: system.loading(work, folder, log_progress))
    attempt("prepare", lambda: system.preparing(work, folder, home, log_progress))
    attempt("warm", lambda: warm(home))
    attempt("answers", answers)
    attempt("transport", lambda: transport(work / "transport"))
    attempt("first_answer", lambda: system.first_answer(home, log_progress))
    attempt("memory", lambda: system.memory(home, log_progress))
    attempt("imports", system.imports)
    return results


def transport(home: pathlib.Path) -> dict[str, Any]:
    """Measure the baseline with synchronous and with asynchronous commits."""
    from bench.baseline import measured

    results = {}
    for commits in ("on", "off"):
        results[commits] = asyncio.run(measured(home, commits, requests=500, seconds=5.0))
        log_progress(f"baseline, synchronous_commit {commits}: p50 {results[commits]['p50_ms']:.1f} ms")
    return results


def warm(home: pathlib.Path) -> dict[str, Any]:
    """Measure warm runs in a system with two simulators."""
    from bench import system
    from bench.local_system import serving

    with serving(home, simulators=2):
        return system.warming(home, log_progress)


def demo(work: pathlib.Path) -> dict[str, Any]:
    """Measure `make demo` in a fresh clone (P15)."""
    clone = work / "clone"
    run(["git", "clone", "--quiet", str(ROOT), str(clone)])
    begin = time.perf_counter()
    run(["make", "-C", str(clone), "demo", "DEMO=--exit"], environment={"PYTHONPATH": ""}, timeout_s=600)
    seconds = time.perf_counter() - begin
    log_progress(f"make demo of a fresh clone: {seconds:.0f} s")
    shutil.rmtree(clone)
    return {"seconds": seconds}


def main(args: argparse.Namespace) -> int:
    """Measure, save the samples and print the tables; return 0 when every part was measured."""
    work = pathlib.Path(tempfile.mkdtemp(prefix="ondol-bench-", dir=args.work))
    work.chmod(0o755)
    try:
        raw = measure(args, work)
    finally:
        shutil.rmtree(work, ignore_errors=True)
    out = args.out or RESULTS / f"{raw['when'][:10]}-{raw['machine']['commit']}.json"
    out.parent.mkdir(parents=True, exist_ok=True)
    out.write_text(json.dumps(raw, indent=1) + "\n")
    text = report.whole(raw)
    out.with_suffix(".md").write_text(text)
    print(text)
    if args.against is not None:
        print(report.against(raw, json.loads(args.against.read_text())))
    python = pathlib.Path(args.peers_python)
    if python.exists() and "engines" in raw and out.parent == RESULTS:
        run([str(python), "-m", "bench.plots", str(out), str(ROOT / "docs" / "images")])
    log_progress(f"samples: {out}")
    broken = [name for name, part in raw.get("system", {}).items() if isinstance(part, dict) and "error" in part]
    broken += [name for name, engine in raw.get("engines", {}).items() if "error" in engine]
    if broken:
        log_progress(f"could not be measured: {', '.join(broken)}")
    return 1 if broken else 0


if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    add_arguments(parser)
    sys.exit(main(parser.parse_args()))
