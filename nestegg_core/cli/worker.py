"""`nestegg worker`: processes that do jobs."""

import signal
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, NoReturn

import click

from nestegg_core.cli.context import import_structlog_alone

if TYPE_CHECKING:
    from types import FrameType

    from nestegg_core.application import Background
    from nestegg_core.jobs.rq_queue import RedisQueue
    from nestegg_core.server.metrics_port import MetricsProcess
    from nestegg_core.settings import Environment, Settings


def metrics_port_option(variable: str) -> Callable[[Any], Any]:
    return click.option(
        "--metrics-port",
        type=click.IntRange(0, 65535),
        help=f"Port of the metrics; 0 for none. [default: {variable}]",
    )


_LEVELS = ("debug", "info", "warning", "error", "critical")
_PAUSE = 2.0

log_level_option = click.option(
    "--log-level",
    "--loglevel",
    "-l",
    type=click.Choice(_LEVELS, case_sensitive=False),
    help="Least level logged. [default: LOG_LEVEL, or info]",
)


@click.command(
    epilog="""\b
Examples:
  nestegg worker
  nestegg worker -Q heavy --concurrency 2 --log-level info"""
)
@click.option(
    "--queues",
    "-Q",
    default="default,heavy",
    show_default=True,
    help="Queues to work at, with commas between.",
)
@click.option(
    "--concurrency",
    "-c",
    type=click.IntRange(min=1),
    default=2,
    show_default=True,
    help="Processes, dealt out to the queues in turn; each queue gets one at least.",
)
@log_level_option
@click.option(
    "--grace",
    type=click.FloatRange(min=0),
    default=25.0,
    show_default=True,
    help="Seconds that running jobs may take when the worker is told to stop.",
)
@click.option("--burst", is_flag=True, help="Stop when the queues are empty.")
@metrics_port_option("WORKER_METRICS_PORT")
def worker(
    *,
    queues: str,
    concurrency: int,
    log_level: str | None,
    grace: float,
    burst: bool,
    metrics_port: int | None,
) -> None:
    """Do jobs until told to stop (SIGTERM, Ctrl-C). Needs Redis.

    A running job is finished first, for as long as --grace says. What is not done by then is done
    by another worker, or by this one when it is started again.
    """
    import_structlog_alone()
    import structlog

    from nestegg_core.server.metrics_port import metrics_process, share_measurements

    share_measurements()

    from nestegg_core.jobs.rq_worker import Pool, shares
    from nestegg_core.server.forking import freeze, may_cross_a_fork

    names = _queues(queues)
    environment, runtime = begun(log_level, WORKER_METRICS_PORT=metrics_port)
    metrics = metrics_process(environment, runtime, "WORKER_METRICS_PORT")
    queue = _safe_queue(runtime)
    wait_until_ready(runtime)
    # Nothing that is connected crosses the fork.
    queue.redis.close()
    runtime.storage.dispose()
    shared = runtime if may_cross_a_fork() else None
    freeze()
    work = _work(environment, shared, queue.url, metrics)
    wanted = shares(names, concurrency)
    log = structlog.get_logger("nestegg.worker")
    log.info("worker waits for jobs", queues=",".join(wanted), processes=sum(wanted.values()))
    look_after = metrics.look_after if metrics is not None else None
    pool = Pool(queue.url, wanted, work, grace, look_after)
    try:
        pool.start(burst=burst, logging_level="WARNING")
    finally:
        if metrics is not None:
            metrics.stop()


def _queues(text: str) -> list[str]:
    from nestegg_core.jobs.model import TIME_LIMITS

    names = list(dict.fromkeys(filter(None, map(str.strip, text.split(",")))))
    if not names or not set(names) <= set(TIME_LIMITS):
        raise click.UsageError(f"--queues takes some of: {', '.join(TIME_LIMITS)}.")
    return names


def _work(
    environment: "Environment",
    shared: "Background | None",
    url: str,
    metrics: "MetricsProcess | None",
) -> Callable[[str, str, bool, Callable[[], bool]], None]:
    def work(queue: str, name: str, burst: bool, stopped: Callable[[], bool]) -> None:
        from nestegg_core.application import start_background
        from nestegg_core.jobs.rq_worker import serve
        from nestegg_core.server.metrics_port import tell_build

        if metrics is not None:
            metrics.leave()
        runtime = shared or start_background(environment)
        tell_build(runtime)
        runtime.backups.measure(runtime.settings.backup_dir)
        try:
            serve(runtime.jobs, url, queue, name=name, burst=burst, stopped=stopped)
        finally:
            runtime.storage.dispose()

    return work


def begun(log_level: str | None, **ports: int | None) -> "tuple[Environment, Background]":
    """Read the settings, with the options of the command line before them.

    From here on, until pool or schedule take it over, SIGTERM ends the process in order: as the
    first one of a container it would not even notice otherwise.
    """
    from nestegg_core.cli.context import started_background
    from nestegg_core.settings import Environment

    signal.signal(signal.SIGTERM, _end)
    environment = Environment.read()
    if log_level is not None:
        environment.give("LOG_LEVEL", log_level.upper())
    for variable, port in ports.items():
        if port is not None:
            environment.give(variable, str(port))
    return environment, started_background(environment)


def _end(_signum: int, _frame: "FrameType | None") -> NoReturn:
    raise SystemExit(0)


def wait_until_ready(runtime: "Background") -> None:
    """Migrate a storage that does so by itself, or wait until somebody has."""
    import structlog

    from nestegg_core.database.migrator import head, way_to_head
    from nestegg_core.errors import StorageUnavailable, told

    log = structlog.get_logger("nestegg.start")
    if runtime.migrates_itself:
        runtime.storage.upgrade()
    while True:
        try:
            current = runtime.storage.current_revision()
            if current == head():
                break
            log.warning("waits for the migrations", current=current, fix=way_to_head(current))
        except StorageUnavailable as error:
            log.warning("waits for the database", why=told(error))
        time.sleep(_PAUSE)
    runtime.check_keys()


def _safe_queue(runtime: "Background") -> "RedisQueue":
    """Return the queue once Redis answers; ConfigurationError if it may drop jobs or refuses us."""
    import structlog

    from nestegg_core.errors import ConfigurationError, Problem
    from nestegg_core.jobs.rq_queue import RedisError, RedisRefuses

    name, queue = _variable(runtime.settings), runtime.jobs.queue
    if queue is None:
        fix = "set it to the URL of a Redis; without one, jobs run in the process that asks"
        raise ConfigurationError([Problem(name, "is not set, and workers need it", fix)])
    while True:
        try:
            evicts = queue.eviction()
        except RedisRefuses:
            fix = "write redis://user:password@host:6379/0 with what Redis knows"
            raise ConfigurationError(
                [Problem(name, "has a user or password that Redis refuses", fix)]
            ) from None
        except RedisError as error:
            log = structlog.get_logger("nestegg.worker")
            log.warning("waits for Redis", error=type(error).__name__)
            time.sleep(_PAUSE)
        else:
            break
    if evicts is not None:
        what = f"names a Redis that may drop jobs: its maxmemory-policy is {evicts}"
        fix = (
            "set `maxmemory-policy noeviction` in redis.conf (at once: redis-cli CONFIG SET "
            "maxmemory-policy noeviction), or give the queue a Redis of its own in QUEUE_REDIS_URL"
        )
        raise ConfigurationError([Problem(name, what, fix)])
    return queue


def _variable(settings: "Settings") -> str:
    own = settings.queue_redis_url != settings.redis_url
    return "QUEUE_REDIS_URL" if own else "REDIS_URL"


@click.command(epilog="Example: nestegg scheduler --log-level info")
@log_level_option
@metrics_port_option("SCHEDULER_METRICS_PORT")
def scheduler(log_level: str | None, metrics_port: int | None) -> None:
    """Ask for scheduled jobs when they are due, until told to stop (SIGTERM, Ctrl-C).

    Schedules are in UTC. Several schedulers may run: each job is asked for once. Without Redis the
    jobs run here, one after the other.
    """
    import_structlog_alone()
    from nestegg_core.jobs.scheduler import Schedule
    from nestegg_core.server.metrics_port import metrics_thread, tell_build

    _, runtime = begun(log_level, SCHEDULER_METRICS_PORT=metrics_port)
    metrics = metrics_thread(runtime, "SCHEDULER_METRICS_PORT")
    tell_build(runtime)
    runtime.backups.measure(runtime.settings.backup_dir)
    try:
        wait_until_ready(runtime)
        Schedule(runtime.jobs.registered(), runtime.jobs.enqueue_tick).run()
    finally:
        runtime.storage.dispose()
        if metrics is not None:
            metrics.shutdown()
            metrics.server_close()
