"""The chain: each provider in its order, and only *not mine* passes on."""

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime

import pytest

from nestegg_core import ConfigurationError, Identity, Invalid, NotMine, Unavailable, Valid, Verdict
from nestegg_core.auth.builtin.provider import ISSUER
from nestegg_core.auth.chain import IdentityChain
from nestegg_core.errors import ProviderUnavailable, Unauthenticated

LATER = datetime(2040, 1, 1, tzinfo=UTC)


@dataclass
class Provider:
    """Answers always the same."""

    verdict: Verdict
    issuers: tuple[str, ...] = ()
    asked: list[str] = field(default_factory=list)

    def authenticate(self, token: str) -> Verdict:
        self.asked.append(token)
        return self.verdict


def valid(provider: str) -> Valid:
    return Valid(Identity(provider, f"https://{provider}.example", "u1", LATER))


@dataclass
class Counted:
    """Remembers what was counted, as label values."""

    labels: list[tuple[str, ...]] = field(default_factory=list)

    def count(self, name: str, labels: Mapping[str, str], amount: float = 1) -> None:
        assert (name, amount, [*labels]) == ("identity_tokens", 1, ["provider", "result"])
        self.labels.append(tuple(labels.values()))


def chain(*providers: Provider, counted: Counted | None = None) -> IdentityChain:
    named = [(f"p{number}", one) for number, one in enumerate(providers)]
    return IdentityChain(named, counted or Counted())


def test_the_first_that_knows_the_issuer_decides() -> None:
    last = Provider(valid("second"))
    identity = chain(Provider(NotMine()), Provider(valid("first")), last).identify("token")

    assert identity.provider == "first"
    assert last.asked == []


@pytest.mark.parametrize(
    ("verdict", "error"),
    [(Invalid("expired"), Unauthenticated), (Unavailable("no keys"), ProviderUnavailable)],
)
def test_a_refusal_or_an_outage_is_not_passed_on(verdict: Verdict, error: type[Exception]) -> None:
    lenient = Provider(valid("lenient"))
    with pytest.raises(error, match=getattr(verdict, "reason", "")):
        chain(Provider(verdict), lenient).identify("token")

    assert lenient.asked == []


def test_a_token_that_nobody_knows_is_refused() -> None:
    with pytest.raises(Unauthenticated, match="No identity provider"):
        chain(Provider(NotMine()), Provider(NotMine())).identify("token")


def test_two_providers_of_one_issuer_refuse_the_start() -> None:
    one = Provider(NotMine(), issuers=("https://a.example", "https://b.example"))
    two = Provider(NotMine(), issuers=("https://b.example",))
    with pytest.raises(ConfigurationError) as caught:
        chain(one, two)

    (problem,) = caught.value.problems
    assert problem.where == "IDENTITY_PROVIDER_CHAIN"
    assert "p0 and p1" in problem.what
    assert "https://b.example" in problem.what


def test_a_provider_may_name_its_issuer_twice() -> None:
    chain(Provider(NotMine(), issuers=("https://a.example", "https://a.example")))


@pytest.mark.parametrize(
    ("verdict", "result"),
    [
        (valid("p1"), "valid"),
        (Invalid("expired"), "invalid"),
        (Unavailable("no keys"), "unavailable"),
    ],
)
def test_a_verdict_is_counted_once_for_the_provider_that_gave_it(
    verdict: Verdict, result: str
) -> None:
    counted = Counted()
    asked = chain(Provider(NotMine()), Provider(verdict), counted=counted)
    with suppress(Unauthenticated, ProviderUnavailable):
        asked.identify("token")

    assert counted.labels == [("p1", result)]


def test_a_token_of_nobody_is_counted_for_nobody() -> None:
    counted = Counted()
    with pytest.raises(Unauthenticated):
        chain(Provider(NotMine()), counted=counted).identify("token")

    assert counted.labels == []


def test_the_built_in_issuer_is_no_other_providers() -> None:
    acme = Provider(NotMine(), issuers=("https://a.example", "a.example"))
    named = chain(acme, Provider(NotMine(), issuers=(ISSUER,))).names_by_issuer

    assert named == {"https://a.example": "p0", "a.example": "p0"}
