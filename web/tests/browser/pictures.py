"""Draw the pictures of the documentation: `pictures.py URL [NAME …]` makes what they show in a running demo, in both languages.

The demo needs eight years: `ondol demo --stocks 300 --years 8`. Pictures go to docs/images/web-NAME-LANGUAGE.png.
"""

from __future__ import annotations

import datetime as dt
import json
import pathlib
import sys
import time
import urllib.request
from typing import Any

from measure import ARGUMENTS, CHROMIUM
from playwright.sync_api import Page, sync_playwright

IMAGES = pathlib.Path(__file__).resolve().parents[3] / "docs/images"
LOCALES = {"en": "en-US", "ko": "ko-KR"}
STRATEGY = {
    "buy": {"where": "PER < 10 and ROE > 10", "rank_by": "MOMENTUM_3M"}, "sell": {"stop_loss_pct": 10, "take_profit_pct": 20},
    "portfolio": {"max_positions": 20},
}  # fmt: skip
SWEPT = {**STRATEGY, "buy": {"where": "PER > 0 and PER < $per and ROE > $roe", "rank_by": "MOMENTUM_3M"}}
RANGES = {"per": {"from": 6, "to": 24, "step": 2}, "roe": {"from": 0, "to": 16, "step": 2}}
LINE = "value"
ENDED = ("completed", "failed", "cancelled")


def call(url: str, method: str, path: str, body: dict[str, Any] | None = None) -> dict[str, Any]:
    """Return the document of a request."""
    data = None if body is None else json.dumps(body).encode()
    head = {"Content-Type": "application/json", "Prefer": "wait=30"}
    request = urllib.request.Request(url + path, data, head, method=method)  # noqa: S310
    with urllib.request.urlopen(request, timeout=90) as answer:  # noqa: S310  the address is this machine's
        return json.load(answer)


def ended(url: str, path: str) -> None:
    """Wait for the end of a sweep or walk-forward."""
    while call(url, "GET", path)["status"] not in ENDED:
        time.sleep(0.2)


def made(url: str) -> dict[str, str]:
    """Make a backtest, a sweep, a walk-forward and an account; return the path of the screen of each picture."""
    dataset = call(url, "GET", "/v1/datasets/current")
    first, last = (dt.date.fromisoformat(dataset[name]) for name in ("first_day", "last_day"))
    span = {"start": (last - dt.timedelta(days=1308)).isoformat(), "end": last.isoformat()}
    whole = {"start": (first + dt.timedelta(days=150)).isoformat(), "end": last.isoformat()}
    run = call(url, "POST", "/v1/backtests", {"strategy": STRATEGY, **span})["id"]
    sweep = {"template": {"strategy": SWEPT, **span}, "parameters": RANGES, "research": LINE}
    walk = {
        **sweep, "template": {"strategy": SWEPT, **whole}, "windows": {"train": "24M", "test": "6M"}, "choose": "plateau",
    }  # fmt: skip
    paths = {}
    for name, kind, body in (("sweep", "sweeps", sweep), ("walk", "walk-forwards", walk)):
        identity = call(url, "POST", f"/v1/{kind}", body)["id"]
        ended(url, f"/v1/{kind}/{identity}")
        paths[name] = f"/{kind}/{identity}"
    account = {"strategy": "low_per_high_roe", "start": (last - dt.timedelta(days=300)).isoformat(), "name": "Value"}
    paths["account"] = "/accounts/" + call(url, "POST", "/v1/accounts", account)["id"]
    return paths | {
        "run": f"/runs/{run}", "why": f"/runs/{run}?tab=trades", "builder": "/new?from=low_per_high_roe", "palette": "/",
        "line": f"/research/{LINE}", "quality": "/quality",
        "matrix": f"/factor-matrix?start={span['start']}&end={span['end']}&horizons=1,5,20,60&order=-t20",
    }  # fmt: skip


def show(page: Page, name: str) -> None:
    """Bring the screen of a picture into the state that it shows."""
    if name == "why":
        page.locator(".virtual tbody tr:not(.space)").nth(3).click()
        page.locator(".why, aside").first.wait_for()
        page.locator(".virtual").first.scroll_into_view_if_needed()
    elif name == "palette":
        page.keyboard.press("Control+k")
        page.locator("dialog input").wait_for()
        page.keyboard.type("mom")
        page.get_by_text("MOMENTUM_3M").first.wait_for()
    elif name == "matrix":
        page.locator(".matrix th").last.get_by_text("p").wait_for(timeout=120_000)
        page.set_viewport_size({"width": 1280, "height": 1080})
    elif name == "builder":
        page.locator(".preview canvas").first.wait_for()


def main() -> None:
    """Draw every picture, or those of some names, in both languages."""
    url = sys.argv[1].rstrip("/")
    paths = made(url)
    if names := sys.argv[2:]:
        paths = {name: paths[name] for name in names}
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        for language, locale in LOCALES.items():
            context = browser.new_context(
                viewport={"width": 1280, "height": 940}, locale=locale, color_scheme="light", reduced_motion="reduce"
            )
            for name, path in paths.items():
                page = context.new_page()
                if name == "walk":  # with the curve and the windows
                    page.set_viewport_size({"width": 1280, "height": 1240})
                page.goto(url + path)
                page.locator("main h1").first.wait_for()
                page.wait_for_load_state("networkidle")
                show(page, name)
                page.wait_for_load_state("networkidle")
                page.wait_for_timeout(500)
                page.screenshot(path=IMAGES / f"web-{name}-{language}.png")
                page.close()
            context.close()
        browser.close()


if __name__ == "__main__":
    main()
