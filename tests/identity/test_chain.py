"""The chain: each provider in its order, and only *not mine* passes on."""

from dataclasses import dataclass, field
from datetime import UTC, datetime

import pytest

from nestegg_core import ConfigurationError, Identity, Invalid, NotMine, Unavailable, Valid, Verdict
from nestegg_core.errors import ProviderUnavailable, Unauthenticated
from nestegg_core.identity.chain import IdentityChain

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


def chain(*providers: Provider) -> IdentityChain:
    return IdentityChain([(f"p{number}", one) for number, one in enumerate(providers)])


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
