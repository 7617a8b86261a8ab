"""The command line `ondol`: run a command with settings from the environment; an error is one line."""

from __future__ import annotations

import argparse
import importlib
import keyword
import os
import signal
import sys
from dataclasses import dataclass
from typing import Any

from ondol.cli.encoding import decoded, prepare_streams, printable
from shared.errors import OndolError, SetupError, UnavailableError
from shared.settings import Settings


@dataclass(frozen=True, kw_only=True)
class Command:
    """A command; its module has `add_arguments(parser)` and `main(args) -> exit code`, and is imported when used.

    A command with subcommands declares them as SUBCOMMANDS in its module, each with its routes; other commands name
    their `routes` here.
    """

    name: str
    group: str
    meaning: str
    examples: tuple[str, ...]
    routes: tuple[str, ...] = ()
    alias: str | None = None
    """An earlier name that still works."""

    @property
    def module(self) -> str:
        """Module of the command; a name that is a Python keyword gets an underscore behind it."""
        name = self.name.replace("-", "_")
        return f"ondol.cli.commands.{name}_" if keyword.iskeyword(name) else f"ondol.cli.commands.{name}"


RUN, USE, OPERATE = "run a system", "use it", "operate it"

COMMANDS = (
    Command(
        name="demo",
        group=RUN,
        meaning="load a market, run the ten famous strategies, and print their results",
        examples=("ondol demo --exit", "ondol demo --market DIR"),
    ),
    Command(
        name="serve",
        group=RUN,
        meaning="the whole system on this machine, until Ctrl-C",
        examples=("ondol serve", "ondol serve --home /data/ondol --port 0 --simulators 4"),
    ),
    Command(
        name="synthesize",
        group=RUN,
        meaning="write a seeded synthetic market in the load format",
        examples=("ondol synthesize my-market", "ondol synthesize my-market --stocks 300 --years 2 --seed 7"),
        alias="market",
    ),
    Command(
        name="import",
        group=RUN,
        meaning="convert files of KRX, marcap, FinanceDataReader and pykrx into a market directory",
        examples=(
            "ondol import downloads --out my-market",
            "ondol import data_0122.csv --date 2021-01-22",
            "ondol import marcap/data delisting.csv description.csv --out my-market",
        ),
    ),
    Command(
        name="fetch",
        group=RUN,
        meaning="fetch a market from the Korea Exchange, OpenDART and KIS with your own keys",
        examples=(
            "ondol fetch my-market --check",
            "ondol fetch my-market",
            "ondol fetch my-market --from 2020-01-01 --only prices",
        ),
    ),
    Command(
        name="load",
        group=RUN,
        meaning="load a market directory (Parquet, CSV, CSV.gz)",
        examples=("ondol load my-market", "ondol load my-market --home /data/ondol --json"),
    ),
    Command(
        name="quality",
        group=RUN,
        meaning="show the quality report of the loaded data",
        examples=("ondol quality", "ondol quality --revision 1 --json"),
        routes=("GET /v1/quality",),
    ),
    Command(
        name="delete",
        group=RUN,
        meaning="delete stored rows of days or stocks",
        examples=(
            "ondol delete --date 2023-03-05",
            "ondol delete --stock 005930 --dry-run",
            "ondol delete --date 2023-01-02..2023-01-31 --stock 005930 --yes",
        ),
    ),
    Command(
        name="revisions",
        group=RUN,
        meaning="list data revisions; revert the last loads, deletions and reverts",
        examples=("ondol revisions", "ondol revisions revert", "ondol revisions revert 2 --yes"),
    ),
    Command(
        name="prepare",
        group=RUN,
        meaning="build and publish the dataset of the newest data revision",
        examples=("ondol prepare",),
    ),
    Command(
        name="backtest",
        group=USE,
        meaning="run backtests and print their results",
        examples=(
            "ondol backtest peter_lynch --start 2023-01-02 --end 2023-12-28",
            "ondol backtest peter_lynch --start 2023-01-02 --end 2023-12-28 --set portfolio.max_positions=10 "
            "--commission 0.015",
            "ondol backtest request.json --json",
            "ondol backtest request.json --detach",
        ),
        routes=("POST /v1/backtests",),
    ),
    Command(
        name="backtests",
        group=USE,
        meaning="list, show, wait, follow, cancel, export, explain, holdings, replay, audit, robustness, compare",
        examples=("ondol backtests list", "ondol backtests trades ID --output trades.csv"),
    ),
    Command(
        name="sweep",
        group=USE,
        meaning="run one strategy at many points and print the best variants",
        examples=(
            "ondol sweep peter_lynch --start 2023-01-02 --end 2023-12-28 --set portfolio.max_positions=5:20:5 "
            "--set sell.stop_loss_pct=10,20,null",
            "ondol sweep sweep.json --set per=4:20:2 --runs 20 --maximize sharpe --where 'trades >= 5'",
            "ondol sweep sweep.json --set per=4:20:2 --dry-run",
        ),
        routes=("POST /v1/sweeps", "GET /v1/sweeps/{id}/events", "GET /v1/sweeps/{id}"),
    ),
    Command(
        name="sweeps",
        group=USE,
        meaning="list, show, cancel sweeps; their tables, heat maps, variants and holdouts",
        examples=("ondol sweeps list", "ondol sweeps table latest --output sweep.csv"),
    ),
    Command(
        name="walk-forward",
        group=USE,
        meaning="choose parameters on past days, trade them on the days after, window by window",
        examples=(
            "ondol walk-forward peter_lynch --start 2023-01-02 --end 2023-12-28 --set portfolio.max_positions=5,10 "
            "--train 4M --test 2M",
            "ondol walk-forward sweep.json --set per=4:20:4 --train 4M --test 2M --choose plateau --maximize sharpe",
            "ondol walk-forward sweep.json --set per=4:20:4 --train 4M --test 2M --dry-run",
        ),
        routes=("POST /v1/walk-forwards", "GET /v1/walk-forwards/{id}/events", "GET /v1/walk-forwards/{id}"),
    ),
    Command(
        name="walk-forwards",
        group=USE,
        meaning="list, show, cancel walk-forwards; their tables, results and holdouts",
        examples=("ondol walk-forwards list", "ondol walk-forwards show latest"),
    ),
    Command(
        name="research",
        group=USE,
        meaning="research lines: list, show how much may be luck, add trials made elsewhere, close",
        examples=("ondol research list", "ondol research show value-momentum"),
    ),
    Command(
        name="report",
        group=USE,
        meaning="write the report of a backtest as one page of HTML",
        examples=("ondol report latest --html report.html", "ondol report ID > report.html"),
        routes=("GET /v1/backtests/{id}",),
    ),
    Command(
        name="screen",
        group=USE,
        meaning="list the stocks that a strategy or a condition selects",
        examples=(
            "ondol screen 'PER < 10 and ROE > 10' --rank-by MOMENTUM_3M --limit 20",
            "ondol screen --strategy peter_lynch",
        ),
        routes=("GET /v1/screen",),
    ),
    Command(
        name="strategies",
        group=USE,
        meaning="list the catalogue and presets; create, replace and delete your own strategies",
        examples=("ondol strategies list", "ondol strategies create mine.json --id mine"),
    ),
    Command(
        name="accounts",
        group=USE,
        meaning="paper accounts: create, list, show, step, change, delete; their orders, days and drift reports",
        examples=("ondol accounts create peter_lynch", "ondol accounts orders ACCOUNT --output orders.csv"),
    ),
    Command(
        name="factors",
        group=USE,
        meaning="list factors with their definition and coverage",
        examples=("ondol factors list", "ondol factors show PER"),
    ),
    Command(
        name="language",
        group=USE,
        meaning="list the words of the strategy language; check an expression",
        examples=("ondol language list --search 이동평균", "ondol language check 'PER < 10 and ROE > 10'"),
    ),
    Command(
        name="stocks",
        group=USE,
        meaning="list and show stocks; rank them by size and trading",
        examples=("ondol stocks list --search 전자", "ondol stocks rank market_cap --limit 10"),
    ),
    Command(
        name="datasets",
        group=USE,
        meaning="list and show dataset versions",
        examples=("ondol datasets list", "ondol datasets show"),
    ),
    Command(
        name="status",
        group=OPERATE,
        meaning="show the processes, data, dataset and work of this home",
        examples=("ondol status", "ondol status --json"),
    ),
    Command(
        name="scale",
        group=OPERATE,
        meaning="change the number of simulators while the system runs",
        examples=("ondol scale 8", "ondol scale 2 --home /data/ondol --json"),
    ),
    Command(
        name="warm",
        group=OPERATE,
        meaning="run the warmer now and wait until it ends",
        examples=("ondol warm", "ondol warm --phases factors,strategies"),
        routes=("POST /v1/warm-runs",),
    ),
    Command(
        name="warm-runs",
        group=OPERATE,
        meaning="list, show and follow warm runs",
        examples=("ondol warm-runs list", "ondol warm-runs show RUN"),
    ),
    Command(
        name="schedule",
        group=OPERATE,
        meaning="list the scheduled jobs with their next run",
        examples=("ondol schedule",),
        routes=("GET /v1/schedule",),
    ),
    Command(
        name="api",
        group=OPERATE,
        meaning="health, readiness, metrics and OpenAPI document of the API",
        examples=("ondol api ready", "ondol api openapi > openapi.json"),
    ),
    Command(
        name="mcp",
        group=USE,
        meaning="serve the Model Context Protocol to an assistant, on standard input and output",
        examples=("ondol mcp", "ondol mcp --api http://127.0.0.1:8000"),
    ),
    Command(
        name="completion",
        group=OPERATE,
        meaning="print the completion script of a shell",
        examples=("ondol completion bash", "ondol completion fish"),
    ),
    Command(
        name="backup",
        group=OPERATE,
        meaning="write all data and results of a home to one file, also while it is served",
        examples=("ondol backup ondol.backup", "ondol backup ondol.backup --home /data/ondol --json"),
    ),
    Command(
        name="restore",
        group=OPERATE,
        meaning="restore a backup into a new home",
        examples=("ondol restore ondol.backup --home /data/restored",),
    ),
    Command(name="migrate", group=OPERATE, meaning="apply database migrations", examples=("ondol migrate",)),
    Command(
        name="keys",
        group=OPERATE,
        meaning="create, list, change and revoke API keys",
        examples=(
            "ondol keys create alice --expires 90d --rate-limit 120",
            "ondol keys create operator --role admin",
            "ondol keys list",
        ),
    ),
    Command(
        name="bench",
        group=OPERATE,
        meaning="run the benchmark",
        examples=("ondol bench",),
    ),
)


def main(arguments: list[str] | None = None) -> int:
    """Run one command. Exit codes: 0 success, 1 failure, 2 wrong arguments or environment, 130 interrupted."""
    words = decoded(sys.argv[1:]) if arguments is None else arguments
    prepare_streams()
    command = next((c for c in COMMANDS if words and words[0] in (c.name, c.alias)), None)
    if command is None:
        return _without_command(words)
    try:
        module: Any = importlib.import_module(command.module)
        args = parser_of(command, module).parse_args(words[1:])
        args.environment = dict(os.environ)
        args.settings = Settings.from_environment(os.environ)
        code: int = module.main(args)
    except OndolError as error:
        sys.stderr.write(printable(f"ondol {command.name}: {error}\n"))
        return 2 if isinstance(error, SetupError | UnavailableError) else 1
    except KeyboardInterrupt:
        return 130
    except BrokenPipeError:
        sys.stderr.close()
        return 128 + signal.SIGPIPE
    return code


def parser_of(command: Command, module: Any) -> argparse.ArgumentParser:
    """Return the parser of a command, with its examples."""
    parser = argparse.ArgumentParser(
        prog=f"ondol {command.name}",
        description=module.__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        epilog="examples:\n" + "\n".join(f"  {example}" for example in command.examples),
    )
    module.add_arguments(parser)
    return parser


def _without_command(words: list[str]) -> int:
    width = max(len(command.name) for command in COMMANDS)
    parser = argparse.ArgumentParser(
        prog="ondol",
        description="Backtests of the Korean stock market: prepared once, shared by every simulation.",
        formatter_class=argparse.RawDescriptionHelpFormatter,
        usage="ondol COMMAND …",
        epilog="\n\n".join(
            f"{group}:\n" + "\n".join(f"  {v.name:<{width}}  {v.meaning}" for v in COMMANDS if v.group == group)
            for group in (RUN, USE, OPERATE)
        )
        + "\n\nfirst steps:\n  ondol demo\n\n`ondol COMMAND --help` shows examples; "
        "docs/reference/command-line.md lists every command.\n"
        "exit codes: 0 success, 1 failure, 2 wrong arguments or environment, 130 interrupted",
    )
    parser.add_argument("--version", action="version", version=_version())
    if words and not words[0].startswith("-"):
        parser.error(f"unknown command {words[0]!r}; choose from {', '.join(v.name for v in COMMANDS)}")
    parser.parse_args(words)
    parser.print_help(sys.stderr)
    return 2


def _version() -> str:
    from importlib.metadata import version

    return f"ondol {version('ondol')}"


if __name__ == "__main__":
    sys.exit(main())
