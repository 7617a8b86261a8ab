"""From the first start to the first backtest, and what a container may do."""

from __future__ import annotations

import asyncio
import shutil
import signal
import time

from tests.containers import engine, images
from tests.containers.load import running
from tests.containers.run import Run
from tests.support.commands import ondol

ABSENT_PROGRAMS = ("gcc", "cc", "pip", "uv", "apt", "perl", "postgres", "valkey-server")
KUBERNETES = "1.32"
STOCKS, YEARS = 100, 3


async def kubernetes(run: Run) -> str:
    """Every object of ops/kubernetes follows the schema of its kind."""
    if shutil.which("kubectl") is None:
        return "not checked: this machine has no kubectl"
    files = []
    for name in ("nodes", "base"):
        text = await engine.output_of(["kubectl", "kustomize", str(engine.ROOT / "ops/kubernetes" / name)], run.scratch)
        files.append(run.scratch / f"{name}.yaml")
        files[-1].write_text(text, encoding="utf-8")
    program = str(engine.COMPOSE.with_name("kubernetes-validate"))
    command = [program, "--strict", "--kubernetes-version", KUBERNETES, *map(str, files)]
    checked = (await engine.output_of(command, run.scratch)).count(" passed ")
    objects = sum(path.read_text(encoding="utf-8").count("\nkind:") for path in files)
    assert checked == objects, (checked, objects)
    return f"{objects} objects follow the schemas of Kubernetes {KUBERNETES}"


async def image(run: Run) -> str:
    """The image is small and has neither compiler, installer nor embedded servers."""
    size = int(engine.podman("image", "inspect", "--format", "{{.Size}}", images.PRODUCT))
    script = "ondol --version; id -u; for n in " + " ".join(ABSENT_PROGRAMS) + "; do command -v $n; done; true"
    output = engine.podman("run", "--rm", "--network", "none", images.PRODUCT, "sh", "-c", script).split("\n")
    assert output[0].startswith("ondol "), output
    assert output[1:] == ["10001", ""], output
    assert size <= 350e6, f"the image has {size / 1e6:.0f} MB, more than 350"
    return f"{size / 1e6:.0f} MB with the stand-in of the base image"


async def start(run: Run) -> str:
    """`up` on an empty host: everything becomes ready by itself."""
    began = time.monotonic()
    await run.stack.up(simulators=2)
    created = time.monotonic() - began
    await run.stack.until_ready()
    total = time.monotonic() - began
    for service in ("preparer", "simulator", "warmer"):
        for name in await run.stack.names(service):
            await run.stack.until_healthy(name)
    return f"ready after {total:.1f} s; `docker compose up -d` returned after {created:.1f} s"


async def first_key(run: Run) -> str:
    """Without a key the api answers 401, with one made by a command 200, before and after a second `up`."""
    status, _ = await run.stack.request("GET", "/v1/backtests")
    assert status == 401, status
    output = await run.stack.operator("keys", "create", "desk-one")
    run.stack.key = next(word for word in output.split() if word.startswith("ondol_"))
    assert (await run.stack.request("GET", "/v1/backtests"))[0] == 200
    before = {each["Id"] for each in await run.stack.containers()}
    await run.stack.up(simulators=2)
    await run.stack.until_ready()
    replaced = len(before - {each["Id"] for each in await run.stack.containers()})
    assert (await run.stack.request("GET", "/v1/backtests"))[0] == 200
    run.stack.key = (run.stack.folder / "secrets/operator_key").read_text(encoding="utf-8").strip()
    return f"the key is valid after a second `up`, which replaced {replaced} of {len(before)} containers"


async def market(run: Run) -> str:
    """A market is loaded, published, and warmed by the warmer with its key."""
    folder = run.scratch / "market"
    await ondol("synthesize", folder, "--stocks", str(STOCKS), "--years", str(YEARS))
    began = time.monotonic()
    await run.stack.operator("load", "/market", volumes={folder: "/market"})
    loaded = time.monotonic() - began
    await run.stack.operator("prepare")
    async with asyncio.timeout(300):
        while True:
            status, runs = await run.stack.request("GET", "/v1/warm-runs")
            if status == 200 and runs["items"] and runs["items"][0]["status"] not in {"queued", "running"}:
                break
            await asyncio.sleep(0.5)
    assert runs["items"][0]["status"] == "completed", runs["items"][0]
    return f"{STOCKS} stocks and {YEARS} years loaded in {loaded:.1f} s; the warm run completed"


async def backtests(run: Run) -> str:
    """Backtests through the published port."""
    async with running(run.stack, 60, run.seed) as outcome:
        pass
    outcome.check(60)
    run.digests = outcome.digests
    return outcome.text


async def confinement(run: Run) -> str:
    """Each service is unprivileged, and its root file system is read-only but for /tmp."""
    write = "for f in /app/x /opt/x /x; do touch $f 2>/dev/null && echo $f; done; touch /tmp/x"
    script = f"{write} && id -u; grep CapEff /proc/1/status"
    for service in ("api", "preparer", "simulator", "warmer"):
        (name, *_) = await run.stack.names(service)
        output = engine.podman("exec", name, "sh", "-c", script)
        assert output.split() == ["10001", "CapEff:", "0000000000000000"], (service, output)
    return "all four services: user 10001, no capability, only /tmp and their volumes can be written"


async def shared_panels(run: Run) -> str:
    """The simulators of a host map the same files of the volume."""
    names = await run.stack.names("simulator")
    assert len(names) == 2, names
    mapped = []
    for name in names:
        text = engine.podman("exec", name, "sh", "-c", "cat /proc/[0-9]*/maps 2>/dev/null; true")
        lines = (line.split() for line in text.splitlines() if line.endswith(".region"))
        mapped.append({(parts[3], parts[4], parts[5]) for parts in lines})
    shared = mapped[0] & mapped[1]
    assert shared, f"no panel file is mapped by both: {[len(each) for each in mapped]}"
    size = engine.podman("exec", names[0], "du", "-sm", "/panels").split()[0]
    both = mapped[0] | mapped[1]
    return f"{len(shared)} of {len(both)} mapped files are the same inodes in both; the volume has {size} MiB"


async def health(run: Run) -> str:
    """A stopped process turns its health check red, a continued one green again."""
    for service in ("api", "simulator"):
        (name, *_) = await run.stack.names(service)
        await run.stack.kill(name, signal.SIGSTOP)
        await run.stack.until_healthy(name, healthy=False)
        await run.stack.kill(name, signal.SIGCONT)
        await run.stack.until_healthy(name)
    return "api and simulator: unhealthy while stopped, healthy after"


STEPS = (kubernetes, image, start, first_key, market, backtests, confinement, shared_panels, health)
