"""The manifests are what Kubernetes takes, and keep what the guide for operators promises."""

from pathlib import Path
from typing import Any

import click
import kubernetes_validate
import pytest
from cryptography.fernet import Fernet

from nestegg_core.api.middleware.gates import PROBES
from nestegg_core.cli import main
from nestegg_core.settings import Environment, load
from support.kubernetes import FOLDER, deployments, kustomization, manifests, pods

OBJECTS = list(manifests())
PODS = pods()


def of_kind(kind: str) -> list[dict[str, Any]]:
    return [one for one in OBJECTS if one["kind"] == kind]


def variables(name: str) -> dict[str, str]:
    """Return what an env file says; of an example, too."""
    lines = (FOLDER / name).read_text("utf-8").splitlines()
    return dict(line.split("=", 1) for line in lines if line and not line.startswith("#"))


@pytest.mark.parametrize("version", ["1.30", kubernetes_validate.latest_version()])
@pytest.mark.parametrize("manifest", OBJECTS, ids=lambda one: f"{one['kind']}-{one['metadata']}")
def test_it_follows_the_schema_of_kubernetes(manifest: dict[str, Any], version: str) -> None:
    kubernetes_validate.validate(manifest, version, strict=True)


def test_the_schemas_notice_a_misspelt_field() -> None:
    broken = {**of_kind("Job")[0], "spec": {"backoffLimits": 1, "template": {}}}
    with pytest.raises(kubernetes_validate.ValidationError):
        kubernetes_validate.validate(broken, kubernetes_validate.latest_version(), strict=True)


def test_every_file_is_applied_or_an_example() -> None:
    applied = kustomization()
    named = {*applied["resources"], *applied["configMapGenerator"][0]["envs"]}
    named |= {f"{file}.example" for one in applied["secretGenerator"] for file in one["envs"]}
    assert {file.name for file in FOLDER.iterdir()} == {*named, "kustomization.yaml"}


@pytest.mark.parametrize("name", PODS)
def test_a_pod_is_as_restricted_as_the_namespace_asks(name: str) -> None:
    pod = PODS[name]["spec"]
    (container,) = pod["containers"]
    assert pod["securityContext"]["runAsNonRoot"] is True
    assert pod["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
    assert pod["automountServiceAccountToken"] is False
    assert container["securityContext"] == {
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"]},
    }
    assert {mount["mountPath"] for mount in container["volumeMounts"]} == {
        "/tmp",  # noqa: S108 - the container's
        "/var/lib/nestegg",
    }
    assert set(container["resources"]["limits"]) == {"memory"}


@pytest.mark.parametrize("name", PODS)
def test_a_pod_runs_a_command_that_there_is(name: str) -> None:
    (container,) = PODS[name]["spec"]["containers"]
    program, *arguments = container["args"]
    assert program == "nestegg"
    command: click.Command = main
    context = main.make_context("nestegg", list(arguments), resilient_parsing=True)
    while isinstance(command, click.Group) and arguments and not arguments[0].startswith("-"):
        _, found, arguments = command.resolve_command(context, arguments)
        assert found is not None
        command = found
    command.make_context(name, list(arguments)).close()


def test_a_process_is_restarted_by_its_life_and_gets_requests_when_it_is_ready() -> None:
    (container,) = PODS["nestegg-backend"]["spec"]["containers"]
    assert container["livenessProbe"]["httpGet"]["path"] == "/livez"
    assert container["readinessProbe"]["httpGet"]["path"] == "/readyz"
    assert {"/livez", "/readyz"} <= PROBES
    ports = {port["name"]: port["containerPort"] for port in container["ports"]}
    assert ports == {"http": 8000, "metrics": 9090}


def test_only_the_migration_and_the_backups_know_the_owner_of_the_tables() -> None:
    def knows(pod: dict[str, Any]) -> bool:
        return "nestegg-owner" in str(pod["spec"]["containers"][0]["envFrom"])

    assert {name for name, pod in PODS.items() if knows(pod)} == {
        "nestegg-migrate",
        "nestegg-worker-heavy",
    }
    assert "DATABASE_ADMIN_URL" not in variables("secrets.env.example")


def test_the_way_out_is_open_by_both_kinds_of_addresses_but_not_to_the_clouds_metadata() -> None:
    (policy,) = (
        one for one in of_kind("NetworkPolicy") if one["metadata"]["name"] == "nestegg-out"
    )
    blocks = [to["ipBlock"] for rule in policy["spec"]["egress"] for to in rule.get("to", ())]
    assert {one["cidr"]: one["except"] for one in blocks} == {
        "0.0.0.0/0": ["169.254.169.254/32"],
        "::/0": ["fd00:ec2::254/128"],
    }


def test_selectors_find_their_pods() -> None:
    labels = [pod["metadata"]["labels"] for pod in PODS.values()]
    selectors = [one["spec"]["selector"]["matchLabels"] for one in of_kind("PodDisruptionBudget")]
    selectors += [one["spec"]["selector"] for one in of_kind("Service")]
    selectors += [one["spec"]["podSelector"]["matchLabels"] for one in of_kind("NetworkPolicy")]
    selectors += [one["spec"]["selector"]["matchLabels"] for one in deployments().values()]
    assert selectors
    for selector in selectors:
        assert any(selector.items() <= one.items() for one in labels)
    (scaler,) = of_kind("HorizontalPodAutoscaler")
    target = scaler["spec"]["scaleTargetRef"]["name"]
    assert "replicas" not in deployments()[target]["spec"]


def test_the_settings_pass_the_production_rules(tmp_path: Path) -> None:
    values = {**variables("settings.env"), **variables("secrets.env.example")}
    empty = {"SECRET_KEY": "0123456789abcdef" * 4, "METRICS_PASSWORD": "long-enough-and-chosen"}
    empty["MASTER_ENCRYPTION_KEY"] = Fernet.generate_key().decode()
    assert {name for name, value in values.items() if not value} == set(empty)
    given = {**values, **empty, "NESTEGG_HOME": str(tmp_path)}
    settings = load(Environment.read({**given, **variables("owner.env.example")}, dotenv=None))
    assert settings.environment == "production"
    assert "sslmode=require" in settings.database_url.get_secret_value()
