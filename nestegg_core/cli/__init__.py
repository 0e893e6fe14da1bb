"""`nestegg`, the command line: one file for each group of commands.

A command's own file imports what it needs inside the command, so that `nestegg --help` need not
wait for the database's libraries. Exit codes: 0 all is well, 1 something is wrong or was refused,
2 the command line or the configuration is not right.
"""

from nestegg_core.cli.commands.backup import backup
from nestegg_core.cli.commands.config import config
from nestegg_core.cli.commands.db import check, db
from nestegg_core.cli.commands.doctor import doctor
from nestegg_core.cli.commands.import_statement import import_statement
from nestegg_core.cli.commands.jobs import jobs
from nestegg_core.cli.commands.keys import keys
from nestegg_core.cli.commands.plugins import plugin, plugins
from nestegg_core.cli.commands.retention import retention
from nestegg_core.cli.commands.user import permissions, user
from nestegg_core.cli.demo import demo
from nestegg_core.cli.group import NestEgg
from nestegg_core.cli.serve import serve
from nestegg_core.cli.worker import scheduler, worker

__all__ = ["main"]

main = NestEgg(
    "nestegg",
    commands=[
        backup,
        check,
        config,
        db,
        demo,
        doctor,
        import_statement,
        jobs,
        keys,
        permissions,
        plugin,
        plugins,
        retention,
        scheduler,
        serve,
        user,
        worker,
    ],
)
"""The entry point of the distribution."""
