"""`nestegg doctor`: what can be wrong is broken for real, found, and told how to mend."""

import json
import os
import pickle
import re
import socket
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from itertools import chain
from pathlib import Path
from threading import Thread

import pytest
from sqlalchemy import func, insert, make_url, select, update

from nestegg_core.application import Runtime
from nestegg_core.contracts.operations import Diagnosis
from nestegg_core.database.tables import jobs, users
from nestegg_core.doctor.backups import backups
from nestegg_core.doctor.disk import rights as disk_rights
from nestegg_core.doctor.disk import room
from nestegg_core.doctor.queue import redis as examine_redis
from nestegg_core.doctor.run import Check, Found, examine
from nestegg_testing import FakeIdentityProvider
from support.command_line import CommandLine
from support.postgres import APPLICATION, OWNER, Postgres
from support.redis import RedisServer, running_redis

Told = tuple[int, dict[str, list[dict[str, str]]]]


@pytest.fixture
def healthy(fresh_variables: dict[str, str], fresh_runtime: Runtime) -> CommandLine:
    """The command line over a database in order."""
    fresh_runtime.storage.upgrade()
    fresh_runtime.check_keys()
    Path(fresh_variables["NESTEGG_HOME"]).chmod(0o700)
    return CommandLine(fresh_variables)


def doctor(command_line: CommandLine, **broken: str) -> Told:
    """Return the exit code, and the findings by area."""
    result = CommandLine({**command_line.variables, **broken})("doctor", "--json")
    found: dict[str, list[dict[str, str]]] = {}
    for one in json.loads(result.stdout)["findings"]:
        found.setdefault(one["area"], []).append(one)
    return result.exit_code, found


def the_only(told: Told, area: str, level: str, code: int) -> str:
    """Return what the one finding of an area says, all of it."""
    exit_code, found = told
    assert exit_code == code, found
    [one] = [each for each in found[area] if each["level"] != "note"]
    assert one["level"] == level
    assert one["why"]
    assert one["fix"]
    return f"{one['what']} | {one['fix']}"


def test_nothing_is_wrong_with_what_is_in_order(healthy: CommandLine) -> None:
    code, found = doctor(healthy)
    shown = healthy("doctor")

    assert code == 0, found
    assert all(one["level"] == "note" for each in found.values() for one in each)
    assert "Looked at settings, plugins," in shown.stdout
    assert "NOTE backups: No backups are scheduled" in shown.stdout


def test_looking_makes_nothing(plain_nestegg: CommandLine) -> None:
    result = plain_nestegg("doctor")

    assert result.exit_code == 0
    assert "There is no database yet" in result.stdout
    assert not Path(plain_nestegg.variables["NESTEGG_HOME"]).exists()


def test_every_setting_that_refuses_the_start_is_told(healthy: CommandLine) -> None:
    code, found = doctor(healthy, ENVIRONMENT="production", LOG_LEVEL="loud", WEB_PORT="high")

    told = " ".join(one["what"] for one in found["settings"])
    assert code == 2
    for name in ("LOG_LEVEL", "WEB_PORT", "SECRET_KEY", "ALLOWED_HOSTS", "METRICS_PASSWORD"):
        assert name in told


def test_the_wrong_encryption_key_is_found(healthy: CommandLine) -> None:
    told = the_only(doctor(healthy, MASTER_ENCRYPTION_KEY="A" * 43 + "="), "keys", "error", 2)

    assert "MASTER_ENCRYPTION_KEY is not the key" in told
    assert "AAAA" not in told


def test_trusted_networks_are_mentioned(healthy: CommandLine) -> None:
    code, found = doctor(healthy, TRUSTED_NETWORKS="10.1.0.0/16")

    assert code == 0
    [one] = [each for each in found["decisions"] if "TRUSTED" in each["what"]]
    assert "10.1.0.0/16" in one["what"]


def test_metrics_for_everybody_are_found(healthy: CommandLine) -> None:
    told = the_only(doctor(healthy, METRICS_HOST="0.0.0.0"), "decisions", "warning", 1)  # noqa: S104 - never bound

    assert "METRICS_PASSWORD" in told


def test_secrets_that_others_can_read_are_found(healthy: CommandLine) -> None:
    secrets = Path(healthy.variables["NESTEGG_HOME"]) / "secrets"
    next(secrets.iterdir()).chmod(0o644)

    assert "chmod" in the_only(doctor(healthy), "disk", "error", 2)


@pytest.mark.parametrize("database_kind", ["sqlite"], indirect=True, scope="session")
def test_a_database_that_everybody_can_read_is_found(healthy: CommandLine) -> None:
    home = Path(healthy.variables["NESTEGG_HOME"])
    home.chmod(0o755)
    (home / "nestegg.sqlite3").chmod(0o644)

    assert "All users" in the_only(doctor(healthy), "disk", "warning", 1)


def test_a_disk_that_fills_up_is_found(tmp_path: Path) -> None:
    levels = [[one.level for one in room({"A": tmp_path}, little)] for little in (1, 10**20)]

    assert levels == [[], ["error"]]


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become another user")
@pytest.mark.parametrize("variable", ["NESTEGG_HOME", "BACKUP_DIR"])
def test_a_folder_of_another_user_is_named_with_its_owner(variable: str, locked: Path) -> None:
    inside, now = locked / "x", datetime.now(UTC)
    disk = Check("disk", lambda: chain(room({variable: inside}), disk_rights(inside, inside)))
    kept = Check("backups", lambda: backups(inside, "0 2 * * *", now, production=True))

    on_disk, of_backups = as_nobody(lambda: examine([disk, kept]))

    assert on_disk.diagnosis.what == (
        f"{variable} cannot be written to by this user: {locked} (it belongs to root)"
    )
    assert of_backups.diagnosis.what.startswith(f"Permission denied: {inside} (")
    assert "belongs to root" in of_backups.diagnosis.what
    assert "firewall" not in f"{on_disk}{of_backups}"


@pytest.fixture
def locked() -> Iterator[Path]:
    """A folder that only its owner may enter, in one that everybody may."""
    folder = Path(tempfile.mkdtemp(prefix="ne-", dir="/tmp"))
    yield folder
    folder.rmdir()


def as_nobody(look: Callable[[], Sequence[Found]]) -> Sequence[Found]:
    """Return what is found by a user of this machine who has no rights."""
    taken, given = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            os.setgroups([])
            os.setresgid(65534, 65534, 65534)
            os.setresuid(65534, 65534, 65534)
            os.write(given, pickle.dumps(look()))
        finally:
            os._exit(0)
    os.close(given)
    with os.fdopen(taken, "rb") as file:
        told = file.read()
    os.waitpid(child, 0)
    found: Sequence[Found] = pickle.loads(told)  # noqa: S301 - of our own child
    return found


def test_what_was_found_before_a_check_broke_is_told_too() -> None:
    good = Diagnosis("warning", "what", "why", "fix")

    def half() -> Iterator[Diagnosis]:
        yield good
        raise FileNotFoundError(2, "No such file or directory", "/nowhere")

    first, second = examine([Check("half", half)])

    assert first.diagnosis is good
    assert second.diagnosis.what == "No such file or directory: /nowhere (/ belongs to root)"


def test_backups_are_missed_when_there_is_none_and_when_it_is_old(
    healthy: CommandLine, tmp_path: Path
) -> None:
    folder = tmp_path / "kept"
    folder.mkdir(mode=0o700)
    none = doctor(healthy, BACKUP_DIR=str(folder))
    assert "no backup in BACKUP_DIR" in the_only(none, "backups", "warning", 1)

    CommandLine({**healthy.variables, "BACKUP_DIR": str(folder)})("backup", "create")
    unverified = doctor(healthy, BACKUP_DIR=str(folder))
    assert "No backup was ever verified" in the_only(unverified, "backups", "warning", 1)

    [new] = folder.iterdir()
    CommandLine(healthy.variables)("backup", "verify", str(new))
    assert doctor(healthy, BACKUP_DIR=str(folder))[0] == 0

    long_ago = datetime.now(UTC) - timedelta(days=3)
    new.rename(folder / f"nestegg-{long_ago:%Y%m%dT%H%M%SZ}.backup")
    code, found = doctor(healthy, BACKUP_DIR=str(folder))
    assert code == 2
    assert [one["level"] for one in found["backups"]] == ["error", "warning"]

    folder.chmod(0o755)
    assert "BACKUP_DIR" in the_only(doctor(healthy, BACKUP_DIR=str(folder)), "disk", "warning", 2)


def test_a_job_that_waits_too_long_is_found(healthy: CommandLine, fresh_runtime: Runtime) -> None:
    due = fresh_runtime.clock() - timedelta(hours=2)
    row = {"id": "old", "name": "retention", "queue": "default", "arguments": None}
    row["asked_by"] = "schedule"
    times = {"due_at": due, "created_at": due}
    with fresh_runtime.storage.system_transaction(write=True) as tx:
        tx.execute(
            insert(jobs), {**row, **times, "work_key": b"k" * 32, "state": "queued", "tries": 0}
        )

    assert "for 120 minutes" in the_only(doctor(healthy), "queue", "warning", 1)


def test_a_job_whose_last_run_failed_is_found(healthy: CommandLine, fresh_runtime: Runtime) -> None:
    row = {"queue": "default", "arguments": None, "asked_by": "schedule", "tries": 1}
    with fresh_runtime.storage.system_transaction(write=True) as tx:
        for name, states in {"retention": ("done", "failed"), "backup": ("failed", "done")}.items():
            for hour, state in enumerate(states):
                job_id = f"{name}-{hour}"
                ended = fresh_runtime.clock() - timedelta(hours=2 - hour)
                times = dict.fromkeys(("due_at", "created_at", "finished_at"), ended)
                what = {"id": job_id, "name": name, "work_key": job_id.encode().ljust(32)}
                tx.execute(insert(jobs), {**row, **times, **what, "state": state})

    told = the_only(doctor(healthy), "queue", "warning", 1)

    assert "retention failed" in told
    fix = re.search(r"nestegg (jobs list .*)$", told)
    assert fix
    assert "retention-1" in healthy(*fix[1].split()).stdout


def test_values_that_do_not_open_are_counted(healthy: CommandLine, fresh_runtime: Runtime) -> None:
    for address in ("ada@example.org", "bob@example.org"):
        fresh_runtime.users.register(address, "correct horse battery staple")
    swapped = select(func.min(users.c.email)).scalar_subquery()
    with fresh_runtime.storage.system_transaction(write=True) as tx:
        tx.execute(update(users).values(email=swapped))

    told = the_only(doctor(healthy), "keys", "error", 2)

    assert re.search(r"1 of \d+ encrypted values do not open", told)


def test_a_broken_plugin_is_named(healthy: CommandLine, install: Callable[[str], None]) -> None:
    install("import nothing_of_the_kind")

    told = the_only(doctor(healthy), "plugins", "warning", 1)

    assert "idp_acme failed" in told
    assert "nothing_of_the_kind" in told


def test_a_provider_that_cannot_be_reached_is_found(healthy: CommandLine) -> None:
    chain = {
        "IDENTITY_PROVIDER_CHAIN": "builtin,okta",
        "IDP_OKTA_ISSUER": f"http://127.0.0.1:{closed_port()}/oauth2/default",
        "IDP_OKTA_CLIENT_ID": "client",
        "OIDC_ALLOW_LOOPBACK_HTTP": "true",
    }

    told = the_only(doctor(healthy, **chain), "identity okta", "error", 2)

    assert "Provider okta: the request failed" in told


def test_a_provider_whose_discovery_is_of_another_issuer_is_found(healthy: CommandLine) -> None:
    with FakeIdentityProvider("https://another.okta.com/oauth2/default") as another:
        chain = {
            "IDENTITY_PROVIDER_CHAIN": "builtin,okta",
            "IDP_OKTA_ISSUER": another.url,
            "IDP_OKTA_CLIENT_ID": "client",
            "OIDC_ALLOW_LOOPBACK_HTTP": "true",
        }
        told = the_only(doctor(healthy, **chain), "identity okta", "error", 2)

    assert "for another issuer than the configured one" in told
    assert "correct its issuer" in told


def closed_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextmanager
def mail_server(greeting: bytes) -> Iterator[int]:
    """Answer one connection with a greeting, and every line after it with `250`."""
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def answer() -> None:
            connection, _ = listener.accept()
            with connection, connection.makefile("rwb") as file:
                file.write(greeting)
                file.flush()
                while line := file.readline():
                    file.write(
                        b"221 bye\r\n" if line.upper().startswith(b"QUIT") else b"250 ok\r\n"
                    )
                    file.flush()

        thread = Thread(target=answer, daemon=True)
        thread.start()
        yield listener.getsockname()[1]
        thread.join(timeout=10)


@pytest.mark.parametrize(
    ("greeting", "level"),
    [(b"220 mail.example.org ready\r\n", None), (b"554 nobody is served\r\n", "error")],
    ids=["good", "refusing"],
)
def test_the_mail_server_is_tried(healthy: CommandLine, greeting: bytes, level: str | None) -> None:
    with mail_server(greeting) as port:
        mail = {"SMTP_HOST": "127.0.0.1", "SMTP_PORT": str(port), "SMTP_SECURITY": "none"}
        told = doctor(healthy, **mail, MAIL_FROM="nestegg@example.org")

    if level is None:
        assert told[0] == 0, told[1]
    else:
        assert "SMTP_HOST" in the_only(told, "mail", level, 2)


@contextmanager
def redis_that_says(info: str) -> Iterator[str]:
    """Answer one connection as a Redis does: `INFO` with a text, all else with `OK`, but for
    `HELLO`, which the old ones do not know.
    """
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def answer() -> None:
            connection, _ = listener.accept()
            with connection, connection.makefile("rwb") as file:
                while head := file.readline():  # RESP: *<count>, then $<length> and a word each
                    words = [file.readline() and file.readline() for _ in range(int(head[1:]))]
                    known = {b"INFO": f"${len(info)}\r\n{info}\r\n", b"HELLO": "-ERR unknown\r\n"}
                    file.write(known.get(words[0].strip().upper(), "+OK\r\n").encode())
                    file.flush()

        thread = Thread(target=answer, daemon=True)
        thread.start()
        yield f"redis://127.0.0.1:{listener.getsockname()[1]}/0"
        thread.join(timeout=10)


@pytest.fixture(scope="module")
def redis() -> Iterator[RedisServer]:
    with running_redis() as server:
        yield server


class TestRedis:
    """What can be wrong with a real Redis."""

    def test_a_queue_without_workers_is_found(
        self, healthy: CommandLine, redis: RedisServer
    ) -> None:
        code, found = doctor(healthy, REDIS_URL=redis.url)

        assert code == 1, found
        assert [one["fix"] for one in found["queue"]] == [
            "nestegg worker --queues default",
            "nestegg worker --queues heavy",
        ]

    def test_one_that_may_drop_jobs_is_found(
        self, healthy: CommandLine, redis: RedisServer
    ) -> None:
        with redis.client() as client:
            client.config_set("maxmemory-policy", "allkeys-lru")
            told = doctor(healthy, REDIS_URL=redis.url)
            client.config_set("maxmemory-policy", "noeviction")

        assert "allkeys-lru" in the_only(told, "redis", "error", 2)

    def test_a_full_one_is_found(self, healthy: CommandLine, redis: RedisServer) -> None:
        with redis.client() as client:
            client.config_set("maxmemory", 1)
            told = doctor(healthy, REDIS_URL=redis.url)
            client.config_set("maxmemory", 0)

        assert "maxmemory" in the_only(
            (told[0], {"redis": told[1]["redis"]}), "redis", "warning", 1
        )

    def test_a_wrong_password_is_found_and_not_repeated(
        self, healthy: CommandLine, redis: RedisServer
    ) -> None:
        url = redis.url.replace("redis://", "redis://somebody:hush-hush@")
        told = the_only(doctor(healthy, REDIS_URL=url), "redis", "error", 2)

        assert "refuses the user or password" in told
        assert "hush" not in told

    def test_one_without_a_password_on_a_network_is_found(self, redis: RedisServer) -> None:
        guarded, open_to_all = (
            list(examine_redis(redis.url, "REDIS_URL", carries_jobs=True, guarded=guarded))
            for guarded in (True, False)
        )

        assert guarded == []
        [one] = open_to_all
        assert (one.level, one.what) == (
            "warning",
            "Redis is reached over a network without a password",
        )
        assert "requirepass" in one.fix
        assert "REDIS_URL" in one.fix

    @pytest.mark.parametrize(
        ("version", "level"),
        [("5.0.14", "error"), ("6.0.20", "warning"), ("6.2.0", None), ("7.4.1", None)],
    )
    def test_an_old_one_is_found(self, version: str, level: str | None) -> None:
        with redis_that_says(f"redis_version:{version}\r\n") as url:
            found = list(examine_redis(url, "REDIS_URL", carries_jobs=True, guarded=True))

        told = [(one.level, one.what) for one in found]
        assert told == ([(level, f"Redis is of version {version}")] if level else [])

    def test_one_that_is_away_is_found(self, healthy: CommandLine) -> None:
        url = f"redis://127.0.0.1:{closed_port()}/0"

        assert "does not answer" in the_only(doctor(healthy, REDIS_URL=url), "redis", "error", 2)


@pytest.mark.parametrize("database_kind", ["postgresql"], indirect=True, scope="session")
class TestPostgres:
    """What can be wrong with a real PostgreSQL."""

    def test_one_that_is_away_is_found(self, healthy: CommandLine) -> None:
        url = f"postgresql://nestegg_app:hush@127.0.0.1:{closed_port()}/nestegg"
        told = the_only(doctor(healthy, DATABASE_URL=url), "database", "error", 2)

        assert "does not answer" in told
        assert "hush" not in told

    def test_a_user_that_is_not_there_is_found(self, healthy: CommandLine) -> None:
        url = healthy.variables["DATABASE_URL"].replace("nestegg_app", "nobody_here")

        told = the_only(doctor(healthy, DATABASE_URL=url), "database", "error", 2)
        assert "refuses the user or password of DATABASE_URL" in told

    def test_a_database_that_is_not_there_is_found(self, healthy: CommandLine) -> None:
        url = make_url(healthy.variables["DATABASE_URL"]).set(database="no_role_like_this")
        told = the_only(doctor(healthy, DATABASE_URL=str(url)), "database", "error", 2)

        assert "has no database of the name in DATABASE_URL" in told

    def test_an_owner_who_is_not_there_is_found(self, healthy: CommandLine) -> None:
        url = make_url(healthy.variables["DATABASE_ADMIN_URL"]).set(username="nobody_here")
        told = the_only(doctor(healthy, DATABASE_ADMIN_URL=str(url)), "database", "error", 2)

        assert "refuses the user or password of DATABASE_ADMIN_URL" in told

    def test_clocks_that_differ_are_found(self, healthy: CommandLine, postgres: Postgres) -> None:
        """A function of the same name is asked for the moment, an hour behind."""
        name = make_url(healthy.variables["DATABASE_URL"]).database or ""
        postgres.execute(
            f"""
            CREATE SCHEMA elsewhen;
            GRANT USAGE ON SCHEMA elsewhen TO {APPLICATION};
            CREATE FUNCTION elsewhen.clock_timestamp() RETURNS timestamptz LANGUAGE sql
                AS $$SELECT pg_catalog.clock_timestamp() - interval '1 hour'$$;
            ALTER ROLE {APPLICATION} IN DATABASE {name}
                SET search_path = elsewhen, pg_catalog, public;
            """,
            database=name,
        )

        told = the_only(doctor(healthy), "database", "warning", 1)

        assert re.search(r"of the database differ by 3(599|60\d) seconds", told)
        assert "timedatectl" in told

    @pytest.mark.usefixtures("runtime")
    def test_a_schema_below_head_is_found(self, fresh_nestegg: CommandLine) -> None:
        told = the_only(doctor(fresh_nestegg), "database", "error", 2)

        assert "nestegg db upgrade" in told

    def test_a_newer_schema_is_found(self, healthy: CommandLine, postgres: Postgres) -> None:
        name = healthy.variables["DATABASE_ADMIN_URL"].rpartition("/")[2].partition("?")[0]
        postgres.execute("UPDATE alembic_version SET version_num = '9999'", database=name)

        code, found = doctor(healthy)

        assert code == 2
        assert "9999" in found["database"][0]["what"]
        assert "install that release, or restore a backup" in found["database"][0]["fix"]
        assert "db upgrade" not in str(found)

    def test_an_application_that_lacks_rights_is_found(
        self, healthy: CommandLine, postgres: Postgres
    ) -> None:
        name = make_url(healthy.variables["DATABASE_URL"]).database or ""
        postgres.execute(
            f"REVOKE ALL ON ALL TABLES IN SCHEMA public FROM {APPLICATION}", database=name
        )

        code, found = doctor(healthy)

        assert code == 2
        assert {one["fix"] for one in found["database"]} == {"nestegg db roles"}
        assert "firewall" not in str(found)

    def test_the_owner_as_the_application_is_found(self, healthy: CommandLine) -> None:
        owner = healthy.variables["DATABASE_ADMIN_URL"]

        told = the_only(doctor(healthy, DATABASE_URL=owner), "database", "warning", 1)

        assert "it owns" in told
        assert "nestegg db roles" in told

    def test_more_connections_than_the_server_takes_are_found(self, healthy: CommandLine) -> None:
        told = the_only(doctor(healthy, WEB_CONCURRENCY="50"), "database", "warning", 1)

        assert "1530 connections" in told

    def test_an_owner_who_cannot_verify_backups_is_found(
        self, healthy: CommandLine, postgres: Postgres
    ) -> None:
        postgres.execute(f"ALTER ROLE {OWNER} NOCREATEDB")
        try:
            told = the_only(doctor(healthy), "database", "warning", 1)
        finally:
            postgres.execute(f"ALTER ROLE {OWNER} CREATEDB")

        assert f'ALTER ROLE "{OWNER}" CREATEDB' in told

    def test_missing_programs_are_found(self, healthy: CommandLine, tmp_path: Path) -> None:
        told = the_only(doctor(healthy, PG_BIN=str(tmp_path)), "database", "warning", 1)

        assert "pg_dump is not in PG_BIN" in told


def test_a_check_that_hangs_or_breaks_hides_no_other() -> None:
    left, right = os.pipe()
    good = Diagnosis("warning", "what", "why", "fix")
    try:
        found = examine(
            [
                Check("hangs", lambda: [os.read(left, 1)]),  # type: ignore[list-item]  # never comes
                Check("breaks", lambda: [int("a secret")]),  # type: ignore[list-item]  # raises
                Check("works", lambda: [good]),
            ],
            seconds=0.5,
        )
    finally:
        os.close(right)

    assert [one.area for one in found] == ["hangs", "breaks", "works"]
    assert "did not come back" in found[0].diagnosis.what
    assert "ValueError in " in found[1].diagnosis.what
    assert "test_doctor.py:" in found[1].diagnosis.what
    assert "secret" not in str(found[1].diagnosis)
    assert "firewall" not in str(found[1].diagnosis)
    assert found[2].diagnosis is good
