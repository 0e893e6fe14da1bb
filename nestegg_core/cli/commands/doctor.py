"""`nestegg doctor`: everything that can be wrong, tried for real."""

import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, suppress
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING

import click

from nestegg_core.cli.group import counted, json_option, print_json
from nestegg_core.cli.inspection import discover, doubts_of, load_both
from nestegg_core.errors import ConfigurationError, Problem
from nestegg_core.server.listening import ServerSettings
from nestegg_core.settings import Environment, Settings

if TYPE_CHECKING:
    from nestegg_core.application import Runtime
    from nestegg_core.contracts.operations import Diagnosis
    from nestegg_core.doctor.run import Check, Found

EXIT = {"error": 2, "warning": 1, "note": 0}
"""Exit codes by the worst that was found."""

_SCHEDULER = 1
_VALUES_SECONDS = 5.0
"""For opening stored values: `nestegg keys verify` opens all of them, however many there are."""


@click.command(
    epilog="""\b
Examples:
  nestegg doctor
  nestegg doctor --json"""
)
@json_option
@click.pass_context
def doctor(ctx: click.Context, as_json: bool) -> None:
    """Look for what is wrong, and tell for each finding why it matters and what mends it.

    Settings, database, Redis, queue, encryption keys, identity providers, disk, backups, plugins
    and mail are tried for real, within 15 seconds. Nothing is changed. The exit code is 0 when
    all is well, 1 for warnings, 2 for errors.
    """
    from nestegg_core.doctor.run import examine

    with ExitStack() as stack:
        checks = _checks(Environment.read(), stack)
        found = examine(checks)
    if as_json:
        _print_json(checks, found)
    else:
        _print(checks, found)
    ctx.exit(max((EXIT[one.diagnosis.level] for one in found), default=0))


def _checks(environment: Environment, stack: ExitStack) -> "Sequence[Check]":
    """Return every check that can be done with these settings; the stack closes connections."""
    from nestegg_core.doctor import configuration, disk
    from nestegg_core.doctor.run import Check

    host = discover(environment)
    settings, problems = load_both(host, environment)
    server, wrong = _server(environment)
    problems = (*problems, *wrong)
    statuses = host.statuses(settings, environment)
    doubtful = doubts_of(environment, host)
    home = environment.home
    checks = [
        Check(
            "settings",
            lambda: chain(configuration.refused(problems), configuration.doubtful(doubtful)),
        ),
        Check("plugins", lambda: configuration.plugins(statuses, host.misspelt())),
    ]
    if settings is None:
        return [*checks, Check("disk", lambda: disk.room({"NESTEGG_HOME": home}))]
    checks += _local(settings)
    with suppress(ConfigurationError):  # told by `load_both`
        runtime = _built(environment, settings)
        stack.callback(runtime.storage.dispose)
        checks += _remote(runtime, server.web_concurrency if server else 1)
    return checks


def _server(environment: Environment) -> tuple[ServerSettings | None, Sequence[Problem]]:
    try:
        return environment.preview(ServerSettings), ()
    except ConfigurationError as error:
        return None, error.problems


def _built(environment: Environment, settings: Settings) -> "Runtime":
    from nestegg_core.application import build

    return build(settings, discover(environment).select(settings, environment))


def _local(settings: Settings) -> "Iterator[Check]":
    """Yield the checks of this machine."""
    from datetime import UTC, datetime

    from nestegg_core.doctor import backups, configuration, disk
    from nestegg_core.doctor.run import Check
    from nestegg_core.settings.urls import is_loopback

    production = settings.environment == "production"
    folder, home = settings.backup_dir, settings.nestegg_home
    folders = {"NESTEGG_HOME": home, **({"BACKUP_DIR": folder} if folder else {})}
    default = Settings.model_fields["metrics_password"].default
    open_metrics = (
        settings.metrics_port != 0
        and settings.metrics_password == default
        and not is_loopback(settings.metrics_host)
    )
    yield Check(
        "decisions",
        lambda: configuration.decisions(
            production=production, trusted=settings.trusted_networks, open_metrics=open_metrics
        ),
    )
    yield Check("disk", lambda: chain(disk.room(folders), disk.rights(home, folder)))
    now, schedule = datetime.now(UTC), settings.backup_schedule
    yield Check("backups", lambda: backups.backups(folder, schedule, now, production=production))


def _remote(runtime: "Runtime", web_processes: int) -> "Iterator[Check]":
    """Yield the checks that connect somewhere."""
    from nestegg_core.doctor import database, mail, queue
    from nestegg_core.doctor.run import Check
    from nestegg_core.settings.urls import parse, stays_private

    settings, storage = runtime.settings, runtime.storage
    yield from _redis(settings)
    for name, provider in runtime.chain.examined():
        yield Check(f"identity {name}", provider.examine)
    if runtime.mailer is not None:
        yield Check("mail", lambda: mail.mail(runtime.mailer))
    if not _is_made(settings):
        yield Check("database", database.not_made)
        return
    url = runtime.jobs.queue.url if runtime.jobs.queue else None
    yield Check(
        "database",
        lambda: database.database(
            storage,
            migrates_itself=runtime.migrates_itself,
            processes=web_processes + _SCHEDULER + _workers(url),
            private=stays_private(
                parse(settings.database_url.get_secret_value()), settings.trusted_networks
            ),
            production=settings.environment == "production",
        ),
    )
    yield Check("keys", lambda: _key_findings(runtime))
    yield Check(
        "queue", lambda: queue.queue(url, storage, runtime.clock()) if _ready(runtime) else []
    )


def _redis(settings: Settings) -> "Iterator[Check]":
    from functools import partial

    from nestegg_core.doctor.queue import redis
    from nestegg_core.doctor.run import Check
    from nestegg_core.settings.urls import parse, stays_private

    urls = {"REDIS_URL": settings.redis_url}
    if settings.queue_redis_url != settings.redis_url:
        urls["QUEUE_REDIS_URL"] = settings.queue_redis_url
    for variable, secret in urls.items():
        if secret is None:
            continue
        url = secret.get_secret_value()
        parsed = parse(url)
        password = parsed.password or parsed.query.get("password")
        look = partial(
            redis,
            url,
            variable,
            carries_jobs=secret == settings.queue_redis_url,
            guarded=bool(password) or stays_private(parsed, settings.trusted_networks),
        )
        yield Check("redis" if variable == "REDIS_URL" else "queue redis", look)


def _is_made(settings: Settings) -> bool:
    """Whether there is a database to connect to: a file would be made by looking for it."""
    from nestegg_core.settings.urls import parse

    url = parse(settings.database_url.get_secret_value())
    return url.get_backend_name() != "sqlite" or Path(url.database or "").exists()


def _ready(runtime: "Runtime") -> bool:
    """Whether the tables are there; if not, the check of the database tells."""
    from nestegg_core.database import head
    from nestegg_core.errors import StorageUnavailable

    try:
        return runtime.storage.current_revision() == head()
    except StorageUnavailable:
        return False


def _key_findings(runtime: "Runtime") -> "Iterator[Diagnosis]":
    from nestegg_core.doctor import configuration

    if not _ready(runtime):
        return
    unfit = runtime.check_keys.look()
    yield from configuration.keys(unfit)
    if not unfit:  # with a wrong key nothing opens, which says nothing about the values
        yield from _damaged_values(runtime)


def _damaged_values(runtime: "Runtime") -> "Iterator[Diagnosis]":
    from nestegg_core.doctor import configuration
    from nestegg_core.encryption.usage import verify

    until = time.monotonic() + _VALUES_SECONDS
    found = verify(runtime.keys, enough=lambda: time.monotonic() > until)
    yield from configuration.values(len(found.failures), found.checked)


def _workers(url: str | None) -> int:
    from redis.exceptions import RedisError

    from nestegg_core.doctor.queue import workers

    try:
        return len(workers(url)) if url else 0
    except RedisError:  # the check of Redis tells
        return 0


def _print_json(checks: "Sequence[Check]", found: "Sequence[Found]") -> None:
    print_json(
        {
            "checked": [check.area for check in checks],
            "findings": [
                {
                    "area": one.area,
                    "level": one.diagnosis.level,
                    "what": one.diagnosis.what,
                    "why": one.diagnosis.why,
                    "fix": one.diagnosis.fix,
                }
                for one in found
            ],
        }
    )


def _print(checks: "Sequence[Check]", found: "Sequence[Found]") -> None:
    for one in sorted(found, key=lambda one: -EXIT[one.diagnosis.level]):
        told = one.diagnosis
        click.echo(f"{told.level.upper()} {one.area}: {told.what}")
        click.echo(f"  Why: {told.why}\n  Fix: {told.fix}\n")
    levels = Counter[str](one.diagnosis.level for one in found)
    sums = ", ".join(counted(levels[level], level) for level in EXIT if levels[level])
    click.echo(f"Looked at {', '.join(check.area for check in checks)}.")
    click.echo(f"Found {sums}." if found else "Everything is in order.")
