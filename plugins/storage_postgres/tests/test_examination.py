"""`examine` tells of what is on the way to the database."""

from nestegg_storage_postgres.storage import PostgresStorage

from support.postgres import Postgres


def test_a_connection_without_tls_is_told_unless_nobody_else_is_on_the_way(
    storage: PostgresStorage, postgres: Postgres
) -> None:
    """The wheel's server has no TLS; here the socket that leads to it passes for a network."""
    on_a_network, private = (
        [one.what for one in storage.examine(processes=1, private=private)]
        for private in (False, True)
    )

    told = {"The connection to the database is not encrypted"}
    encrypted = postgres.superuser.query.get("sslmode") == "require"
    assert set(on_a_network) - set(private) == (set() if encrypted else told)
