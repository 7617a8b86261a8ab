"""The objects of ops/kubernetes fit together: names, labels, volumes, secrets, metrics. `make test-containers` checks
each one against the schema of Kubernetes."""

from __future__ import annotations

import ipaddress
import pathlib
import shutil
import subprocess
from typing import Any

import pytest
import yaml

from tests.unit.ops.test_deployment_files import ROOT, script

pytestmark = pytest.mark.skipif(shutil.which("kubectl") is None, reason="needs kubectl (no cluster)")

NAMESPACE = "ondol"


@pytest.fixture(scope="module")
def objects() -> dict[tuple[str, str], dict[str, Any]]:
    """(kind, name) -> object of the base, as kustomize writes it."""
    done = subprocess.run(
        ["kubectl", "kustomize", str(ROOT / "ops/kubernetes/base")], check=True, capture_output=True, text=True
    )
    return {(each["kind"], each["metadata"]["name"]): each for each in yaml.safe_load_all(done.stdout)}


Objects = dict[tuple[str, str], dict[str, Any]]


def _pods(objects: Objects) -> dict[str, dict[str, Any]]:
    return {name: each["spec"]["template"] for (kind, name), each in objects.items() if kind in {"Deployment", "Job"}}


def test_every_volume_has_its_source(objects: Objects, tmp_path: pathlib.Path) -> None:
    """No pod of the namespace mounts a path of its node: the rules of restricted pods forbid it."""
    secrets = set(script("compose_secrets", "ops/write_secrets.py").write(tmp_path))
    for name, pod in _pods(objects).items():
        for volume in pod["spec"]["volumes"]:
            assert "hostPath" not in volume, name
            if claim := volume.get("persistentVolumeClaim"):
                assert ("PersistentVolumeClaim", claim["claimName"]) in objects
            if found := volume.get("configMap"):
                assert ("ConfigMap", found["name"]) in objects
            for item in volume.get("secret", {}).get("items", []):
                assert item["key"] in secrets, (name, item)
        mounted = {mount["name"] for each in pod["spec"]["containers"] for mount in each["volumeMounts"]}
        assert mounted == {volume["name"] for volume in pod["spec"]["volumes"]}, name


def test_settings_name_files_that_the_secret_has(objects: Objects) -> None:
    shared = objects["ConfigMap", "ondol-settings"]["data"]
    for name in ("api", "preparer", "simulator", "warmer", "migrate"):
        pod = _pods(objects)[name]["spec"]
        (secret,) = [volume["secret"] for volume in pod["volumes"] if "secret" in volume]
        own = {each["name"]: each.get("value", "") for each in pod["containers"][0].get("env", [])}
        named = {pathlib.PurePath(value).name for key, value in (shared | own).items() if key.endswith("_FILE")}
        assert named <= {item["path"] for item in secret["items"]}, name


def test_services_select_pods_and_their_ports(objects: Objects) -> None:
    pods = _pods(objects)
    for (kind, name), each in objects.items():
        if kind == "Service":
            pod = pods[each["spec"]["selector"]["app"]]
            assert pod["metadata"]["labels"]["app"] == each["spec"]["selector"]["app"]
            ports = {port["name"]: port["containerPort"] for port in pod["spec"]["containers"][0]["ports"]}
            assert {ports[port["targetPort"]] for port in each["spec"]["ports"]} == {
                each["spec"]["ports"][0]["port"]
            }, name
        if kind == "PodDisruptionBudget":
            assert each["spec"]["selector"]["matchLabels"]["app"] in pods


def test_names_that_prometheus_scrapes_exist(objects: Objects) -> None:
    """On Kubernetes they are services that name each pod, in compose.yaml services and an alias."""
    jobs = yaml.safe_load((ROOT / "ops/prometheus/prometheus.yaml").read_text(encoding="utf-8"))["scrape_configs"]
    services = yaml.safe_load((ROOT / "compose.yaml").read_text(encoding="utf-8"))["services"]
    composed = set(services) | {
        alias
        for each in services.values()
        for network in (each.get("networks") or {}).values()
        for alias in network["aliases"]
    }
    for job in jobs:
        (found,) = job["dns_sd_configs"]
        (name,) = found["names"]
        assert name in composed
        service = objects["Service", name]
        assert service["spec"]["clusterIP"] == "None"
        assert service["spec"]["ports"][0]["port"] == found["port"]


def test_simulators_scale_on_a_metric_of_the_system(objects: Objects) -> None:
    (metric,) = objects["HorizontalPodAutoscaler", "simulator"]["spec"]["metrics"]
    values = yaml.safe_load((ROOT / "ops/kubernetes/prometheus-adapter.yaml").read_text(encoding="utf-8"))
    (rule,) = values["rules"]["external"]
    assert metric["external"]["metric"]["name"] == rule["name"]["as"]
    metrics = (ROOT / "shared/infra/metrics.py").read_text(encoding="utf-8")
    assert f'"{rule["seriesQuery"]}"' in metrics
    assert values["prometheus"]["url"] == f"http://prometheus.{NAMESPACE}.svc"
    assert values["prometheus"]["port"] == objects["Service", "prometheus"]["spec"]["ports"][0]["port"]


def test_the_folder_of_panels_is_made_on_every_node(objects: Objects) -> None:
    documents = yaml.safe_load_all((ROOT / "ops/kubernetes/nodes/nodes.yaml").read_text(encoding="utf-8"))
    (nodes,) = [each for each in documents if each["kind"] == "DaemonSet"]
    volume = objects["PersistentVolume", "ondol-panels"]["spec"]
    (host,) = nodes["spec"]["template"]["spec"]["volumes"]
    (container,) = nodes["spec"]["template"]["spec"]["containers"]
    made = volume["hostPath"]["path"].replace(host["hostPath"]["path"], container["volumeMounts"][0]["mountPath"])
    assert f"-o 10001 -g 10001 -m 0700 {made};" in container["command"][-1]
    assert volume["claimRef"] == {"namespace": NAMESPACE, "name": "panels"}
    assert "/panels" in {
        mount["mountPath"] for mount in _pods(objects)["simulator"]["spec"]["containers"][0]["volumeMounts"]
    }


def test_the_ingress_ends_tls_for_its_host(objects: Objects) -> None:
    spec = objects["Ingress", "api"]["spec"]
    assert [each["host"] for each in spec["rules"]] == spec["tls"][0]["hosts"]
    backend = spec["rules"][0]["http"]["paths"][0]["backend"]["service"]
    assert ("Service", backend["name"]) in objects


def test_the_warmer_reaches_receivers_but_no_pod_besides_the_api(objects: Objects) -> None:
    """Its webhooks are addresses that users name."""
    policy = objects["NetworkPolicy", "warmer-egress"]["spec"]
    assert policy["podSelector"]["matchLabels"].items() <= _pods(objects)["warmer"]["metadata"]["labels"].items()
    assert policy["policyTypes"] == ["Egress"]
    (to_pods,) = [rule for rule in policy["egress"] if any("podSelector" in peer for peer in rule.get("to", ()))]
    assert to_pods["to"] == [{"podSelector": {"matchLabels": {"app": "api"}}}]
    api = _pods(objects)["api"]["spec"]["containers"][0]["ports"]
    assert to_pods["ports"][0]["port"] in {port["containerPort"] for port in api}
    blocks = [peer["ipBlock"] for rule in policy["egress"] for peer in rule.get("to", ()) if "ipBlock" in peer]
    for private in ("10.1.2.3", "172.16.0.1", "192.168.1.1", "169.254.169.254", "fd00::1", "fe80::1"):
        assert not any(_holds(block, private) for block in blocks), private
    for public in ("1.1.1.1", "2606:4700::1111"):
        assert any(_holds(block, public) for block in blocks), public


def _holds(block: dict[str, Any], address: str) -> bool:
    found = ipaddress.ip_address(address)
    inside = found in ipaddress.ip_network(block["cidr"])
    return inside and not any(found in ipaddress.ip_network(part) for part in block["except"])
