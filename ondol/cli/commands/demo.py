"""Serve a system, load a market, warm it, run the ten famous strategies and print their results.

Without --market the market is synthetic: its companies are generated, and its returns say nothing about real ones.
"""

from __future__ import annotations

import argparse
import asyncio
import datetime as dt
import hashlib
import pathlib
import sys
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from ondol.cli.commands.serve import system
from ondol.cli.commands.warm import report, warm
from ondol.cli.connection import api_of
from ondol.cli.terminal import Bar, print_json
from ondol.client.queries import listed
from ondol.demo.report import Figures, PaperAccount, Row, memory_of, row_of
from ondol.local import embedded_servers
from ondol.local.ports import url_of
from ondol.local.run_file import Run
from services.warmer.workload import window
from shared.contracts.warm import PHASES
from shared.errors import OndolError, SetupError
from shared.infra.api_client.client import ApiClient, connected
from shared.infra.api_client.errors import InvalidRequest
from shared.infra.api_client.outcome import Outcome, backtest
from shared.infra.lifecycle import stop_signal
from shared.strategies.catalogue import FAMOUS


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of `ondol demo`."""
    parser.add_argument(
        "--market", type=pathlib.Path, metavar="DIR", help="a market directory instead of a synthetic one"
    )
    parser.add_argument("--exit", action="store_true", help="stop after the table instead of continuing to serve")
    parser.add_argument("--home", type=pathlib.Path, metavar="DIR", help="data directory (default ./var/demo…)")
    parser.add_argument("--port", type=int, default=0, help="port of the API (default: a free one)")
    parser.add_argument("--simulators", type=int, default=2, metavar="N", help="simulator processes (default 2)")
    parser.add_argument("--seed", type=int, default=1, help="seed of the synthetic market (default 1)")
    parser.add_argument("--stocks", type=int, default=2700, help="stocks of the synthetic market (default 2700)")
    parser.add_argument("--years", type=int, default=5, help="years of the synthetic market (default 5)")
    parser.add_argument("--json", action="store_true", help="print JSON and nothing else on standard output")


@dataclass
class Stage:
    """Progress messages of the demo, and the seconds of each step."""

    quiet: bool
    seconds: dict[str, float] = field(default_factory=dict)
    serving: bool = False

    def say(self, text: str) -> None:
        """Print a line on standard output, or on standard error with --json."""
        print(text, file=sys.stderr if self.quiet else sys.stdout, flush=True)

    def done(self, name: str, since: float) -> None:
        """Measure the seconds of a step."""
        self.seconds[name] = round(time.perf_counter() - since, 2)


def main(args: argparse.Namespace) -> int:
    """Run the demonstration; return 0 unless the warm run or a strategy failed for a reason other than missing data."""
    if args.market is not None and not args.market.expanduser().is_dir():
        raise SetupError(
            f"{args.market} is not a directory; name a folder with prices, companies, … (docs/reference/api.md)."
        )
    args.home = args.home or _home(args)
    return asyncio.run(_demo(args))


def _home(args: argparse.Namespace) -> pathlib.Path:
    """Return a home of its own for each market, so that markets do not mix."""
    named = f"{args.seed}-{args.stocks}-{args.years}"
    if args.market is not None:
        named = "market-" + hashlib.sha256(str(args.market.expanduser().resolve()).encode()).hexdigest()[:8]
    return pathlib.Path("var") / f"demo-{named}"


async def _demo(args: argparse.Namespace) -> int:
    stage = Stage(quiet=args.json)
    async with stop_signal() as stop:
        work = asyncio.ensure_future(_all(args, stage, stop))
        stopping = asyncio.ensure_future(stop.wait())
        await asyncio.wait({work, stopping}, return_when=asyncio.FIRST_COMPLETED)
        stopping.cancel()
        if work.done() or stage.serving:
            return await work  # the same signal ends the serving after the table
        work.cancel()
        await asyncio.gather(work, return_exceptions=True)
        return 130


async def _all(args: argparse.Namespace, stage: Stage, stop: asyncio.Event) -> int:
    since = time.perf_counter()
    market = asyncio.ensure_future(_market(args, stage))
    try:
        key = args.settings.api_key
        async with _served(args) as (url, run), connected(url, origin="user", key=key) as client:
            stage.done("serve", since)
            stage.say(f"serving at {url} (home {args.home})")
            directory = await market
            figures = await _shown(args, stage, client, directory, run)
            if args.json:
                print_json(figures.document(stage.seconds))
            else:
                stage.say(figures.text(stage.seconds))
                stage.say(_where(url, args))
            if not args.exit:
                stage.serving = True
                stage.say("serving until Ctrl-C")
                await stop.wait()
            return figures.exit_code()
    finally:
        market.cancel()
        await asyncio.gather(market, return_exceptions=True)


@asynccontextmanager
async def _served(args: argparse.Namespace) -> AsyncIterator[tuple[str, Run | None]]:
    if args.settings.has_servers:
        yield api_of(args) or "", None
        return
    async with system(
        args.settings,
        args.home,
        environment=args.environment,
        port=args.port,
        simulators=args.simulators,
        command="demo",
    ) as run:
        yield url_of(run.host, run.port or 0), run


async def _market(args: argparse.Namespace, stage: Stage) -> pathlib.Path:
    """Return the given market directory, or that of a newly generated synthetic market."""
    if args.market is not None:
        given: pathlib.Path = args.market.expanduser()
        return given
    since = time.perf_counter()
    directory: pathlib.Path = embedded_servers.make_home(args.home) / "synthetic-market"
    sizes = [f"--{name}={getattr(args, name)}" for name in ("seed", "stocks", "years")]
    stage.say(await _command(args, "synthesize", str(directory), *sizes))
    stage.done("market", since)
    return directory


async def _command(args: argparse.Namespace, *words: str) -> str:
    """Run a command in a new process, which frees its memory at the end; return its output, or raise OndolError."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "ondol.main", *words, stdout=asyncio.subprocess.PIPE, env=args.environment,
    )  # fmt: skip
    try:
        output, _ = await process.communicate()
    finally:
        if process.returncode is None:
            process.terminate()
            await process.wait()
    if process.returncode != 0:
        raise OndolError(f"`ondol {' '.join(words)}` failed; its message is above.")
    return output.decode(errors="replace").strip()


async def _shown(
    args: argparse.Namespace, stage: Stage, client: ApiClient, directory: pathlib.Path, run: Run | None
) -> Figures:
    home = () if args.settings.has_servers else ("--home", str(args.home))
    for command, words in (("load", (str(directory),)), ("prepare", ())):
        since = time.perf_counter()
        stage.say(await _command(args, command, *words, *home))
        stage.done(command, since)
    since = time.perf_counter()
    bar = Bar(quiet=args.json)
    warmed = await warm(client, PHASES, bar, wait_for_open=True)
    bar.end()
    stage.done("warm", since)
    stage.say(report(warmed))
    since = time.perf_counter()
    last = await _last_day(client)
    rows = [await _row(client, entry.id, entry.name_en, *window(last, "3y")) for entry in FAMOUS]
    stage.done("strategies", since)
    start, end = window(last, "3y")
    since = time.perf_counter()
    ran = [row.id for row in rows if row.reason is None]
    accounts = tuple([await _account(client, identity, start) for identity in ran])
    stage.done("accounts", since)
    memory = memory_of(run) if run else {}
    return Figures(
        rows=rows, start=start, end=end, warm=warmed, memory=memory, synthetic=args.market is None, accounts=accounts
    )


async def _account(client: ApiClient, strategy: str, start: dt.date) -> PaperAccount:
    """Return the public paper account of a catalogue strategy, which is created at the first demonstration."""
    known = await listed(client, "/v1/accounts", {})
    found = next((item["id"] for item in known if item["public"] and item["strategy_id"] == strategy), None)
    if found is None:
        document = await _created(client, {"strategy": strategy, "start": start.isoformat(), "public": True})
    else:
        document = await client.call("GET", f"/v1/accounts/{found}")
    orders = document["orders"] or {"date": None, "items": ()}
    return PaperAccount(
        id=document["id"], name=document["name"], as_of=document["as_of"], equity=document["equity"],
        positions=document["position_count"] or 0, day=orders["date"], orders=len(orders["items"]),
    )  # fmt: skip


async def _created(client: ApiClient, body: dict[str, Any]) -> dict[str, Any]:
    """Create an account; without a benchmark where the market has no such index."""
    try:
        found: dict[str, Any] = await client.call("POST", "/v1/accounts", body=body)
    except InvalidRequest as error:
        if [mistake.path for mistake in error.errors] != ["benchmark"]:
            raise
        found = await client.call("POST", "/v1/accounts", body=body | {"benchmark": None})
    return found


async def _last_day(client: ApiClient) -> dt.date:
    document = await client.call("GET", "/v1/screen", query={"where": "raw_close > 0", "limit": 1})
    return dt.date.fromisoformat(document["date"])


async def _row(client: ApiClient, identity: str, name: str, start: dt.date, end: dt.date) -> Row:
    """Return the responses of a strategy: as stored by the warm run, and computed again."""
    body: dict[str, Any] = {"strategy": identity, "start": start.isoformat(), "end": end.isoformat()}
    responses: Sequence[Outcome] = [await backtest(client, body), await backtest(client, body, no_store=True)]
    if any(response.rejects("benchmark") for response in responses):  # the market has no such index
        body["benchmark"] = None
        responses = [await backtest(client, body), await backtest(client, body, no_store=True)]
    return row_of(identity, name, *responses)


def _where(url: str, args: argparse.Namespace) -> str:
    lines = [
        f"web page    {url}/",
        f"interface   {url}/docs",
        f"results     {url}/v1/backtests",
        f"accounts    {url}/accounts",
        f"metrics     {url}/metrics",
    ]
    lines += [f"warm runs   {url}/v1/warm-runs", f"logs        {args.home}/logs"]
    return "\n".join(lines)
