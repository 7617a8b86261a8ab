"""Logging in at a server that wants a key, and logging out."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Iterator
from typing import Any

import pytest
from conftest import ROOT, System
from playwright.sync_api import Browser, expect

ONDOL = str(ROOT / ".venv/bin/ondol")


@pytest.fixture
def keyed() -> Iterator[tuple[System, str]]:
    """Serve an empty system that wants keys, and return it with a key; all that it started is gone afterwards."""
    home = tempfile.mkdtemp(prefix="ondol-web-keys-")
    environment = {**os.environ, "PYTHONUNBUFFERED": "1", "ONDOL_REQUIRE_KEY": "true"}
    command = [ONDOL, "serve", "--home", home, "--port", "0", "--simulators", "1", "--json"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment, cwd=ROOT) as process:
        try:
            assert process.stdout is not None
            address = next(
                (found[0] for line in process.stdout if (found := re.search(r"http://[\d.]+:\d+", line))), None
            )
            assert address, "the server ended before it served"
            made = subprocess.run(
                [ONDOL, "keys", "create", "reader", "--home", home, "--json"],
                capture_output=True, text=True, check=True, env=environment,
            )  # fmt: skip
            yield System(url=address), json.loads(made.stdout)["key"]
        finally:
            process.send_signal(signal.SIGTERM)
            process.wait(timeout=60)
            shutil.rmtree(home, ignore_errors=True)


def test_key_opens_a_session_whose_cookie_scripts_cannot_read(keyed: tuple[System, str], browser: Browser) -> None:
    system, key = keyed
    context = browser.new_context(locale="en-US")
    page = context.new_page()
    addresses: list[str] = []
    page.on("request", lambda request: addresses.append(request.url))
    page.goto(system.url + "/runs")
    field = page.get_by_label("API key")
    field.fill("ondol_wrong")
    page.get_by_role("button", name="Log in").click()
    expect(page.locator(".problems")).to_be_visible()
    field.fill(key)
    page.get_by_role("button", name="Log in").click()
    expect(page.get_by_role("heading", name="Backtests")).to_be_visible()
    expect(field).to_have_count(0)
    cookies: list[Any] = context.cookies()
    assert [(each["httpOnly"], each["sameSite"]) for each in cookies] == [(True, "Strict")]
    assert key not in page.evaluate("document.cookie + JSON.stringify(localStorage) + JSON.stringify(sessionStorage)")
    page.reload()
    expect(page.get_by_role("heading", name="Backtests")).to_be_visible()
    page.locator(".settings summary").click()
    page.get_by_role("button", name="Log out").click()
    expect(field).to_be_visible()
    assert context.cookies() == []
    assert context.request.get(system.url + "/v1/backtests").status == 401
    assert not any(key in address for address in addresses)
    context.close()
