"""Signing in does the same work for everybody, and lets nobody guess or lock another out."""

from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from itertools import count
from uuid import UUID

import pytest
from argon2 import PasswordHasher, extract_parameters
from sqlalchemy import select, update

from nestegg_core.application import Runtime
from nestegg_core.auth.builtin.passwords import Match, Passwords
from nestegg_core.auth.builtin.sessions import Device
from nestegg_core.auth.builtin.sign_in import PasswordSignIn, SignInLimits
from nestegg_core.database.tables import credentials, sessions
from nestegg_core.encryption.blind_index import BlindIndex, stored_root
from nestegg_core.errors import TooManyRequests, Unauthenticated
from nestegg_core.rate_limits import RULES, RateLimits
from nestegg_core.users.emails import EMAIL_INDEX, Emails
from support.household import PASSWORD

PAIR = "sign-in to an account from an address"
ADDRESS = "sign-in from an address"
ACCOUNT = "sign-in to an account"
CODE = "code for an account"
HOME, ELSEWHERE = Device("192.0.2.1"), Device("198.51.100.1")
CHEAP = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)

_numbers = count(1)
Make = Callable[..., PasswordSignIn]


@dataclass
class Counting:
    """Passwords hashed cheaply, and how often one was verified."""

    passwords: Passwords = field(default_factory=lambda: Passwords(CHEAP))
    verified: list[str | None] = field(default_factory=list)
    hashed: int = 0

    def hash(self, password: str) -> str:
        self.hashed += 1
        return self.passwords.hash(password)

    def verify(self, stored: str | None, password: str) -> Match:
        self.verified.append(stored)
        return self.passwords.verify(stored, password)


@pytest.fixture(scope="module")
def index(runtime: Runtime) -> BlindIndex:
    return BlindIndex(lambda: stored_root(runtime.storage, runtime.rows))


@pytest.fixture
def make(runtime: Runtime, index: BlindIndex) -> Make:
    """Makes a sign-in with limits of its own over the shared database."""

    def make(
        passwords: Counting | None = None, rules: Mapping[str, str] | None = None
    ) -> PasswordSignIn:
        limits = {**dict.fromkeys(RULES, "1000 per 1 hour"), **(rules or {})}
        return PasswordSignIn(
            storage=runtime.storage,
            index=index,
            emails=Emails(index, runtime.rows),
            passwords=passwords or Counting(),
            limits=SignInLimits(RateLimits(index, rules=limits)),
            second_factors=runtime.second_factors,
            sessions=runtime.sessions,
        )

    return make


@pytest.fixture
def store(runtime: Runtime, index: BlindIndex) -> Callable[[str, str], None]:
    """Writes somebody's hash."""

    def store(email: str, password_hash: str) -> None:
        with runtime.storage.system_transaction(write=True) as tx:
            tx.execute(
                update(credentials)
                .where(credentials.c.email_index == index.of(EMAIL_INDEX, email))
                .values(password_hash=password_hash)
            )

    return store


@pytest.fixture
def email(runtime: Runtime, store: Callable[[str, str], None]) -> str:
    """Somebody who has never signed in; their password is hashed cheaply."""
    email = nobody()
    runtime.users.register(email, PASSWORD)
    store(email, CHEAP.hash(PASSWORD))
    return email


def nobody() -> str:
    """Return an email that has no account."""
    return f"guessed{next(_numbers)}@example.org"


def attempt(sign_in: PasswordSignIn, email: str, device: Device, typed: str = "a guess") -> str:
    try:
        sign_in.with_password(email, typed, None, device)
    except Unauthenticated as error:
        return str(error)
    except TooManyRequests:
        return "limited"
    return "in"


WRONG = "The email or the password is wrong."


def test_one_password_is_verified_whoever_it_is(make: Make, email: str) -> None:
    passwords = Counting()
    sign_in = make(passwords)

    answers = [attempt(sign_in, email, HOME), attempt(sign_in, nobody(), HOME)]
    assert answers == [WRONG, WRONG]
    assert attempt(sign_in, email, HOME, PASSWORD) == "in"

    known, unknown, right = passwords.verified
    assert known == right
    assert unknown is None
    assert passwords.hashed == 0


def test_verifying_nobodys_password_takes_as_many_rounds(monkeypatch: pytest.MonkeyPatch) -> None:
    passwords = Passwords(CHEAP)
    stored = passwords.hash(PASSWORD)
    compared: list[str] = []

    def verify(_: PasswordHasher, stored: str, _password: str) -> bool:
        compared.append(stored)
        return False

    monkeypatch.setattr(PasswordHasher, "verify", verify)
    passwords.verify(stored, "a guess")
    passwords.verify(None, "a guess")

    parameters = [extract_parameters(one) for one in compared]
    assert len(parameters) == 2
    assert parameters[0] == parameters[1]


def test_a_hash_is_made_anew_when_the_parameters_rise(
    make: Make, email: str, runtime: Runtime, index: BlindIndex
) -> None:
    stronger = PasswordHasher(time_cost=2, memory_cost=16, parallelism=1)
    passwords = Counting(Passwords(stronger))
    sign_in = make(passwords)

    def stored() -> str:
        with runtime.storage.system_transaction(write=False) as tx:
            found: str = tx.execute(
                select(credentials.c.password_hash).where(
                    credentials.c.email_index == index.of(EMAIL_INDEX, email)
                )
            ).scalar_one()
        return found

    assert attempt(sign_in, email, HOME) == WRONG
    assert extract_parameters(stored()).memory_cost == 8

    assert attempt(sign_in, email, HOME, PASSWORD) == "in"
    raised = stored()
    assert extract_parameters(raised).memory_cost == 16
    assert attempt(sign_in, email, HOME, PASSWORD) == "in"
    assert (stored(), passwords.hashed) == (raised, 1)


def test_a_password_that_changes_while_it_is_checked_signs_nobody_in(
    make: Make, email: str, runtime: Runtime
) -> None:
    class Slow(Counting):
        def verify(self, stored: str | None, password: str) -> Match:
            runtime.users.reset_password(email, "another battery staple")
            return super().verify(stored, password)

    assert attempt(make(Slow()), email, HOME, PASSWORD) == WRONG


def test_whoever_is_disabled_while_the_password_is_checked_is_not_signed_in(
    runtime: Runtime, make: Make, email: str
) -> None:
    user_id = runtime.administration.find(email)

    class Slow(Counting):
        def verify(self, stored: str | None, password: str) -> Match:
            runtime.administration.set_disabled(user_id, disabled=True)
            return super().verify(stored, password)

    assert attempt(make(Slow()), email, HOME, PASSWORD) == WRONG
    with runtime.storage.system_transaction(write=False) as tx:
        opened = tx.execute(select(sessions.c.id).where(sessions.c.user_id == user_id)).all()
    assert opened == [], "nothing waits for the day on which they are enabled again"


def test_an_account_can_be_tried_so_often_from_one_address(make: Make, email: str) -> None:
    sign_in = make(rules={PAIR: "2 per 1 hour"})

    for account in (email, nobody()):
        tries = [attempt(sign_in, account, HOME) for _ in range(3)]
        assert tries == [WRONG, WRONG, "limited"]
    assert attempt(sign_in, email, HOME, PASSWORD) == "limited"
    assert attempt(sign_in, email, ELSEWHERE, PASSWORD) == "in"


def test_the_right_password_makes_an_address_begin_anew(make: Make, email: str) -> None:
    sign_in = make(rules={PAIR: "2 per 1 hour"})

    for _ in range(3):
        assert attempt(sign_in, email, HOME) == WRONG
        assert attempt(sign_in, email, HOME, PASSWORD) == "in"


def test_one_address_can_try_so_many_accounts(make: Make, email: str) -> None:
    sign_in = make(rules={ADDRESS: "3 per 1 hour"})

    assert [attempt(sign_in, nobody(), HOME) for _ in range(4)] == [WRONG] * 3 + ["limited"]
    assert attempt(sign_in, email, HOME, PASSWORD) == "limited"
    assert attempt(sign_in, email, ELSEWHERE, PASSWORD) == "in"


def test_addresses_of_one_ipv6_network_count_as_one(make: Make) -> None:
    sign_in = make(rules={ADDRESS: "2 per 1 hour"})
    devices = [Device(f"2001:db8::{number}") for number in (1, 2, 3)]

    assert [attempt(sign_in, nobody(), device) for device in devices] == [WRONG, WRONG, "limited"]


def test_a_botnet_neither_guesses_nor_locks_a_user_out(make: Make, email: str) -> None:
    sign_in = make(rules={ACCOUNT: "5 per 1 hour", ADDRESS: "1 per 1 hour"})
    assert attempt(sign_in, email, HOME, PASSWORD) == "in"  # the first of the five

    bots = [Device(f"203.0.113.{number}") for number in range(1, 8)]
    assert [attempt(sign_in, email, bot) for bot in bots] == [WRONG] * 4 + ["limited"] * 3
    assert attempt(sign_in, email, bots[-1], PASSWORD) == "limited"

    assert attempt(sign_in, email, HOME) == WRONG
    assert attempt(sign_in, email, HOME, PASSWORD) == "in"


def test_an_account_that_is_not_there_is_limited_like_one_that_is(make: Make, email: str) -> None:
    rules = {ACCOUNT: "3 per 1 hour"}
    bots = [Device(f"203.0.113.{number}") for number in range(1, 6)]

    seen = [
        [attempt(sign_in, account, bot) for bot in bots]
        for sign_in, account in ((make(rules=rules), email), (make(rules=rules), nobody()))
    ]

    assert seen[0] == seen[1] == [WRONG] * 3 + ["limited"] * 2


def test_many_tries_at_once_count_as_many(make: Make, email: str) -> None:
    passwords = Counting()
    sign_in = make(passwords, rules={PAIR: "3 per 1 hour"})
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda _: attempt(sign_in, email, HOME), range(8)))

    assert sorted(answers) == [WRONG] * 3 + ["limited"] * 5
    assert len(passwords.verified) == 3


def test_the_server_itself_is_not_limited(make: Make, email: str) -> None:
    sign_in = make(rules=dict.fromkeys((PAIR, ADDRESS, ACCOUNT), "1 per 1 hour"))

    for _ in range(3):
        assert sign_in.with_password(email, PASSWORD).tokens.access_token


def test_codes_that_others_use_up_leave_the_recovery_codes() -> None:
    blind = BlindIndex(lambda: bytes(32))
    limits = SignInLimits(RateLimits(blind, rules={CODE: "2 per 1 hour", PAIR: "9 per 1 hour"}))
    user, other = UUID(int=1), UUID(int=2)

    for code in ("123456", "123 456"):
        limits.admit_code(user, code)
    with pytest.raises(TooManyRequests):
        limits.admit_code(user, "123456")
    limits.admit_code(user, "AAAA-BBBB-CCCC-DDDD")
    limits.admit_code(other, "123456")

    limits.forget(b"", user, HOME)
    limits.admit_code(user, "123456")
