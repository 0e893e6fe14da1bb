"""What a plugin may answer passes; everything else is a fault, recorded once."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from types import SimpleNamespace
from typing import Any
from uuid import UUID

import pytest

from nestegg_core.contracts.identity import Identity, Invalid, NotMine, Unavailable, Valid
from nestegg_core.contracts.importers import (
    Question,
    RowProblem,
    Statement,
    StatementAccount,
    StatementFile,
    StatementRow,
)
from nestegg_core.errors import (
    ConfigurationError,
    DecryptionError,
    NotFound,
    PluginFault,
    StatementError,
)
from nestegg_core.plugin_host.proxies import Guard
from nestegg_core.plugin_host.proxies.identity import GuardedProvider
from nestegg_core.plugin_host.proxies.providers import GuardedBackend, GuardedImporter

ISSUER = "https://id.example"
NOW = datetime(2026, 1, 1, tzinfo=UTC)
IDENTITY = Identity("acme", ISSUER, "u1", datetime(2030, 1, 1, tzinfo=UTC))
ROW = StatementRow(1, date(2026, 1, 31), Decimal("-2.50"))
FILE = StatementFile(b"x")


def raising(error: BaseException) -> Any:
    def call(*_: Any, **__: Any) -> Any:
        raise error

    return call


def answering(value: Any) -> Any:
    return lambda *_, **__: value


@pytest.mark.parametrize("error", [ValueError(), SystemExit(3), NotFound(), RecursionError()])
def test_whatever_a_call_must_not_raise_is_a_fault(
    guard: Guard, recorded: Any, error: BaseException
) -> None:
    with pytest.raises(PluginFault, match="plugin 'acme': call raised") as caught:
        guard.call("call", (StatementError,), raising(error))
    assert recorded.faults == [("call", caught.value)]
    assert caught.value.__cause__ is error


@pytest.mark.parametrize("error", [KeyboardInterrupt(), StatementError("code", "why")])
def test_what_is_allowed_and_what_stops_the_process_passes(
    guard: Guard, recorded: Any, error: BaseException
) -> None:
    with pytest.raises(type(error)):
        guard.call("call", (StatementError,), raising(error))
    assert recorded.faults == []


def provider(guard: Guard, authenticate: Any, issuers: Any = (ISSUER,)) -> GuardedProvider:
    return GuardedProvider(
        guard,
        SimpleNamespace(issuers=issuers, authenticate=authenticate),
        name="acme",
        clock=lambda: NOW,
    )


@pytest.mark.parametrize(
    "verdict", [NotMine(), Invalid("expired"), Unavailable("no keys"), Valid(IDENTITY)]
)
def test_a_verdict_passes(guard: Guard, verdict: Any) -> None:
    assert provider(guard, answering(verdict)).authenticate("token") is verdict


@pytest.mark.parametrize(
    "answer",
    [
        None,
        True,
        "valid",
        Valid,
        Valid({"sub": "u1"}),  # type: ignore[arg-type]  # that is the fault
        Invalid(None),  # type: ignore[arg-type]  # that is the fault
        Valid(replace(IDENTITY, issuer="https://elsewhere.example")),
        Valid(replace(IDENTITY, subject="")),
        Valid(replace(IDENTITY, expires_at=datetime(2030, 1, 1))),  # noqa: DTZ001 - the fault
        Valid(replace(IDENTITY, is_admin="no")),  # type: ignore[arg-type]  # that is the fault
        Valid(replace(IDENTITY, may_provision=1)),  # type: ignore[arg-type]  # that is the fault
        Valid(replace(IDENTITY, may_link="no")),  # type: ignore[arg-type]  # that is the fault
        Valid(replace(IDENTITY, email=7)),  # type: ignore[arg-type]  # that is the fault
        Valid(replace(IDENTITY, provider="builtin")),
        Valid(replace(IDENTITY, authenticated_at=datetime(2025, 1, 1))),  # noqa: DTZ001 - the fault
        Valid(replace(IDENTITY, subject="u\ud800")),
        Valid(replace(IDENTITY, subject="u\0")),
        Valid(replace(IDENTITY, subject="u" * 256)),
        Valid(replace(IDENTITY, email="a@" + "x" * 100_000)),
        Valid(replace(IDENTITY, name="\udfff")),
        Valid(replace(IDENTITY, groups=None)),  # type: ignore[arg-type]  # that is the fault
        Valid(replace(IDENTITY, groups=["a"])),  # type: ignore[arg-type]  # that is the fault
        Valid(replace(IDENTITY, groups="ab")),  # type: ignore[arg-type]  # that is the fault
        Valid(replace(IDENTITY, groups=frozenset({1}))),  # type: ignore[arg-type]  # the fault
        Valid(replace(IDENTITY, groups=frozenset({"a\0"}))),
        Valid(replace(IDENTITY, groups=frozenset(map(str, range(10_001))))),
        Valid(replace(IDENTITY, session_id="nonsense")),  # type: ignore[arg-type]  # the fault
        Valid(replace(IDENTITY, session_id=UUID(int=1))),
        Invalid("\ud800"),
        Invalid("x" * 501),
    ],
)
def test_what_is_no_verdict_lets_nobody_in(guard: Guard, answer: Any) -> None:
    with pytest.raises(PluginFault, match="authenticate answered no verdict"):
        provider(guard, answering(answer)).authenticate("token")


@pytest.mark.parametrize("late", [timedelta(), timedelta(days=9000)])
def test_an_identity_that_has_expired_is_refused(
    guard: Guard, recorded: Any, late: timedelta
) -> None:
    verdict = Valid(replace(IDENTITY, expires_at=NOW - late))
    assert provider(guard, answering(verdict)).authenticate("t") == Invalid("the token has expired")
    assert recorded.faults == []


def test_an_identity_is_the_cores_own_value_afterwards(guard: Guard) -> None:
    groups = {"family"}

    class Sly(Identity):
        pass

    said = Sly("acme", ISSUER, "u1", IDENTITY.expires_at, email="", groups=groups)  # type: ignore[arg-type]
    verdict = provider(guard, answering(Valid(said))).authenticate("t")
    groups.add("chiefs")
    assert verdict == Valid(replace(IDENTITY, groups=frozenset({"family"})))


@pytest.mark.parametrize("issuers", [None, (), ISSUER, [ISSUER], (7,), ("",)])
def test_issuers_that_are_none_refuse_the_start(guard: Guard, issuers: Any) -> None:
    with pytest.raises(ConfigurationError, match="`issuers` must be a tuple") as caught:
        provider(guard, answering(NotMine()), issuers)
    assert "acme-nestegg 1.2" in caught.value.problems[0].where


def test_issuers_that_raise_refuse_the_start(guard: Guard) -> None:
    class Broken:
        @property
        def issuers(self) -> tuple[str, ...]:
            raise KeyError("secret")

        authenticate = answering(NotMine())

    with pytest.raises(ConfigurationError, match="`issuers` raised KeyError") as caught:
        GuardedProvider(guard, Broken(), name="acme", clock=lambda: NOW)
    assert "secret" not in str(caught.value)


def backend(guard: Guard, **calls: Any) -> GuardedBackend:
    return GuardedBackend(guard, SimpleNamespace(**calls))


@pytest.mark.parametrize("payload", [None, "text", b"", b"a:b", b"a b", b"a\n", b"\xff"])
def test_a_payload_that_could_not_be_read_again_is_not_stored(guard: Guard, payload: Any) -> None:
    with pytest.raises(PluginFault, match="encrypt answered"):
        backend(guard, encrypt=answering(payload)).encrypt(b"x", key=b"k", context=b"c")


def test_what_opens_to_no_bytes_is_a_fault_and_what_does_not_open_is_none(guard: Guard) -> None:
    with pytest.raises(PluginFault, match="decrypt answered str, not bytes"):
        backend(guard, decrypt=answering("x")).decrypt(b"x", key=b"k", context=b"c")
    with pytest.raises(DecryptionError):
        backend(guard, decrypt=raising(DecryptionError("altered"))).decrypt(
            b"x", key=b"k", context=b"c"
        )


def importer(guard: Guard, statement: Any) -> GuardedImporter:
    return GuardedImporter(guard, SimpleNamespace(read=answering(statement)))


def test_a_statement_passes(guard: Guard) -> None:
    bad = StatementRow(2, problems=(RowProblem("bad_date", "is no date"),))
    statement = Statement({"date": "iso"}, [ROW, bad], ["look"], "EUR", Decimal(7))
    assert importer(guard, statement).read(FILE, {}) is statement


def test_a_statement_of_several_accounts_passes(guard: Guard) -> None:
    rows = [replace(ROW, account="a", currency="EUR", status="pending"), replace(ROW, account="b")]
    bad = StatementRow(2, problems=(RowProblem("bad_date", "is no date"),))
    accounts = [StatementAccount("a", "123", "EUR", "Giro", Decimal(1)), StatementAccount("b")]
    asked = [Question("sign", {"true": "out", "false": "in"}, "All are positive.", (1, 2))]
    statement = Statement({}, [*rows, bad], accounts=accounts, questions=asked)
    assert importer(guard, statement).read(FILE, {}) is statement


@pytest.mark.parametrize(
    "answer",
    [
        None,
        [],
        Statement({}, None),  # type: ignore[arg-type]  # that is the fault
        Statement({}, ["row"]),  # type: ignore[list-item]  # that is the fault
        Statement({}, [StatementRow(1)]),
        Statement({}, [replace(ROW, amount=2.5)]),  # type: ignore[arg-type]  # that is the fault
        Statement({}, [replace(ROW, amount=Decimal("NaN"))]),
        Statement({}, [replace(ROW, date=datetime(2026, 1, 31, tzinfo=UTC))]),
        Statement({}, [replace(ROW, payee=None)]),  # type: ignore[arg-type]  # that is the fault
        Statement({}, [ROW], closing_balance=Decimal("Infinity")),
        Statement({}, [ROW], currency=978),  # type: ignore[arg-type]  # that is the fault
        Statement({}, [replace(ROW, status="gone")]),  # type: ignore[arg-type]  # that is the fault
        Statement({}, [replace(ROW, currency=978)]),  # type: ignore[arg-type]  # that is the fault
        Statement({}, [replace(ROW, account="nobody")]),
        Statement({}, [replace(ROW, account="a")], accounts=[StatementAccount("b")]),
        Statement({}, [ROW], accounts=[StatementAccount("a"), StatementAccount("b")]),
        Statement({}, [], accounts=[StatementAccount("a"), StatementAccount("a")]),
        Statement({}, [], accounts=[StatementAccount("")]),
        Statement({}, [], accounts=["a"]),  # type: ignore[list-item]  # that is the fault
        Statement({}, [], accounts=[StatementAccount("a", closing_balance=Decimal("NaN"))]),
        Statement({}, [], questions=["why"]),  # type: ignore[list-item]  # that is the fault
        Statement({}, [], questions=[Question("sign", {"true": "out\0"}, "")]),
        Statement({}, [], questions=[Question("sign", {}, "", account="nobody")]),
    ],
)
def test_what_is_no_statement_is_not_booked(guard: Guard, answer: Any) -> None:
    with pytest.raises(PluginFault, match="plugin 'acme': read"):
        importer(guard, answer).read(FILE, {})


def test_rows_that_are_made_late_fail_in_time(guard: Guard) -> None:
    class Late:
        def __iter__(self) -> Iterator[StatementRow]:
            raise ZeroDivisionError

    with pytest.raises(PluginFault, match="read raised ZeroDivisionError"):
        importer(guard, Statement({}, Late())).read(FILE, {})  # type: ignore[arg-type]  # the fault
