"""A system with a small synthetic market that serves the committed bundle, and a browser that watches every page."""

from __future__ import annotations

import base64
import json
import os
import pathlib
import re
import shutil
import signal
import subprocess
import tempfile
import time
import urllib.request
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, Route, expect, sync_playwright

ROOT = pathlib.Path(__file__).resolve().parents[3]
CHROMIUM = shutil.which("chromium") or "/usr/bin/chromium"
ARGUMENTS = [
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync",
]  # fmt: skip
SHOTS = ROOT / "reports" / "web"
AXE = ROOT / "web" / "node_modules" / "axe-core" / "axe.min.js"
READY_S = 120.0
expect.set_options(timeout=20_000)  # a busy machine is slow; a passing test does not wait
SWEEP: dict[str, Any] = {
    "template": {
        "strategy": {
            "buy": {"where": "PER < $per and ROE > $roe"},
            "portfolio": {"rebalance": "monthly", "max_positions": 10},
        },
        "start": "2024-01-02", "end": "2025-12-30",
    },
    "parameters": {"per": {"from": 8, "to": 26, "step": 2}, "roe": {"from": 0, "to": 10, "step": 5}},
    "objective": {"maximize": "sharpe", "where": "trades >= 10"},
    "holdout": {"from": "2025-07-01"},
}  # fmt: skip
WALK: dict[str, Any] = {
    **SWEEP,
    "template": {**SWEEP["template"], "start": "2023-01-02"},
    "parameters": {"per": {"values": [8, 14, 20, 26]}, "roe": {"values": [0, 5]}},
    "windows": {"train": "12M", "test": "3M", "gap_rows": 1},
    "choose": "plateau",
    "research": "value line",
}
LOCALES = {"ko": "ko-KR", "en": "en-US"}


@dataclass
class System:
    """A running system and backtests that the tests open."""

    url: str
    run: str = ""
    """A completed backtest over the whole market, with a condition of its own."""
    other: str = ""
    """A completed backtest of a catalogue strategy."""
    sweep: str = ""
    """A completed sweep of 30 variants over two numbers, with a holdout."""
    walk: str = ""
    """A completed walk-forward of the research line `value line`, with a holdout."""
    report: str = ""
    """A factor report with a breakdown by sector; the own factor that it is of is CHEAP."""
    account: str = ""
    """A paper account with a history of half a year."""
    shared: str = ""
    """The text behind the # of a link that carries `run`."""

    def post(self, path: str, body: dict[str, Any], *, wait_s: int = 30, method: str = "POST") -> dict[str, Any]:
        """Send a request to the API and wait for its end."""
        request = urllib.request.Request(  # noqa: S310  the address is this machine's
            self.url + path, json.dumps(body).encode(),
            {"Content-Type": "application/json", "Prefer": f"wait={wait_s}"}, method=method,
        )  # fmt: skip
        with urllib.request.urlopen(request, timeout=60) as answer:  # noqa: S310
            return json.load(answer)


def _ready(process: subprocess.Popen[str]) -> str:
    """Return the address that the demo prints once it serves."""
    assert process.stdout is not None
    end = time.monotonic() + READY_S
    found = None
    for line in process.stdout:
        print(line, end="")
        found = re.search(r"http://[\d.]+:\d+", line) or found
        if "Ctrl-C" in line and found:
            return found[0]
        if time.monotonic() > end:
            break
    raise RuntimeError("the demo did not serve in time; its output is above")


@pytest.fixture(scope="session")
def system() -> Iterator[System]:
    """Serve a demo market; all that it started is gone afterwards."""
    home = tempfile.mkdtemp(prefix="ondol-web-")
    command = [
        str(ROOT / ".venv/bin/ondol"),
        "demo",
        "--home",
        home,
        "--stocks",
        "200",
        "--years",
        "3",
        "--simulators",
        "1",
    ]
    environment = {**os.environ, "PYTHONUNBUFFERED": "1", "ONDOL_SWEEP_PART_VARIANTS": "64"}  # sweeps grow visibly
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment, cwd=ROOT) as process:
        try:
            found = System(url=_ready(process))
            strategy = {
                "buy": {"where": "PER < 15 and ROE > 5", "rank_by": "MOMENTUM_3M"},
                "sell": {"take_profit_pct": 20, "stop_loss_pct": 10, "where": "PER > 30"},
                "portfolio": {"rebalance": "weekly", "max_positions": 10},
            }
            span = {"start": "2023-06-01", "end": "2025-12-30"}
            found.run = found.post("/v1/backtests", {"strategy": strategy, **span})["id"]
            found.other = found.post("/v1/backtests", {"strategy": "peter_lynch", **span})["id"]
            with urllib.request.urlopen(f"{found.url}/v1/backtests/{found.run}", timeout=30) as answer:  # noqa: S310
                run = json.load(answer)
            request = {**run["request"], "dataset": run["dataset"]}
            packer = zlib.compressobj(wbits=-15)
            text = json.dumps({"request": request, "digest": run["result"]["provenance"]["result_digest"]})
            packed = packer.compress(text.encode()) + packer.flush()
            found.shared = base64.urlsafe_b64encode(packed).decode().rstrip("=")
            found.sweep = found.post("/v1/sweeps", SWEEP)["id"]
            found.walk = found.post("/v1/walk-forwards", WALK)["id"]
            found.post("/v1/factors/mine/CHEAP", {"expression": "-rank(PBR) - rank(PER)"}, method="PUT")
            asked = {"factor": "CHEAP", "start": "2024-01-02", "end": "2025-12-30", "breakdowns": ["sector"]}
            found.report = found.post("/v1/factor-reports", asked)["id"]
            account = {"strategy": "low_per_high_roe", "start": "2025-07-01", "name": "Paper account"}
            found.account = found.post("/v1/accounts", account)["id"]
            yield found
        finally:
            process.send_signal(signal.SIGTERM)
            process.wait(timeout=60)
            shutil.rmtree(home, ignore_errors=True)


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """Debian's Chromium."""
    with sync_playwright() as playwright:
        found = playwright.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        yield found
        found.close()


@dataclass
class Watch:
    """What a page must not do."""

    origin: str
    expected_errors: list[str] = field(default_factory=list)
    """Texts of console errors that a test provokes, such as the status of a refused request."""
    problems: list[str] = field(default_factory=list)

    def attach(self, page: Page) -> None:
        """Record console errors, errors of scripts, violations of the policy, and requests to other servers."""
        page.on("console", lambda message: self._console(message.type, message.text))
        page.on("pageerror", lambda error: self.problems.append(f"error: {error}"))
        page.on("request", lambda request: self._request(request.url))

    def _console(self, kind: str, text: str) -> None:
        # violations of the Content-Security-Policy and of Trusted Types are console errors too
        if kind == "error" and not any(expected in text for expected in self.expected_errors):
            self.problems.append(f"console: {text}")

    def _request(self, url: str) -> None:
        if not url.startswith((self.origin, "data:", "blob:")):
            self.problems.append(f"off-origin: {url}")


@dataclass
class Visitor:
    """A page in one language, theme and width."""

    page: Page
    watch: Watch
    system: System
    label: str

    def open(self, path: str) -> None:
        """Open a path and wait until nothing is loading."""
        self.page.goto(self.system.url + path)
        self.settle()

    def settle(self) -> None:
        """Wait until the screen is there, no state of loading is shown, and requests have ended."""
        expect(self.page.locator("main h1").first).to_be_visible(timeout=15_000)
        expect(self.page.locator(".state.loading, [aria-busy=true]")).to_have_count(0, timeout=15_000)
        self.page.wait_for_load_state("networkidle")

    @contextmanager
    def held(self, pattern: str) -> Iterator[None]:
        """Answer no request of a pattern within the block, as a slow server or network; at its end they go on."""
        waiting: list[Route] = []

        def hold(route: Route) -> None:
            waiting.append(route)

        self.page.route(pattern, hold)
        yield
        end = time.monotonic() + 10
        while not waiting:
            assert time.monotonic() < end, f"nothing asked for {pattern}"
            self.page.wait_for_timeout(20)
        for route in waiting:
            route.continue_()
        self.page.unroute(pattern)

    def shoot(self, name: str) -> None:
        """Write a screenshot of the whole page."""
        SHOTS.mkdir(parents=True, exist_ok=True)
        self.page.screenshot(path=SHOTS / f"{name}-{self.label}.png", full_page=True)

    def violations(self) -> list[str]:
        """Return what axe-core finds against WCAG 2.2 AA."""
        self.page.evaluate(AXE.read_text(encoding="utf-8"))
        found = self.page.evaluate(
            "axe.run(document, {runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa']})"
        )
        return [
            f"{each['id']}: {node['target']} {node['failureSummary']}"
            for each in found["violations"] for node in each["nodes"][:5]
        ]  # fmt: skip


@pytest.fixture
def visit(system: System, browser: Browser) -> Iterator[Any]:
    """Return a function that opens a page; at the end every page must have been quiet."""
    opened: list[tuple[BrowserContext, Watch]] = []

    def begin(language: str = "ko", theme: str = "light", width: int = 1440) -> Visitor:
        context = browser.new_context(
            viewport={"width": width, "height": 900 if width > 600 else 844}, color_scheme=theme,
            locale=LOCALES[language], has_touch=width < 600, reduced_motion="reduce",
            permissions=["clipboard-read", "clipboard-write"],
        )  # fmt: skip
        watch = Watch(origin=system.url)
        page = context.new_page()
        watch.attach(page)
        opened.append((context, watch))
        return Visitor(page=page, watch=watch, system=system, label=f"{language}-{theme}-{width}")

    yield begin
    problems = [problem for _, watch in opened for problem in watch.problems]
    for context, _ in opened:
        context.close()
    assert problems == []
