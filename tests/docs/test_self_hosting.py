"""`docs/self-hosting.md` works as written: every block of it is run, or checked, in its order.

Where there is no container engine the services of `compose.yaml` run natively, see
`support.native_compose`; what is in the way of a command there fails here.
"""

import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
import requests

from support.environments import ROOT, Wheelhouse, lend, ran
from support.guide import Block, blocks, headings
from support.guide_checks import CHECKS, GOOD
from support.native_compose.docker import STATE, TOOLS
from support.native_compose.engine import Engine
from support.postgres import Postgres, running_postgres
from support.redis import MISSING, redis_server

pytestmark = pytest.mark.long

GUIDE = ROOT / "docs" / "self-hosting.md"
BLOCKS = blocks(GUIDE)
RELEASE = ("compose.yaml", "Dockerfile", ".env.example", "alembic.ini", "deploy")
"""What of the repository the commands need beside them."""

SECONDS = 900
_BEGIN = "=== block "


@dataclass(frozen=True)
class Walk:
    """The guide's commands, run in order.

    Attributes:
        printed: each block with what it has printed.
        folder: where they ran.
        engine: of the services, which still run.
    """

    printed: list[tuple[str, str]]
    folder: Path
    engine: Engine
    failure: str

    def after(self, command: str) -> str:
        """Return what the block printed that has this line."""
        found = [told for block, told in self.printed if command in block.splitlines()]
        assert found, f"no block has the line {command}"
        return found[-1]


@pytest.fixture(scope="module")
def walk(postgres: Postgres, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Walk]:
    """Walk through the guide in an empty folder."""
    if redis_server() is None:
        pytest.skip(MISSING)
    folder = tmp_path_factory.mktemp("release")
    for name in RELEASE:
        source = ROOT / name
        (shutil.copytree if source.is_dir() else shutil.copy)(source, folder / name)
    state = Path(tempfile.mkdtemp(prefix="ne-"))  # a socket's path must be short
    engine: Engine | None = None
    try:
        failure, told = _run(folder, state, postgres.tools)
        engine = Engine(folder / "compose.yaml", state, postgres.tools)
        yield Walk(told, folder, engine, failure)
    finally:
        engine = engine or Engine(folder / "compose.yaml", state, postgres.tools)
        for name in ("scheduler", "worker", "backend", "redis", "db"):
            engine.stop(name)
        shutil.rmtree(state, ignore_errors=True)


def _run(folder: Path, state: Path, tools: Path) -> tuple[str, list[tuple[str, str]]]:
    """Run all blocks in one shell; return what failed, and what each has printed."""
    programs = state / "bin"
    programs.mkdir()
    docker = programs / "docker"
    start = f"import sys; sys.path.insert(0, {str(ROOT / 'tests')!r}); "
    start += "from support.native_compose.docker import main; main()"
    docker.write_text(f'#!/bin/sh\nexec {sys.executable} -c "{start}" "$@"\n', "utf-8")
    docker.chmod(0o755)
    commands = [block.text for block in BLOCKS if block.language == "bash"]
    steps = (f"echo '{_BEGIN}{n}' | tee /dev/stderr\n{text}" for n, text in enumerate(commands))
    done = subprocess.run(
        ["bash", "-c", "set -euo pipefail\n" + "\n".join(steps)],
        cwd=folder,
        env={
            "PATH": f"{programs}{os.pathsep}{os.environ['PATH']}",
            "HOME": str(state),
            "CURL_HOME": str(state),
            STATE: str(state),
            TOOLS: str(tools),
        },
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
        timeout=SECONDS,
    )
    told = []
    for part in done.stdout.split(_BEGIN)[1:]:
        number, _, printed = part.partition("\n")
        told.append((commands[int(number)], printed))
    last = commands[len(told) - 1] if told else ""
    failure = "" if done.returncode == 0 else f"{last}\n{done.stdout[-3000:]}{done.stderr[-6000:]}"
    return failure, told


def test_every_command_of_the_guide_succeeds(walk: Walk) -> None:
    assert walk.failure == ""
    assert len(walk.printed) == sum(block.language == "bash" for block in BLOCKS)


def test_the_commands_print_what_the_guide_says(walk: Walk) -> None:
    healthy = '{"status":"healthy","checks":{"database":"ok"}}'
    assert walk.after("curl http://localhost:8000/health") == healthy
    assert healthy in GUIDE.read_text("utf-8")
    states = walk.after("docker compose ps").splitlines()
    assert "backend running (healthy)" in states
    assert "worker running" in states
    assert "scheduler running" in states
    assert "The books balance" in walk.after("docker compose exec backend nestegg check books")
    ready = walk.after("docker compose exec backend curl -f http://localhost:8000/readyz")
    assert '"status":"ready"' in ready
    metrics = walk.after("curl -u admin:$METRICS_PASSWORD http://localhost:9090/metrics")
    assert "# TYPE nestegg_" in metrics
    logged = walk.after("docker compose logs --no-log-prefix backend")
    assert all(isinstance(json.loads(line), dict) for line in logged.splitlines() if "{" in line)
    doctor = "docker compose exec backend nestegg doctor || test $? -eq 1"
    assert "TRUSTED_NETWORKS" in walk.after(doctor)


def test_the_server_is_no_superuser_and_owns_nothing(walk: Walk) -> None:
    checked = walk.engine.run("backend", ["nestegg", "db", "check"])
    assert checked.returncode == 0, checked.stdout.decode()
    asked = ["psql", "-U", "postgres", "-d", "nestegg_prod", "-Atc"]
    owned = "SELECT count(*) FROM pg_class WHERE relowner = 'nestegg_app'::regrole"
    assert walk.engine.run("db", [*asked, owned]).stdout == b"0\n"
    powers = "SELECT rolsuper OR rolcreaterole OR rolbypassrls FROM pg_roles WHERE rolname = "
    for role in ("nestegg_app", "nestegg"):
        assert walk.engine.run("db", [*asked, f"{powers}'{role}'"]).stdout == b"f\n"


def test_workers_and_scheduler_serve_their_metrics_and_do_jobs(walk: Walk) -> None:
    done = walk.engine.run("backend", ["nestegg", "jobs", "run", "retention"])
    assert done.returncode == 0, done.stderr.decode()
    for name in ("worker", "scheduler"):
        port = walk.engine.sandbox(name).ports[name, 9090]
        answer = requests.get(f"http://127.0.0.1:{port}/metrics", timeout=30)
        assert answer.status_code == 401


def test_plain_sql_into_a_full_database_restores_nothing_as_the_guide_warns(walk: Walk) -> None:
    (backup,) = (walk.folder / "backups").glob("*.sql")
    script = ["psql", "-U", "nestegg", "-q", "-f", f"/backups/{backup.name}", "nestegg_prod"]
    careless = walk.engine.run("db", script)
    assert careless.returncode == 0
    assert b"already exists" in careless.stderr


def test_every_block_is_run_or_checked() -> None:
    checked = set(CHECKS) | {"bash", "sh", "sql", "dockerfile", ""}
    assert {block.language for block in BLOCKS} <= checked


@pytest.mark.parametrize(
    "block",
    [block for block in BLOCKS if block.language in CHECKS],
    ids=lambda block: f"{block.language}-{block.heading}",
)
def test_a_block_that_cannot_be_run_is_right(block: Block, tmp_path: Path) -> None:
    CHECKS[block.language](block.text, tmp_path)


def test_the_log_line_is_the_programs_own() -> None:
    (line,) = (block.text for block in BLOCKS if block.language == "")
    assert re.fullmatch(
        r"Data retention DRY RUN: org=[0-9a-f-]{36} would delete \d+ transactions older than "
        r"\d{4}-\d\d-\d\d\n",
        line,
    )
    assert line in (ROOT / "docs" / "retention.md").read_text("utf-8")


def test_links_lead_somewhere() -> None:
    for target in re.findall(r"\]\(([^)]+)\)", GUIDE.read_text("utf-8")):
        file, _, anchor = target.partition("#")
        page = GUIDE.parent / file if file else GUIDE
        assert page.exists(), target
        assert not anchor or anchor in anchors(page.read_text("utf-8")), target


def anchors(text: str) -> set[str]:
    return {re.sub(r"[^a-z0-9 -]", "", h.lower()).replace(" ", "-") for h in headings(text)}


def test_it_runs_without_containers(tmp_path_factory: pytest.TempPathFactory) -> None:
    folder, made = tmp_path_factory.mktemp("srv"), tmp_path_factory.mktemp("house")
    house = Wheelhouse(made / "wheels", made / "lent", made / "sources")
    house.wheels.mkdir()
    lend(house.lent)  # libraries, and no wheel of ours: the page's command builds them
    _repository(folder / "nest-egg")
    (roles,) = (block.text for block in BLOCKS if block.language == "sql")
    (commands,) = (block.text for block in BLOCKS if block.language == "sh")
    (urls,) = (b.text for b in BLOCKS if b.language == "env" and "%20password" in b.text)
    *install, serve = commands.splitlines()
    with running_postgres() as server:
        server.execute("DROP ROLE nestegg")  # the guide makes it
        for statement in roles.splitlines():
            server.execute(statement)
        place = f"@/nestegg_prod?host={server.superuser.query['host']}"
        settings = "".join(f"{name}={value}\n" for name, value in GOOD.items())
        urls = urls.replace("@127.0.0.1:5432/nestegg_prod", place)
        (folder / ".env").write_text(f"{settings}{urls}WEB_PORT=0\nMETRICS_PORT=0\n", "utf-8")
        env = house.variables(folder)
        env["PATH"] = f"{Path(sys.executable).parent}{os.pathsep}{env['PATH']}"
        ran(["sh", "-euc", "\n".join(install)], cwd=folder, env=env)
        with subprocess.Popen(
            serve.split(), cwd=folder, env=env, stdout=subprocess.PIPE, text=True
        ) as process:
            try:
                assert process.stdout
                address = process.stdout.readline().partition("serves on ")[2].split()[0]
                ready = requests.get(f"{address}/readyz", timeout=30)
                assert ready.status_code == 200, ready.text
            finally:
                process.terminate()


def _repository(target: Path) -> None:
    """Copy what a clone holds, without what was built in it."""
    built = shutil.ignore_patterns(
        "__pycache__", "*.egg-info", "build", "dist", ".*_cache", ".venv", "tests"
    )
    for name in ("nestegg_core", "plugins", "examples"):
        shutil.copytree(ROOT / name, target / name, ignore=built)
    for name in ("Makefile", "pyproject.toml", "README.md"):
        shutil.copy(ROOT / name, target)


def test_nothing_tells_to_look_up_by_name_what_is_not_published() -> None:
    pages = [ROOT / "README.md", *ROOT.glob("docs/*.md"), *ROOT.glob("*/*/README.md")]
    pages += [*ROOT.glob("nestegg_core/**/*.py"), *ROOT.glob("nestegg_core/**/*.tmpl")]
    by_name = re.compile(r"pip install (?:-\S+ |\"|')*nestegg[-_]\w[\w-]*(?:\[|\s|`|\"|')")
    found = [f"{page}: {hit[0]}" for page in pages for hit in by_name.finditer(page.read_text())]
    assert found == []
