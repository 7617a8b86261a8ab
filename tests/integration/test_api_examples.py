"""The example clients of the documentation do what they say."""

from __future__ import annotations

import asyncio
import json
import pathlib
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from ondol.local.run_file import Servers
from tests.support.api_with_market import served
from tests.support.system import Client

DOCS = pathlib.Path(__file__).resolve().parents[2] / "docs"


@pytest_asyncio.fixture(scope="module")
async def client(servers: Servers) -> AsyncIterator[Client]:
    async with served(servers) as found:
        yield found


def test_the_python_client_is_typed_strictly(tmp_path: pathlib.Path) -> None:
    """A user of the package with mypy --strict has no error."""
    config = tmp_path / "mypy.ini"
    config.write_text("[mypy]\nstrict = true\n[mypy-pandas.*,pyarrow.*]\nignore_missing_imports = true\n", "utf-8")
    command = [sys.executable, "-m", "mypy", f"--config-file={config}", f"--cache-dir={tmp_path}"]
    found = subprocess.run(
        [*command, str(DOCS / "examples" / "client.py")], cwd=DOCS.parent, capture_output=True, text=True, check=False
    )
    assert found.returncode == 0, found.stdout


async def run(*command: str, folder: pathlib.Path | None = None, **environment: str) -> str:
    """Standard output of a command that must succeed."""
    process = await asyncio.create_subprocess_exec(
        *command, cwd=folder, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
        env={"PATH": "/usr/local/bin:/usr/bin:/bin", "HOME": "/nonexistent", "MPLBACKEND": "Agg", **environment},
    )  # fmt: skip
    out, error = await asyncio.wait_for(process.communicate(), 120)
    assert process.returncode == 0, error.decode()
    return out.decode()


async def test_the_python_client_runs(client: Client) -> None:
    text = await run(sys.executable, str(DOCS / "examples" / "client.py"), client.url)
    assert "cheap: " in text
    assert "no trade depends on later data: True" in text
    assert "pick 1 of " in text
    assert "strategy.buy.where (line 1, column 14): unknown name RO; did you mean ROE, ROA? [('ROE', 'ROA')]" in text


async def test_the_page_about_python_runs_from_top_to_bottom(client: Client, tmp_path: pathlib.Path) -> None:
    page = (DOCS / "how-to" / "use-from-python.md").read_text(encoding="utf-8")
    script = tmp_path / "page.py"
    blocks = re.findall(r"```python\n(.*?)```", page, re.DOTALL)
    code = "\n".join([*blocks, "client.close()"])
    # an address instead of a name, for machines without a resolver; nothing is sent to it
    script.write_text(code.replace("https://example.com/", "https://1.1.1.1/"), encoding="utf-8")
    text = await run(sys.executable, str(script), folder=tmp_path, ONDOL_API_URL=client.url, MPLCONFIGDIR=str(tmp_path))
    assert "max_position there is no such field; did you mean max_positions" in text
    assert "False [('ROE', 'ROA')]" in text
    assert (tmp_path / "report.html").stat().st_size > 20_000


async def test_the_notebook_runs_from_top_to_bottom(client: Client, tmp_path: pathlib.Path) -> None:
    cells = json.loads((DOCS / "examples" / "notebook.ipynb").read_text(encoding="utf-8"))["cells"]
    code = "\n".join("".join(cell["source"]) for cell in cells if cell["cell_type"] == "code")
    script = tmp_path / "notebook.py"
    script.write_text(code + "\nassert len(plt.get_fignums()) == 2\nprint('plotted')\n", encoding="utf-8")
    text = await run(sys.executable, str(script), ONDOL_API_URL=client.url, MPLCONFIGDIR=str(tmp_path))
    assert text == "plotted\n"


@pytest.mark.skipif(shutil.which("curl") is None, reason="needs curl")
async def test_the_curl_client_runs(client: Client) -> None:
    text = await run("sh", str(DOCS / "examples" / "curl.sh"), client.url)
    assert text.count("1 event: completed") == 2
    assert '"total_return":' in text
    assert "date,stock_code,name" in text
    assert "compared: " in text
    assert '"rank":1' in text
    assert "its screen: 200" in text
    assert '"suggestions":["ROE","ROA"]' in text
    assert text.endswith("(refused, as it should be)\n")


@pytest.mark.skipif(shutil.which("curl") is None, reason="needs curl")
async def test_the_curl_lines_run(client: Client) -> None:
    page = (DOCS / "reference" / "api.md").read_text(encoding="utf-8")
    block = re.search(r"curl:\n\n```\n(.*?)```", page, re.DOTALL)
    assert block is not None
    lines = block[1].replace("\\\n", " ").replace("http://", "").replace("localhost:8000", client.url).splitlines()
    first = json.loads(await run(*shlex.split(lines[0])))
    assert first["status"] == "completed"
    answers = [await run(*shlex.split(line.replace("ID", first["id"]))) for line in lines[1:]]
    assert "event: completed" in answers[0]
    assert answers[1].startswith("\ufeffdate,stock_code")
    assert json.loads(answers[2])["total"] >= 0
