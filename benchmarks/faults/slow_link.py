"""A way to the database that can be slowed down: a proxy on loopback."""

import asyncio
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from benchmarks.servers import APPLICATION, Postgres

_CHUNK = 65_536


class SlowLink:
    """Passes on what clients send after `delay` seconds, and answers at once."""

    def __init__(self, socket_path: str) -> None:
        self._socket_path = socket_path
        self.delay = 0.0
        self.port = 0
        self._loop = asyncio.new_event_loop()
        self._ready = threading.Event()
        self._thread = threading.Thread(target=self._run, name="slow link")

    @property
    def url(self) -> str:
        """A URL whose `{}` stands for the database."""
        return f"postgresql://{APPLICATION}@127.0.0.1:{self.port}/{{}}?sslmode=disable"

    def start(self) -> None:
        """Listen."""
        self._thread.start()
        self._ready.wait()

    def stop(self) -> None:
        """Close every connection, and end."""
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()

    def _run(self) -> None:
        asyncio.set_event_loop(self._loop)
        server = self._loop.run_until_complete(
            asyncio.start_server(self._connected, "127.0.0.1", 0)
        )
        self.port = server.sockets[0].getsockname()[1]
        self._ready.set()
        self._loop.run_forever()
        server.close()
        tasks = asyncio.all_tasks(self._loop)
        for task in tasks:
            task.cancel()
        with suppress(asyncio.CancelledError):
            self._loop.run_until_complete(asyncio.gather(*tasks, return_exceptions=True))
        self._loop.close()

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        there, back = await asyncio.open_unix_connection(self._socket_path)
        await asyncio.gather(
            self._pass_on(reader, back, slow=True), self._pass_on(there, writer, slow=False)
        )

    async def _pass_on(
        self, source: asyncio.StreamReader, target: asyncio.StreamWriter, *, slow: bool
    ) -> None:
        try:
            while chunk := await source.read(_CHUNK):
                if slow and self.delay:
                    await asyncio.sleep(self.delay)
                target.write(chunk)
                await target.drain()
        except OSError:
            pass
        finally:
            target.close()


@contextmanager
def slow_link(postgres: Postgres) -> Iterator[SlowLink]:
    """Run a link to a server until the block ends."""
    folder = postgres.superuser.query["host"]
    link = SlowLink(f"{folder}/.s.PGSQL.5432")
    link.start()
    try:
        yield link
    finally:
        link.stop()
