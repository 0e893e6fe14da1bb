"""The Dockerfile builds, and its image does what its operators are told.

Its steps are run on this machine, where no container engine is: what Debian's packages and the
base image bring is taken from here.
"""

import json
import os
import re
import shlex
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from cryptography.fernet import Fernet

from support.dockerfile import stages
from support.environments import ROOT, Wheelhouse, lend
from support.guide import blocks
from support.image import Image, context
from support.lending import lend_libraries, lent_interpreter, open_to_all
from support.native_compose.composefile import read
from support.native_compose.sandbox import curl_options
from support.postgres import APPLICATION, OWNER, Postgres, running_postgres

BUILDER, FINAL = stages()
pytestmark = pytest.mark.long

PATIENCE = 60
PLUGINS = "storage_postgres idp_okta"


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Wheelhouse:
    """The libraries that pip would download."""
    folder = tmp_path_factory.mktemp("house")
    lent = Wheelhouse(folder / "wheels", folder / "lent", folder / "sources")
    lend(lent.lent)
    return lent


@pytest.fixture(scope="module")
def image(house: Wheelhouse) -> Iterator[Image]:
    """The image with two plugins."""
    root = Path(tempfile.mkdtemp(prefix="nestegg-image-"))
    made = Image(root, house, PLUGINS)
    try:
        made.build()
        yield made
    finally:
        shutil.rmtree(root)


@pytest.fixture(scope="module")
def database() -> Iterator[Postgres]:
    """A server that the tests may stop."""
    with running_postgres() as server:
        server.create_database("nestegg_prod")
        yield server


@pytest.fixture(scope="module")
def migrated(image: Image, variables: dict[str, str]) -> None:
    """The tables, made in the image as the guide says."""
    done = image.run("alembic upgrade head", variables)
    assert done.returncode == 0, done.stderr


@pytest.fixture(scope="module")
def variables(database: Postgres) -> dict[str, str]:
    """Settings of production."""
    return {
        "ENVIRONMENT": "production",
        "SECRET_KEY": "7f1c6ad05be94e2883d1f0a4c7b96e52d8a3f40b1c95e7762d0e8b39fa641c57",
        "MASTER_ENCRYPTION_KEY": Fernet.generate_key().decode(),
        "ALLOWED_HOSTS": "app.example.com",
        "APP_BASE_URL": "https://app.example.com",
        "METRICS_PASSWORD": "long-enough-and-chosen",
        "DATABASE_URL": database.url("nestegg_prod", APPLICATION),
        "DATABASE_ADMIN_URL": database.url("nestegg_prod", OWNER),
    }


def healthcheck() -> str:
    """Return the shell command of the HEALTHCHECK."""
    (value,) = FINAL.values("HEALTHCHECK")
    return value.partition("CMD ")[2]


def test_the_health_check_is_the_guides() -> None:
    guide = blocks(ROOT / "docs" / "self-hosting.md")
    (shown,) = (block.text for block in guide if block.language == "dockerfile")
    (value,) = FINAL.values("HEALTHCHECK")
    assert " ".join(shown.replace("\\\n", "").split()) == " ".join(f"HEALTHCHECK {value}".split())
    assert "curl" in " ".join(FINAL.values("RUN"))
    compose = read(ROOT / "compose.yaml")["backend"]
    assert compose.healthcheck == healthcheck()


def test_the_image_is_small_and_its_user_is_not_root() -> None:
    assert "slim" in FINAL.image
    assert "slim" not in BUILDER.image
    assert FINAL.values("USER") == ["10001:0"]
    assert FINAL.values("VOLUME") == ["/var/lib/nestegg"]


def test_both_stages_have_one_python_and_one_debian() -> None:
    def base(stage_image: str) -> str:
        return stage_image.replace("-slim", "").removesuffix(" AS build")

    assert base(BUILDER.image) == base(FINAL.image)


def test_nothing_ties_it_to_one_kind_of_processor() -> None:
    text = (ROOT / "Dockerfile").read_text("utf-8")
    steps = "\n".join(line for line in text.splitlines() if not line.startswith("#"))
    assert not re.search("amd64|x86|arm64|aarch64|--platform", steps)


def test_pg_dump_is_no_older_than_the_server() -> None:
    (client,) = (v for v in FINAL.values("ARG") if v.startswith("POSTGRES_CLIENT="))
    server = read(ROOT / "compose.yaml")["db"].config["image"]
    assert int(client.partition("=")[2]) >= int(server.partition(":")[2])


def test_the_build_sees_no_secrets_data_or_tests() -> None:
    seen = {str(path) for path in context()}
    assert {"pyproject.toml", "README.md", "alembic.ini", "nestegg_core/application.py"} <= seen
    assert not [path for path in seen if re.search(r"(^|/)(tests|\.env.*|var|secrets)/", path)]
    assert not [path for path in seen if path.endswith(".pyc")]
    assert "nestegg_core/database/migrations/script.py.mako" in seen


def test_the_plugins_are_those_that_were_asked_for(image: Image, variables: dict[str, str]) -> None:
    told = image.run("nestegg plugins --json", variables)
    assert told.returncode == 0, told.stderr
    listed = {one["distribution"] for one in json.loads(told.stdout)["plugins"]}
    assert listed == {"nestegg-core", "nestegg-storage-postgres", "nestegg-idp-okta"}


def test_an_unknown_plugin_fails_the_build(house: Wheelhouse, tmp_path: Path) -> None:
    with pytest.raises(AssertionError, match="no_such_plugin"):
        Image(tmp_path, house, "storage_postgres no_such_plugin").build()


@contextmanager
def serving(image: Image, variables: dict[str, str], user: int | None = None) -> Iterator[int]:
    """Run the image's command, as a user id; give the port, and stop it in the end."""
    (command,) = FINAL.values("CMD")
    native = {"WEB_PORT": "0", "METRICS_PORT": "0", "WEB_HOST": "127.0.0.1"}
    environment = {**image.environment, **variables, **native}
    program, *words = json.loads(command)
    found = shutil.which(program, path=environment["PATH"])
    assert found is not None
    other = {} if user is None else {"user": user, "group": 0, "extra_groups": []}
    with subprocess.Popen(
        [found, *words],
        cwd=image.root / "app",
        env=environment,
        stdout=subprocess.PIPE,
        text=True,
        **other,  # type: ignore[call-overload]  # the values differ in type
    ) as process:
        try:
            line = process.stdout.readline()
            yield int(line.partition("127.0.0.1:")[2].split()[0])
        finally:
            process.terminate()
            assert process.wait(PATIENCE) == 0


def curl(image: Image, port: int) -> dict[str, str]:
    """Return variables with which curl finds the image's port 8000."""
    (image.root / "tmp" / ".curlrc").write_text(curl_options({8000: port}), "utf-8")
    return {"CURL_HOME": str(image.root / "tmp")}


@pytest.mark.usefixtures("migrated")
def test_its_health_check_tells_the_truth(
    image: Image, variables: dict[str, str], database: Postgres
) -> None:
    url = shlex.split(healthcheck().partition("||")[0])[-1]
    with serving(image, variables) as port:
        asking = curl(image, port)

        def told() -> tuple[int, str]:
            checked = image.run(healthcheck(), asking)
            return checked.returncode, image.run(f"curl -sS {url}", asking).stdout

        assert told() == (0, '{"status":"healthy","checks":{"database":"ok"}}')
        page = url.replace("/health", "/openapi.json")
        other = image.run(f"curl -sS -o /dev/null -w %{{http_code}} {page}", asking)
        assert other.stdout == "421"  # localhost is no host name of ours

        database.stop()
        assert told() == (1, '{"status":"unhealthy","checks":{"database":"unreachable"}}')

        database.start()
        deadline = time.monotonic() + PATIENCE
        while told()[0]:
            assert time.monotonic() < deadline, "it does not recover"


@pytest.mark.usefixtures("migrated")
def test_its_health_check_follows_the_port(image: Image, variables: dict[str, str]) -> None:
    with serving(image, variables) as port:
        (image.root / "tmp" / ".curlrc").write_text(curl_options({9000: port}), "utf-8")
        elsewhere = {"CURL_HOME": str(image.root / "tmp"), "WEB_PORT": "9000"}
        checked = image.run(healthcheck(), elsewhere)
    assert checked.returncode == 0, checked.stderr


@pytest.mark.usefixtures("migrated")
@pytest.mark.skipif(os.geteuid() != 0, reason="only root can start it as another user")
def test_it_runs_as_any_user_and_writes_to_its_volume_and_tmp_alone(
    image: Image, variables: dict[str, str], database: Postgres
) -> None:
    before = image.files()
    lent = image.root / "lent"
    lend_libraries(lent / "libraries", "nestegg-core[fast]", "nestegg-storage-postgres")
    image.root.chmod(0o755)
    (image.root / "tmp").chmod(0o1777)
    sockets = Path(str(database.superuser.query["host"]))
    with lent_interpreter(image.root / "opt" / "nestegg", lent / "python") as runs:
        given = {**variables, **runs, "PYTHONPATH": str(lent / "libraries")}
        open_to_all(lent)
        sockets.chmod(0o711)
        with serving(image, given, user=987654) as port:
            assert image.run(healthcheck(), curl(image, port)).returncode == 0
        sockets.chmod(0o700)  # PostgreSQL asks for it when it starts
    shutil.rmtree(lent)
    assert image.files() - before == set()
