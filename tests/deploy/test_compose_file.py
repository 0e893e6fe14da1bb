"""`compose.yaml` is a compose file, and keeps what the guide for operators promises of it."""

import json
import re
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml
from cryptography.fernet import Fernet
from nestegg_storage_postgres import PostgresSettings

from nestegg_core.server.listening import ServerSettings
from nestegg_core.settings import Environment, Settings, load
from support.environments import ROOT
from support.native_compose.composefile import Service, read, resolved

FILE = ROOT / "compose.yaml"
DOCUMENT = yaml.safe_load(FILE.read_text("utf-8"))
OURS = ("backend", "worker", "scheduler")
ALL = ("backend", "worker", "scheduler", "db", "redis")
DOTENV = {
    "SECRET_KEY": "7f1c6ad05be94e2883d1f0a4c7b96e52d8a3f40b1c95e7762d0e8b39fa641c57",
    "MASTER_ENCRYPTION_KEY": Fernet.generate_key().decode(),
    "ALLOWED_HOSTS": "app.example.com",
    "APP_BASE_URL": "https://app.example.com",
    "METRICS_PASSWORD": "long-enough-and-chosen",
}


@pytest.fixture
def services() -> dict[str, Service]:
    return read(FILE)


@pytest.fixture
def prepared(tmp_path: Path) -> Path:
    """A folder in which `prepare.sh` has run."""
    subprocess.run(["sh", str(ROOT / "deploy/compose/prepare.sh")], cwd=tmp_path, check=True)
    return tmp_path / "secrets"


def test_it_follows_the_compose_specification() -> None:
    compose_spec = pytest.importorskip("compose_spec")
    document = resolved(DOCUMENT, {})
    taken = compose_spec.PyCompose.from_json(json.dumps(document))
    assert set(taken.service_names()) == set(ALL)
    for wrong in ({"imagine": "nestegg"}, {"stop_grace_period": "soon"}):
        with pytest.raises(ValueError, match=r"imagine|soon"):
            compose_spec.PyCompose.from_json(json.dumps({"services": {"backend": wrong}}))


def test_it_has_the_services_that_the_guide_names() -> None:
    assert set(DOCUMENT["services"]) == set(ALL)


@pytest.mark.parametrize("name", ALL)
def test_a_container_has_no_more_rights_than_it_needs(
    services: dict[str, Service], name: str
) -> None:
    config = services[name].config
    assert config["read_only"] is True
    assert config["cap_drop"] == ["ALL"]
    assert config["security_opt"] == ["no-new-privileges:true"]
    assert "privileged" not in config
    assert set(config["deploy"]["resources"]["limits"]) == {"cpus", "memory", "pids"}
    assert config["restart"] == "unless-stopped"
    # The image of our own names its user; see test_dockerfile.py.
    assert name in OURS or config["user"] not in {"root", "0"}


def test_only_the_server_is_reached_from_the_machine_and_only_from_it(
    services: dict[str, Service],
) -> None:
    published = {name: one.config["ports"] for name, one in services.items() if one.published}
    assert published == {"backend": ["127.0.0.1:8000:8000", "127.0.0.1:9090:9090"]}
    assert DOCUMENT["networks"]["data"]["internal"] is True
    for name in ("db", "redis"):
        assert services[name].config["networks"] == ["data"]


@pytest.mark.parametrize("name", ALL)
def test_data_lies_in_named_volumes(services: dict[str, Service], name: str) -> None:
    volumes = services[name].config["volumes"]
    assert any(one["type"] == "volume" for one in volumes)
    for one in volumes:
        if one["type"] == "volume":
            assert one["source"] in DOCUMENT["volumes"]
        elif one["type"] == "bind":  # or compose makes a folder of root's where a file is missing
            assert one["read_only"] is True
            assert one["bind"] == {"create_host_path": False}
        else:
            assert one["type"] == "tmpfs"


@pytest.mark.parametrize("name", ALL)
def test_secrets_are_files_and_never_in_the_environment(
    services: dict[str, Service], prepared: Path, name: str
) -> None:
    service = services[name]
    for variable, value in service.environment.items():
        if re.search("PASSWORD|KEY|_URL", variable):
            assert variable.endswith("_FILE")
            assert Path(value).name in service.secret_files
    assert all((prepared / secret).stat().st_size for secret in service.secret_files)
    told = json.dumps(service.config)
    assert not [file for file in prepared.iterdir() if file.read_text().strip() in told]


@pytest.mark.parametrize("name", OURS)
def test_the_settings_are_mounted_as_a_folder_without_what_else_is_secret_there(
    services: dict[str, Service], name: str
) -> None:
    volumes = {one["target"]: one for one in services[name].config["volumes"]}
    (link,) = re.findall(r"ln -s (\S+)/\.env \.env", (ROOT / "Dockerfile").read_text("utf-8"))
    assert volumes[link]["source"] == "."
    assert volumes[link]["read_only"] is True
    made = (ROOT / "deploy/compose/prepare.sh").read_text("utf-8")
    (folders,) = re.findall(r"mkdir -p (.+)", made)
    for folder in folders.split():
        assert volumes[f"{link}/{folder}"]["type"] == "tmpfs"
    assert not [one for one in services[name].config["volumes"] if ".env" in str(one)]


def test_preparing_twice_changes_nothing_and_lets_no_stranger_read(
    prepared: Path, tmp_path: Path
) -> None:
    before = {file.name: file.read_text() for file in prepared.iterdir()}
    subprocess.run(["sh", str(ROOT / "deploy/compose/prepare.sh")], cwd=tmp_path, check=True)
    assert {file.name: file.read_text() for file in prepared.iterdir()} == before
    assert {oct(file.stat().st_mode & 0o777) for file in prepared.iterdir()} == {"0o640"}
    assert prepared.stat().st_mode & 0o007 == 0
    passwords = [text for name, text in before.items() if name.endswith("_password")]
    assert len({*passwords}) == 4
    assert min(map(len, passwords)) > 40


@pytest.mark.parametrize("name", OURS)
def test_the_settings_pass_the_production_rules(
    services: dict[str, Service], prepared: Path, name: str
) -> None:
    settings = _settings(services[name], prepared, DOTENV)
    assert settings.environment == "production"
    urls = (settings.database_url, settings.database_admin_url, settings.redis_url)
    users = [url.get_secret_value().partition(":")[2].partition(":")[0] for url in urls if url]
    assert users == ["//nestegg_app", "//nestegg", "//"]
    assert [url.get_secret_value().partition("@")[2] for url in urls if url] == [
        "db:5432/nestegg_prod",
        "db:5432/nestegg_prod",
        "redis:6379/0",
    ]


def test_without_the_trusted_names_the_database_would_have_to_speak_tls(
    services: dict[str, Service], prepared: Path
) -> None:
    settings = _settings(services["backend"], prepared, DOTENV, TRUSTED_NETWORKS="")
    assert settings.database_url.get_secret_value().endswith("?sslmode=require")


def test_jobs_are_kept_when_redis_runs_out_of_memory(services: dict[str, Service]) -> None:
    command = services["redis"].command
    assert command[command.index("--maxmemory-policy") + 1] == "noeviction"
    assert command[command.index("--appendonly") + 1] == "yes"


def test_the_database_takes_every_connection_that_the_doctor_counts(
    services: dict[str, Service],
) -> None:
    [most] = (one for one in services["db"].command if one.startswith("max_connections="))
    for_superusers = 3  # PostgreSQL's superuser_reserved_connections
    worker = services["worker"].command
    processes = (
        ServerSettings.model_fields["web_concurrency"].default
        + int(worker[worker.index("--concurrency") + 1])
        + 1  # the scheduler
    )
    pool = PostgresSettings.model_fields
    each = pool["db_pool_size"].default + pool["db_max_overflow"].default
    assert processes * each <= int(most.partition("=")[2]) - for_superusers


@pytest.mark.parametrize("name", OURS)
def test_nothing_starts_before_what_it_needs(services: dict[str, Service], name: str) -> None:
    assert services[name].waits_for == {"db": "service_healthy", "redis": "service_healthy"}
    assert all(services[other].healthcheck for other in services[name].waits_for)


def _settings(
    service: Service, secrets: Path, dotenv: Mapping[str, str], **changed: Any
) -> Settings:
    given = {**service.environment, **changed}
    mapped = {name: value.replace("/run/secrets", str(secrets)) for name, value in given.items()}
    file = secrets.parent / ".env"
    file.write_text("".join(f"{name}={value}\n" for name, value in dotenv.items()), "utf-8")
    return load(Environment.read(mapped, dotenv=file))
