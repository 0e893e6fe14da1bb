"""`nestegg scheduler`: asks for scheduled jobs when they are due."""

import click

from nestegg_core.cli.metrics import metrics_port_option, metrics_thread, tell_build
from nestegg_core.cli.small import import_structlog_alone
from nestegg_core.cli.worker import begun, log_level_option, wait_until_ready


@click.command(epilog="Example: nestegg scheduler --log-level info")
@log_level_option
@metrics_port_option("SCHEDULER_METRICS_PORT")
def scheduler(log_level: str | None, metrics_port: int | None) -> None:
    """Ask for scheduled jobs when they are due, until told to stop (SIGTERM, Ctrl-C).

    Schedules are in UTC. Several schedulers may run: each job is asked for once. Without Redis the
    jobs run here, one after the other.
    """
    import_structlog_alone()
    from nestegg_core.jobs.schedule import Schedule

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
