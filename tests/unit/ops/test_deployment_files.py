"""Deployment files use settings, services and metrics that exist."""

from __future__ import annotations

import importlib.util
import pathlib
import re
import subprocess
import sys
from typing import Any

import promql_parser
import pytest
import yaml

from shared.settings import SETTINGS

ROOT = pathlib.Path(__file__).resolve().parents[3]
NAMES = (
    {s.name for s in SETTINGS}
    | {f"{s.name}_FILE" for s in SETTINGS if s.secret}
    | {s.alias for s in SETTINGS if s.alias}
)
METRIC = re.compile(r"\bondol_[a-z0-9_]+")
SUFFIXES = ("_total", "_bucket", "_sum", "_count")


def _compose() -> dict[str, Any]:
    return yaml.safe_load((ROOT / "compose.yaml").read_text(encoding="utf-8"))


def script(name: str, path: str) -> Any:
    spec = importlib.util.spec_from_file_location(name, ROOT / path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)
    return module


def generator() -> Any:
    return script("generate", "ops/grafana/generate.py")


def _declared_metrics() -> set[str]:
    metrics: set[str] = set()
    for path in [*ROOT.glob("shared/infra/metrics.py"), *ROOT.glob("services/*/*.py")]:
        metrics |= set(
            re.findall(r'(?:Counter|Gauge|Histogram)\(\s*"(ondol_[a-z0-9_]+)"', path.read_text(encoding="utf-8"))
        )
    return metrics


def _expressions() -> list[str]:
    rules = [
        rule["expr"]
        for file in ("recording.yaml", "alerts.yaml")
        for group in yaml.safe_load((ROOT / "ops/prometheus" / file).read_text(encoding="utf-8"))["groups"]
        for rule in group["rules"]
    ]
    return rules + [query for _, _, query in generator().queries()]


def test_compose_follows_the_schema_of_compose() -> None:
    command = [
        sys.executable,
        "-m",
        "check_jsonschema",
        "--builtin-schema",
        "vendor.compose-spec",
        str(ROOT / "compose.yaml"),
    ]
    assert subprocess.run(command, capture_output=True, check=False).returncode == 0


def test_deployments_set_only_known_settings() -> None:
    named = {
        name
        for service in _compose()["services"].values()
        for name in (service.get("environment") or {})
        if not name.startswith(("POSTGRES_", "GF_"))
    }
    for path in (ROOT / "ops/kubernetes/base").glob("*.yaml"):
        named |= set(re.findall(r"\b(ONDOL_[A-Z_]+|ENABLE_CACHE_WARMING)\b", path.read_text(encoding="utf-8")))
    assert named - NAMES == set()


def test_api_and_warmer_share_schedule_settings() -> None:
    """The api reads the warmer's schedule from its own environment."""
    shared = {s.name for s in SETTINGS if s.services == "warmer, api"}
    names = {name for s in SETTINGS if s.name in shared for name in (s.name, s.alias) if name}
    assert shared
    services = _compose()["services"]
    shown, done = ({n: v for n, v in services[s]["environment"].items() if n in names} for s in ("api", "warmer"))
    assert shown == done


def test_service_has_command_health_check_and_limits() -> None:
    services = _compose()["services"]
    for name in ("api", "preparer", "simulator", "warmer"):
        service = services[name]
        assert service["command"] == ["python", "-m", f"services.{name}"]
        assert (ROOT / "services" / name / "__main__.py").exists()
        assert service["healthcheck"]["test"]
        assert service["read_only"] is True
        assert service["user"] == "10001:10001"
    assert all(s["deploy"]["resources"]["limits"]["memory"] for n, s in services.items() if n != "migrate")
    assert all(":" in s["image"] and not s["image"].endswith(":latest") for s in services.values())


def test_make_secrets_writes_the_secrets_of_compose(tmp_path: pathlib.Path) -> None:
    written = script("compose_secrets", "ops/write_secrets.py").write(tmp_path)
    for secret in _compose()["secrets"].values():
        assert pathlib.Path(secret["file"]).name in written


def test_dashboards_match_their_generator() -> None:
    generated = generator().dashboards()
    assert {p.name for p in (ROOT / "ops/grafana/dashboards").glob("*.json")} == set(generated)
    for name, text in generated.items():
        assert (ROOT / "ops/grafana/dashboards" / name).read_text(encoding="utf-8") == text


def test_panel_has_unit_and_description() -> None:
    for _, panels in generator().DASHBOARDS.values():
        assert all(p.unit and p.description.endswith(".") for p in panels)


def test_queries_and_rules_use_existing_metrics() -> None:
    declared = _declared_metrics()
    for expression in _expressions():
        promql_parser.parse(expression)
        for metric in METRIC.findall(expression):
            base = metric
            for suffix in SUFFIXES:
                base = base.removesuffix(suffix)
            assert base in declared, f"{metric} in {expression}"


@pytest.mark.parametrize("path", sorted((ROOT / "ops/kubernetes/base").glob("*.yaml")), ids=lambda p: p.name)
def test_kubernetes_pods_are_restricted(path: pathlib.Path) -> None:
    for document in yaml.safe_load_all(path.read_text(encoding="utf-8")):
        if document["kind"] not in {"Deployment", "Job"}:
            continue
        pod = document["spec"]["template"]["spec"]
        assert pod["securityContext"]["runAsNonRoot"] is True
        for container in pod["containers"]:
            assert container["securityContext"]["readOnlyRootFilesystem"] is True
            assert container["resources"]["limits"]["memory"]
