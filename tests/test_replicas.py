"""Several replicas behind a proxy: the file for compose, and that of the proxy."""

import re
import shutil
import subprocess

import pytest
import yaml

from tests.pinned import ROOT


@pytest.fixture
def services():
    return yaml.safe_load((ROOT / "compose.yaml").read_text(encoding="utf-8"))["services"]


def test_plain_compose_starts_one_process_for_this_machine_alone(services):
    assert [name for name, service in services.items() if "profiles" not in service] == ["lens"]
    assert services["lens"]["ports"] == ["127.0.0.1:8501:8501"]


@pytest.mark.parametrize("name", ["lens", "replica", "proxy"])
def test_no_service_may_more_than_it_needs(services, name):
    service = services[name]
    assert service["cap_drop"] == ["ALL"]
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert all(str(port).startswith(("127.0.0.1:", "${")) for port in service.get("ports", []))
    assert all(":-127.0.0.1:" in port for port in service.get("ports", []) if port.startswith("${"))


def test_the_proxy_brings_the_replicas_along_and_nothing_else_is_reached_from_outside(services):
    assert services["proxy"]["depends_on"] == ["replica"]
    assert services["proxy"]["profiles"] == services["replica"]["profiles"] == ["replicas"]
    assert services["replica"]["deploy"]["replicas"] >= 2
    assert "ports" not in services["replica"]
    assert services["lens"]["image"] == services["replica"]["image"]
    (source, target, mode) = services["proxy"]["volumes"][0].split(":")
    assert (ROOT / source).is_file()
    assert (target, mode) == ("/etc/caddy/Caddyfile", "ro")


def test_the_proxy_keeps_visitors_at_one_replica_and_metrics_to_the_operator():
    text = (ROOT / "deploy" / "Caddyfile").read_text(encoding="utf-8")
    assert "{$CBAM_REPLICAS:replica} 8501" in text
    assert "lb_policy cookie" in text
    assert re.search(r"path \*/_stcore/metrics\n\s+respond @operator 404", text)


def test_the_proxy_takes_the_largest_upload():
    from app.server.options import MAX_UPLOAD_MEGABYTES

    text = (ROOT / "deploy" / "Caddyfile").read_text(encoding="utf-8")
    assert int(re.search(r"max_size (\d+)MB", text)[1]) * 10**6 >= (MAX_UPLOAD_MEGABYTES + 1) * 2**20


def test_the_proxy_understands_its_file():
    if shutil.which("caddy") is None:
        pytest.skip("caddy is not installed")
    command = ["caddy", "validate", "--adapter", "caddyfile", "--config", str(ROOT / "deploy" / "Caddyfile")]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
