"""`nestegg demo`: what `make run` shows."""

from typing import TYPE_CHECKING, Any

import click

from nestegg_core.cli.group import both
from nestegg_core.cli.serve import server_options, server_settings
from nestegg_core.settings import Environment

if TYPE_CHECKING:
    from nestegg_core.demo import DemoHousehold


@click.command(
    epilog="""\b
Examples:
  nestegg demo --port 9000
  nestegg demo --no-serve"""
)
@server_options
@click.option("--no-serve", is_flag=True, help="Fill the household and stop.")
def demo(no_serve: bool, **options: Any) -> None:
    """Fill a demo household with imported statements, and serve it.

    Running it again adds what has happened since. It is refused in production.
    """
    from nestegg_core.server.metrics_port import share_measurements

    share_measurements()
    from nestegg_core.cli.context import started
    from nestegg_core.demo import fill, refuse_production
    from nestegg_core.server.app import listen, run

    environment = Environment.read()
    settings, runtime = both(
        lambda: server_settings(environment, **options), lambda: started(environment)
    )
    refuse_production(runtime.settings)
    listener = None if no_serve else listen(settings.web_host, settings.web_port)
    try:
        runtime.storage.upgrade()
        runtime.check_keys()
        household = fill(runtime, runtime.clock().date(), click.echo)
    finally:
        runtime.storage.dispose()
    if listener is None:
        click.echo(f"Filled. Sign in as {household.email} with {household.password}.")
        return
    run(
        environment,
        runtime,
        settings,
        listener,
        lambda address: click.echo(welcome(address, household)),
    )


def welcome(address: str, household: "DemoHousehold") -> str:
    address = address.replace("://0.0.0.0:", "://127.0.0.1:").replace("://[::]:", "://[::1]:")
    api = f"{address}/api/v1"
    own = f"{api}/organizations/{household.org_id}"
    body = f'{{"email": "{household.email}", "password": "{household.password}"}}'
    bearer = '-H "Authorization: Bearer $TOKEN"'
    return f"""
Nest Egg serves on {address} (documentation: {address}/docs)
Sign in as {household.email} with the password {household.password}

Paste into another terminal: sign in, then read the balances and the newest transactions.

TOKEN=$(curl -sS {api}/auth/login -H 'Content-Type: application/json' -d '{body}' \
| sed 's/.*"access_token":"\\([^"]*\\)".*/\\1/')
curl -sS {bearer} -w '\\n' '{own}/accounts'
curl -sS {bearer} -w '\\n' '{own}/transactions?limit=5'

Ctrl-C stops the server.
"""
