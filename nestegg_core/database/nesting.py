"""Which transactions this thread holds open, so that it never waits for itself.

A second write transaction would wait for the first: on SQLite until it gives up, elsewhere with a
second connection of the pool. Nothing but a mistake in the code opens one, so it is told at once.
"""

import threading


class _Held(threading.local):
    def __init__(self) -> None:
        self.readers: list[object] = []
        self.writers: list[object] = []


_held = _Held()


def enter(storage: object, *, write: bool) -> list[object]:
    """Note that this thread opens a transaction; `leave` takes what is returned.

    Raises:
        RuntimeError: it would write, and so does one that this thread has open.
    """
    if not write:
        _held.readers.append(storage)
        return _held.readers
    if any(one is storage for one in _held.writers):
        raise RuntimeError(
            "This thread has a write transaction open already, and would wait for itself. Hand "
            "that transaction on, or open the second one after it."
        )
    _held.writers.append(storage)
    return _held.writers


def leave(storage: object, held: list[object]) -> None:
    """Note that it is closed; `held` is the opener's list, also where another thread closes it."""
    held.remove(storage)


def refuse_inside_a_transaction(what: str) -> None:
    """Refuse what may take long, such as a call over the network, while rows may be locked.

    Raises:
        RuntimeError: this thread has a transaction open.
    """
    if _held.readers or _held.writers:
        raise RuntimeError(f"{what} must not be asked for while a transaction is open.")
