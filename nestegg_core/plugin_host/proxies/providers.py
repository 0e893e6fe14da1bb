"""Around encryption backends: what could not be read again is not stored."""

import re
import threading
import time
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

import orjson

from nestegg_core import foreign
from nestegg_core.contracts.encryption import EncryptionBackend
from nestegg_core.contracts.importers import (
    Question,
    RowProblem,
    Statement,
    StatementAccount,
    StatementFile,
    StatementImporter,
    StatementRow,
)
from nestegg_core.contracts.operations import HealthCheckRegistration, JobRegistration
from nestegg_core.contracts.retention import Expire, Hold, RetentionPolicy
from nestegg_core.contracts.routes import Route, RouteCall
from nestegg_core.contracts.storage import Finding, Transaction
from nestegg_core.errors import DecryptionError, NestEggError, PluginFault, StatementError
from nestegg_core.plugin_host.proxies.guard import Guard

_PAYLOAD = re.compile(rb"[!-9;-~]+")
"""ASCII that can be seen, without `:`: what fits into a token."""


@dataclass(frozen=True, slots=True)
class GuardedBackend:
    guard: Guard
    backend: EncryptionBackend

    def encrypt(self, plaintext: bytes, *, key: bytes, context: bytes) -> bytes:
        payload = self.guard.call(
            "encrypt", (), self.backend.encrypt, plaintext, key=key, context=context
        )
        if not (isinstance(payload, bytes) and _PAYLOAD.fullmatch(payload)):
            raise self.guard.fault("encrypt", "answered no ASCII bytes without `:`")
        return payload

    def decrypt(self, payload: bytes, *, key: bytes, context: bytes) -> bytes:
        plaintext = self.guard.call(
            "decrypt", (DecryptionError,), self.backend.decrypt, payload, key=key, context=context
        )
        if not isinstance(plaintext, bytes):
            raise self.guard.fault("decrypt", f"answered {type(plaintext).__name__}, not bytes")
        return plaintext


_UNFIT = re.compile("[\x00\ud800-\udfff]")
"""What no database takes: NUL and lone surrogates."""
_ROW_STATUSES = ("booked", "pending", "reverted")


@dataclass(frozen=True, slots=True)
class GuardedImporter:
    guard: Guard
    importer: StatementImporter

    def recognises(self, file: StatementFile) -> bool:
        return bool(self.guard.call("recognises", (), self.importer.recognises, file))

    def read(self, file: StatementFile, options: Mapping[str, str]) -> Statement:
        """Read the whole file, to its last row: rows may be made as they are looked at."""
        statement = self.guard.call("read", (StatementError,), self._read, file, options)
        if statement is None:
            raise self.guard.fault("read", "answered no Statement, or one with unfit rows")
        return statement

    def _read(self, file: StatementFile, options: Mapping[str, str]) -> Statement | None:
        read: object = foreign.call(self.importer.read, file, options)
        return read if isinstance(read, Statement) and _is_sound(read) else None


def _is_sound(statement: Statement) -> bool:
    accounts = statement.accounts
    keys = {one.key for one in accounts}
    return (
        isinstance(statement.decisions, Mapping)
        and all(isinstance(warning, str) for warning in statement.warnings)
        and isinstance(statement.currency, str | None)
        and _is_balance(statement.closing_balance)
        and all(isinstance(one, StatementAccount) and _is_account(one) for one in accounts)
        and len(keys) == len(accounts)
        and all(
            isinstance(one, Question) and _is_question(one, keys) for one in statement.questions
        )
        and all(isinstance(row, StatementRow) and _is_row(row, keys) for row in statement.rows)
    )


def _is_account(account: StatementAccount) -> bool:
    return (
        all(map(_is_text, (account.key, account.number, account.name)))
        and bool(account.key)
        and isinstance(account.currency, str | None)
        and _is_balance(account.opening_balance)
        and _is_balance(account.closing_balance)
    )


def _is_question(question: Question, accounts: Collection[str]) -> bool:
    texts = (question.decision, question.evidence, *question.choices, *question.choices.values())
    return (
        all(map(_is_text, texts))
        and all(isinstance(line, int) for line in question.lines)
        and question.account in {"", *accounts}
    )


def _is_row(row: StatementRow, accounts: Collection[str]) -> bool:
    """`date` and `amount` are set exactly where there are no problems.

    A good row belongs to one account: of several it names one.
    """
    texts = (row.payee, row.description, row.category, row.notes, row.external_id, row.account)
    if not (isinstance(row.line, int) and all(map(_is_text, texts))):
        return False
    if not isinstance(row.currency, str | None) or row.status not in _ROW_STATUSES:
        return False
    if row.account and row.account not in accounts:
        return False
    if row.problems:
        return all(isinstance(problem, RowProblem) for problem in row.problems)
    is_owned = bool(row.account) or len(accounts) <= 1
    return is_owned and _is_day(row.date) and _is_amount(row.amount)


def _is_balance(value: object) -> bool:
    return value is None or _is_amount(value)


def _is_text(value: object) -> bool:
    return isinstance(value, str) and not _UNFIT.search(value)


def _is_day(value: object) -> bool:
    return isinstance(value, date) and not isinstance(value, datetime)


def _is_amount(value: object) -> bool:
    return isinstance(value, Decimal) and value.is_finite()


@dataclass(frozen=True, slots=True)
class GuardedPolicy:
    """The engine judges whether an answer can be done."""

    guard: Guard
    policy: RetentionPolicy

    def decide(self, org_id: UUID, today: date) -> Sequence[Expire | Hold]:
        decisions = self.guard.call("decide", (), self.policy.decide, org_id, today)
        if not isinstance(decisions, Sequence):
            raise self.guard.fault("decide", f"answered {type(decisions).__name__}, no sequence")
        return decisions


def guarded_job(guard: Guard, name: str, job: JobRegistration) -> JobRegistration:
    """Return the job under a name, raising `PluginFault` in place of what is not Nest Egg's."""

    def run(arguments: Mapping[str, Any]) -> None:
        guard.call(f"job {job.name}", (NestEggError,), job.run, arguments)

    return replace(job, name=name, run=run)


Scope = Callable[[Transaction, Callable[[str], Exception]], Transaction]
"""Makes a transaction refuse, with that error, what is not scoped to its organization."""


def guarded_route(guard: Guard, route: Route, scope: Scope) -> Route:
    """Return the route with a handler that answers in JSON values, held to `response_model`.

    The handler may raise what the framework knows, such as `NotFound`; it raises `PluginFault` in
    place of everything else, and the transaction of the call is rolled back.
    """
    return replace(route, handler=_Handler(guard, route, scope))


@dataclass(frozen=True, slots=True)
class _Handler:
    guard: Guard
    route: Route
    scope: Scope

    def __call__(self, call: RouteCall) -> Any:
        name = f"{self.route.method} {self.route.path}"
        scoped = self.scope(call.transaction, lambda what: self.guard.fault(name, what))
        call = replace(call, transaction=scoped)
        content = self.guard.call(name, (NestEggError,), self.route.handler, call)
        answer = self.guard.call(name, (), self._as_declared, content)
        if not isinstance(answer, dict):
            raise self.guard.fault(name, "answered no JSON object")
        return answer

    def _as_declared(self, content: Any) -> Any:
        answer = self.route.response_model.model_validate(content).model_dump(mode="json")
        orjson.dumps(answer)  # what cannot be written out is the plugin's fault, and not the core's
        return answer


SECONDS = 1.0
"""How long a check may take."""


MAX_TOLD = 200
"""Characters of what a check tells."""


class BoundedCheck:
    """Runs one check in a thread of its own, and waits a second for it.

    Code cannot be interrupted safely from outside, so a check that hangs keeps its thread; no
    second one is begun meanwhile.
    """

    def __init__(self, guard: Guard, registration: HealthCheckRegistration) -> None:
        self.name = registration.name
        self.essential = registration.essential
        self._guard = guard
        self._registration = registration
        self._lock = threading.Lock()
        self._run: _Run | None = None

    def begin(self) -> None:
        with self._lock:
            if self._run is None or self._run.done.is_set():
                self._run = _Run(self._findings)

    def outcome(self, deadline: float) -> str:
        """Return `ok`, or what is wrong, by a deadline in seconds of `time.monotonic`."""
        run = self._run
        if run is None:
            raise LookupError("begin the check first")
        if not run.done.wait(max(0.0, deadline - time.monotonic())):
            self._guard.fault("check", f"took more than {SECONDS:g} s")
            return "timed out"
        return run.outcome

    def _findings(self) -> str:
        shown = self._guard.call("check", (), self._shown)
        if shown is None:
            raise self._guard.fault("check", "answered no list of Finding")
        return shown

    def _shown(self) -> str | None:
        found = foreign.call(self._registration.check)
        if isinstance(found, Sequence) and all(isinstance(one, Finding) for one in found):
            shown = "; ".join(str(one.what) for one in found) or "ok"
            shown.encode()  # a lone surrogate could not be answered
            return _one_line(shown)
        return None


def _one_line(text: str) -> str:
    """Everybody may read it, and in a terminal: no more than a line, and nothing that moves it."""
    line = " ".join("".join(one if one.isprintable() else " " for one in text).split())
    return line if len(line) <= MAX_TOLD else line[: MAX_TOLD - 1] + "…"


class _Run:
    def __init__(self, findings: Callable[[], str]) -> None:
        self.done = threading.Event()
        self.outcome = "failed"
        self._findings = findings
        threading.Thread(target=self._target, name="health check", daemon=True).start()

    def _target(self) -> None:
        try:
            self.outcome = self._findings()
        except PluginFault as fault:  # recorded where it was raised
            if fault.__cause__ is not None:
                self.outcome = f"failed: {type(fault.__cause__).__name__}"
        finally:
            self.done.set()
