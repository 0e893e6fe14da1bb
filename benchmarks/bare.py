"""The barest handler of the same page: Falcon, psycopg, one statement, one encoding.

No sign-in, no tenant, no row-level security, no validation: what is left is the floor that the
real endpoint is measured against.
"""

import os
from queue import SimpleQueue
from typing import Any

import falcon
import orjson
import psycopg
from psycopg.rows import dict_row

PAGE = """
    SELECT t.id, t.account_id, t.date, t.amount::text AS amount, a.currency, t.payee,
           t.description, t.category_id, t.status, t.external_id, t.import_id,
           t.notes IS NOT NULL AS has_notes, t.created_at, t.updated_at, t.version
    FROM transactions t JOIN accounts a ON a.org_id = t.org_id AND a.id = t.account_id
    WHERE t.org_id = %s ORDER BY t.date DESC, t.id DESC LIMIT 51
"""


class Page:
    """Answers the newest fifty transactions of one organization."""

    def __init__(self, url: str, org_id: str) -> None:
        self._url = url
        self._org_id = org_id
        self._idle: SimpleQueue[psycopg.Connection[dict[str, Any]]] = SimpleQueue()

    def on_get(self, _req: falcon.Request, resp: falcon.Response) -> None:
        """Read and encode."""
        connection = self._take()
        rows = connection.execute(PAGE, [self._org_id]).fetchall()
        self._idle.put(connection)
        resp.content_type = "application/json"
        resp.data = orjson.dumps({"items": rows[:50], "next": None})

    def _take(self) -> psycopg.Connection[dict[str, Any]]:
        if self._idle.empty():
            return psycopg.connect(self._url, autocommit=True, row_factory=dict_row)
        return self._idle.get()


def application() -> falcon.App[falcon.Request, falcon.Response]:
    """Return the application, from the variables that the benchmark sets."""
    app = falcon.App()
    app.add_route("/page", Page(os.environ["BARE_DATABASE_URL"], os.environ["BARE_ORG_ID"]))
    return app
