"""What an operator does: logs, a stop, a backup and its restore, an upgrade, dashboards, and the cost of containers."""

from __future__ import annotations

import asyncio
import shutil
import time

import orjson

from tests.containers import engine, images, processes, prometheus
from tests.containers.load import running
from tests.containers.run import Run
from tests.containers.stack import SERVERS, SERVICES
from tests.support.commands import ondol, serving

NEXT = "ondol:0.1.1"
OLDER_RIGHTS = " ~ondol:sweeps"
SHOWN_PICTURES = (
    "overview-http-requests.png", "overview-backtests-by-stage-p99.png", "simulators-backtests-by-end.png",
    "overview-private-memory.png",
)  # fmt: skip
PAGE = engine.ROOT / "docs/reference/containers.md"
BEGIN, END = "<!-- table of make test-containers -->\n", "<!-- end of the table -->\n"


async def dashboards(run: Run) -> str:
    """Prometheus, which reads /metrics of the api with its key, has data for every query of dashboards and rules."""
    await run.stack.operator("warm")  # the warmer was killed, and shows its last run only
    await run.stack.operator(
        "sweep", "surge_stocks", "--set", "sell.stop_loss_pct=5:10:5", "--start", "2024-01-02", "--end", "2025-06-30"
    )
    url = f"http://127.0.0.1:{run.stack.prometheus_port}"
    queries = await prometheus.until_all_have_data(run.stack.http, url)
    pictures = await prometheus.draw(run.stack.http, url, run.output, run.began)
    return f"{queries} queries have data; {len(pictures)} pictures"


async def logs(run: Run) -> str:
    """The logs of the services are lines of JSON, and none has a secret."""
    text = await run.stack.compose("logs", "--no-color", "--no-log-prefix", *SERVICES)
    lines = [line for line in text.splitlines() if line.startswith("{")]
    assert lines
    assert all("event" in orjson.loads(line) for line in lines)
    secrets = [path.read_text(encoding="utf-8").strip() for path in (run.stack.folder / "secrets").glob("*_key")]
    assert not [each for each in secrets if each and each in text], "a log has a key"
    return f"{len(lines)} lines"


async def stop(run: Run) -> str:
    """`stop` under load ends every service within its grace period, with code 0; the backtests complete after `up`."""
    async with running(run.stack, run.count, run.seed + 5) as outcome:
        while outcome.completed < 10:
            await asyncio.sleep(0.1)
        names = {service: await run.stack.names(service) for service in SERVICES}
        began = time.monotonic()
        await run.stack.compose("stop", *SERVICES)
        took = time.monotonic() - began
        for service, found in names.items():
            for name in found:
                assert (await run.stack.inspect(name))["State"]["ExitCode"] == 0, (service, name)
        await run.stack.compose("start", *SERVICES)
    outcome.check(run.count)
    return f"all services ended after {took:.1f} s (30 are allowed); {outcome.text}"


async def backup(run: Run) -> str:
    """A backup made while backtests run is restored into an empty database: market, results and keys are back."""
    async with running(run.stack, run.count // 2, run.seed + 6) as outcome:
        dump = await _postgres(run, "pg_dump -U ondol -Fc ondol > /tmp/ondol.dump && wc -c < /tmp/ondol.dump")
    outcome.check(run.count // 2)
    digests = run.digests
    await run.stack.compose("stop", *SERVICES)
    await _postgres(run, "dropdb -U ondol --force ondol && createdb -U ondol ondol")
    began = time.monotonic()
    await _postgres(run, "pg_restore -U ondol --clean --if-exists --single-transaction -d ondol /tmp/ondol.dump")
    restored = time.monotonic() - began
    await run.stack.up(simulators=2, recreate=False)
    await run.stack.until_ready()
    async with running(run.stack, len(digests), run.seed) as outcome:
        pass
    outcome.check(len(digests))
    assert outcome.digests == digests
    return f"{int(dump) >> 10} KiB, restored in {restored:.1f} s; {len(digests)} results are equal after it"


async def _postgres(run: Run, script: str) -> str:
    (name,) = await run.stack.names("postgres")
    return await engine.output_of(engine.command("exec", name, "sh", "-ec", script), run.stack.folder)


async def upgrade(run: Run) -> str:
    """Another image tag and a file of older rights: `make secrets` renders it, `up`, and the backtests go on."""
    rights = run.stack.folder / "secrets/users.acl"
    newest = rights.read_text(encoding="utf-8")
    rights.write_text(newest.replace(OLDER_RIGHTS, ""), encoding="utf-8")
    engine.podman("build", "--tag", NEXT, "-f", "-", run.scratch, stdin=f"FROM {images.PRODUCT}\nLABEL n=1\n".encode())
    async with running(run.stack, run.count, run.seed + 7) as outcome:
        while outcome.completed < 10:
            await asyncio.sleep(0.1)
        compose = run.stack.folder / "compose.yaml"
        compose.write_text(compose.read_text(encoding="utf-8").replace(images.PRODUCT, NEXT), encoding="utf-8")
        run.stack.write_secrets()
        await run.stack.compose("restart", "redis-broker", "redis-cache")
        began = time.monotonic()
        await run.stack.up(simulators=2)
        took = time.monotonic() - began
    outcome.check(run.count)
    assert rights.read_text(encoding="utf-8") == newest
    for service in SERVICES:
        assert {each["Image"] for each in await run.stack.containers(service)} == {f"localhost/{NEXT}"}, service
    await run.stack.operator(
        "sweep", "surge_stocks", "--set", "sell.stop_loss_pct=5:20:5", "--start", "2024-01-02", "--end", "2025-06-30"
    )
    return f"`up` with the other image took {took:.1f} s; {outcome.text}; a sweep completes"


async def cost(run: Run) -> str:
    """Memory without files and panels, and processor time, of containers and of `ondol serve` for equal backtests."""
    roots = {service: await _first_processes(run, service) for service in (*SERVICES, *SERVERS)}
    before = {service: sum(map(processes.processor_seconds, found)) for service, found in roots.items()}
    async with running(run.stack, run.count, run.seed + 8) as outcome:
        pass
    outcome.check(run.count)
    used = {name: sum(map(processes.processor_seconds, found)) - before[name] for name, found in roots.items()}
    held = {name: sum(map(processes.anonymous_mib, found)) for name, found in roots.items()}
    text = ", ".join(f"{name} {held[name]:.0f} MiB {used[name]:.1f} s" for name in roots)
    together = f"together {sum(held.values()):.0f} MiB, {sum(used.values()):.1f} s, {run.count / outcome.seconds:.0f}/s"
    return f"containers: {text}; {together}; {await _served(run)}"


async def _first_processes(run: Run, service: str) -> list[int]:
    return [(await run.stack.inspect(name))["State"]["Pid"] for name in await run.stack.names(service)]


async def _served(run: Run) -> str:
    """The same backtests on `ondol serve` with as many simulators."""
    home = run.scratch / "home"
    await ondol("load", run.scratch / "market", "--home", home)
    async with serving(home, simulators=2) as ready:
        await ondol("prepare", "--home", home)
        port, key = run.stack.port, run.stack.key
        run.stack.port, run.stack.key = int(ready["ready"].rpartition(":")[2]), None
        try:
            process = orjson.loads((home / "run.json").read_bytes())["process"]
            before = processes.processor_seconds(process)
            async with running(run.stack, run.count, run.seed + 8) as outcome:
                pass
            outcome.check(run.count)
            used, held = processes.processor_seconds(process) - before, processes.anonymous_mib(process)
        finally:
            run.stack.port, run.stack.key = port, key
    return f"`ondol serve`: {held:.0f} MiB, {used:.1f} s, {run.count / outcome.seconds:.0f}/s"


def write_docs(run: Run) -> None:
    """Copy the table and four pictures into the documentation."""
    page = PAGE.read_text(encoding="utf-8")
    head, _, rest = page.partition(BEGIN)
    tail = rest.partition(END)[2]
    PAGE.write_text(f"{head}{BEGIN}{run.table()}{END}{tail}", encoding="utf-8")
    for name in SHOWN_PICTURES:
        shutil.copy(run.output / name, engine.ROOT / "docs/images" / f"containers-{name}")


STEPS = (dashboards, logs, stop, backup, upgrade, cost)
