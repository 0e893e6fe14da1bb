"""Identity providers, each with one fault, over one that has none."""

import base64
import hashlib
import hmac
import json
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime
from threading import Lock
from typing import Any, ClassVar

import pytest

from nestegg_core import (
    AppSignIn,
    Identity,
    IdentityProvider,
    Invalid,
    NotMine,
    Unavailable,
    Valid,
    Verdict,
)
from nestegg_core.auth.oidc import OidcProfile, OidcProvider
from nestegg_testing import FakeIdentityProvider, IdentityProviderConformance, MovableClock

FORGED = "test_a_forged_token_is_refused"


def part(token: str, number: int) -> dict[str, Any]:
    try:
        raw = token.split(".")[number]
        value = json.loads(base64.urlsafe_b64decode(raw + "=" * (-len(raw) % 4)))
    except (ValueError, IndexError, RecursionError):
        return {}
    return value if isinstance(value, dict) else {}


class Faulty:
    """Passes everything on to a provider without a fault."""

    def __init__(self, server: FakeIdentityProvider, clock: MovableClock) -> None:
        self.server, self.clock = server, clock
        self.profile = OidcProfile(
            name="acme",
            issuers=(server.issuer,),
            client_ids=("nest-egg",),
            admin_group="chiefs",
        )
        self.provider = self.made(self.profile)
        self.issuers = self.provider.issuers

    def made(self, profile: OidcProfile) -> OidcProvider:
        return OidcProvider(profile, clock=self.clock, allow_loopback_http=True)

    def authenticate(self, token: str) -> Verdict:
        return self.provider.authenticate(token)

    def describe(self) -> AppSignIn:
        return self.provider.describe()

    def believed(self, token: str) -> Verdict:
        """Take a token at its word."""
        claims = part(token, 1)
        expiry = datetime.fromtimestamp(claims.get("exp", 4e9), UTC)
        return Valid(Identity("acme", self.issuers[0], claims.get("sub", ""), expiry))


class FaultyConformance(IdentityProviderConformance):
    fault: ClassVar[type[Faulty]] = Faulty
    breaks: ClassVar[set[str]] = set()
    admin_group = "chiefs"

    @pytest.fixture
    def subject(
        self, identity_server: FakeIdentityProvider, clock: MovableClock
    ) -> IdentityProvider:
        return self.fault(identity_server, clock)


class TakesNone(Faulty):
    def authenticate(self, token: str) -> Verdict:
        if str(part(token, 0).get("alg")).lower() == "none" and part(token, 1).get("iss"):
            return self.believed(token)
        return super().authenticate(token)


class TestTakesNone(FaultyConformance):
    fault = TakesNone
    breaks: ClassVar = {
        f"{FORGED}[no algorithm]",
        f"{FORGED}[no algorithm in capitals]",
    }


class TakesPublicKeyAsSecret(Faulty):
    def authenticate(self, token: str) -> Verdict:
        if part(token, 0).get("alg") == "HS256":
            signed, _, signature = token.rpartition(".")
            key = self.server.keys[0].public_pem()
            digest = hmac.digest(key, signed.encode(), hashlib.sha256)
            if base64.urlsafe_b64encode(digest).decode().rstrip("=") == signature:
                return self.believed(token)
        return super().authenticate(token)


class TestTakesPublicKeyAsSecret(FaultyConformance):
    fault = TakesPublicKeyAsSecret
    breaks: ClassVar = {f"{FORGED}[public key as an HMAC secret]"}


class TakesUnknownKeys(Faulty):
    def authenticate(self, token: str) -> Verdict:
        verdict = super().authenticate(token)
        unknown = part(token, 0).get("kid") == "attacker"
        return self.believed(token) if unknown and isinstance(verdict, Invalid) else verdict


class TestTakesUnknownKeys(FaultyConformance):
    fault = TakesUnknownKeys
    breaks: ClassVar = {
        f"{FORGED}[unknown kid]",
        f"{FORGED}[key in the header]",
        f"{FORGED}[key address in jku]",
        f"{FORGED}[key address in x5u]",
    }


class TakesAnyAudience(Faulty):
    def made(self, profile: OidcProfile) -> OidcProvider:
        return super().made(replace(profile, check=lambda *_: None))


class TestTakesAnyAudience(FaultyConformance):
    fault = TakesAnyAudience
    breaks: ClassVar = {"test_a_token_for_another_application_is_refused"}


class TakesAnyType(Faulty):
    def made(self, profile: OidcProfile) -> OidcProvider:
        return super().made(replace(profile, token_types=frozenset({"jwt", "logout+jwt"})))


class TestTakesAnyType(FaultyConformance):
    fault = TakesAnyType
    breaks: ClassVar = {
        "test_a_token_of_another_type_is_refused",
        f"{FORGED}[logout token by its type]",
    }


class NeedsNothing(Faulty):
    def authenticate(self, token: str) -> Verdict:
        claims = part(token, 1)
        if claims.get("iss") == self.server.issuer and not {"exp", "sub"} <= set(claims):
            return self.believed(token)
        return super().authenticate(token)


class TestNeedsNothing(FaultyConformance):
    fault = NeedsNothing
    breaks: ClassVar = {f"{FORGED}[no exp]", f"{FORGED}[no sub]"}


class HasNoSenseOfTime(Faulty):
    def authenticate(self, token: str) -> Verdict:
        verdict = super().authenticate(token)
        claims = part(token, 1)
        early = claims.get("nbf", 0) > claims.get("iat", 0) or claims.get("exp") == 1893499199
        return self.believed(token) if early and isinstance(verdict, Invalid) else verdict


class TestHasNoSenseOfTime(FaultyConformance):
    fault = HasNoSenseOfTime
    breaks: ClassVar = {f"{FORGED}[expired]", f"{FORGED}[not yet valid]"}


class RemembersForEver(Faulty):
    def __init__(self, server: FakeIdentityProvider, clock: MovableClock) -> None:
        super().__init__(server, clock)
        self.known: dict[str, Verdict] = {}

    def authenticate(self, token: str) -> Verdict:
        verdict = self.known.get(token) or super().authenticate(token)
        if isinstance(verdict, Valid):
            self.known[token] = verdict
        return verdict


class TestRemembersForEver(FaultyConformance):
    fault = RemembersForEver
    breaks: ClassVar = {"test_a_token_expires_by_the_clock_of_its_context"}


class ReadsAnything(Faulty):
    def authenticate(self, token: str) -> Verdict:
        if token.isascii() and len(token) > 16_384:
            return self.believed(token)
        return super().authenticate(token)


class TestReadsAnything(FaultyConformance):
    fault = ReadsAnything
    breaks: ClassVar = {f"{FORGED}[huge token]", "test_garbage_is_answered"}


class RaisesOnGarbage(Faulty):
    def authenticate(self, token: str) -> Verdict:
        token.encode("utf-8")
        return super().authenticate(token)


class TestRaisesOnGarbage(FaultyConformance):
    fault = RaisesOnGarbage
    breaks: ClassVar = {"test_garbage_is_answered"}


class KeepsOthersTokens(Faulty):
    def authenticate(self, token: str) -> Verdict:
        verdict = super().authenticate(token)
        return Invalid("not ours") if isinstance(verdict, NotMine) else verdict


class TestKeepsOthersTokens(FaultyConformance):
    fault = KeepsOthersTokens
    breaks: ClassVar = {
        "test_a_token_of_another_issuer_is_left_to_others",
        f"{FORGED}[no issuer]",
        f"{FORGED}[another issuer]",
        f"{FORGED}[two issuers]",
    }


class BlamesTheToken(Faulty):
    def authenticate(self, token: str) -> Verdict:
        verdict = super().authenticate(token)
        return Invalid("no keys") if isinstance(verdict, Unavailable) else verdict


class TestBlamesTheToken(FaultyConformance):
    fault = BlamesTheToken
    breaks: ClassVar = {
        "test_unreachable_keys_make_a_token_neither_good_nor_bad[ERROR]",
        "test_unreachable_keys_make_a_token_neither_good_nor_bad[NOT_JSON]",
        f"{FORGED}[two keys of one kid]",
        f"{FORGED}[secret among the public keys]",
    }


class TellsTheToken(Faulty):
    def authenticate(self, token: str) -> Verdict:
        verdict = super().authenticate(token)
        return Invalid(f"bad: {token}") if isinstance(verdict, Invalid) else verdict


class TestTellsTheToken(FaultyConformance):
    fault = TellsTheToken
    breaks: ClassVar = {"test_reasons_hold_nothing_of_the_token"}


class BelievesEveryEmail(Faulty):
    def authenticate(self, token: str) -> Verdict:
        verdict = super().authenticate(token)
        if not isinstance(verdict, Valid):
            return verdict
        return Valid(replace(verdict.identity, email_verified=True))


class TestBelievesEveryEmail(FaultyConformance):
    fault = BelievesEveryEmail
    breaks: ClassVar = {"test_an_email_is_verified_only_when_the_vendor_says_so"}


class CrownsEverybody(Faulty):
    def authenticate(self, token: str) -> Verdict:
        verdict = super().authenticate(token)
        if not isinstance(verdict, Valid) or verdict.identity.groups:
            return verdict
        return Valid(replace(verdict.identity, is_admin=True))


class TestCrownsEverybody(FaultyConformance):
    fault = CrownsEverybody
    breaks: ClassVar = {"test_a_missing_groups_claim_makes_nobody_an_administrator"}


class LetsEverybodyIn(Faulty):
    def made(self, profile: OidcProfile) -> OidcProvider:
        return super().made(replace(profile, may_provision=True))


class TestLetsEverybodyIn(FaultyConformance):
    fault = LetsEverybodyIn
    breaks: ClassVar = {"test_nobody_new_is_let_in_unless_the_operator_says_so"}


class AsksAtOnce(Faulty):
    def __init__(self, server: FakeIdentityProvider, clock: MovableClock) -> None:
        super().__init__(server, clock)
        server.requests.append("/keys")  # what fetching keys here would leave


class TestAsksAtOnce(FaultyConformance):
    fault = AsksAtOnce
    breaks: ClassVar = {
        "test_issuers_are_known_without_a_network",
        "test_a_token_of_another_issuer_is_left_to_others",
        "test_garbage_is_answered",
    }


class AsksEachTime(Faulty):
    def authenticate(self, token: str) -> Verdict:
        return self.made(self.profile).authenticate(token)


class TestAsksEachTime(FaultyConformance):
    fault = AsksEachTime
    breaks: ClassVar = {"test_unknown_keys_do_not_make_it_fetch_each_time"}


class AsksOnce(Faulty):
    """Keeps the keys of the first day for ever."""

    def __init__(self, server: FakeIdentityProvider, clock: MovableClock) -> None:
        super().__init__(server, clock)
        self.first: Mapping[str, Any] | None = None

    def authenticate(self, token: str) -> Verdict:
        kid = part(token, 0).get("kid")
        self.first = self.first or {"kid": kid}
        if part(token, 1).get("iss") == self.server.issuer and kid == "key-2":
            return Invalid("unknown key")
        return super().authenticate(token)


class TestAsksOnce(FaultyConformance):
    fault = AsksOnce
    breaks: ClassVar = {"test_keys_are_rotated"}


class NamesTheLogin(Faulty):
    def authenticate(self, token: str) -> Verdict:
        verdict = super().authenticate(token)
        if not isinstance(verdict, Valid):
            return verdict
        return Valid(replace(verdict.identity, subject="aino@example.org"))


class TestNamesTheLogin(FaultyConformance):
    fault = NamesTheLogin
    breaks: ClassVar = {"test_a_good_token_names_its_user"}


class ServesOneAtATime(Faulty):
    def __init__(self, server: FakeIdentityProvider, clock: MovableClock) -> None:
        super().__init__(server, clock)
        self.lock = Lock()

    def authenticate(self, token: str) -> Verdict:
        if not self.lock.acquire(blocking=False):
            return Unavailable("busy")
        try:
            return super().authenticate(token)
        finally:
            self.lock.release()


class TestServesOneAtATime(FaultyConformance):
    fault = ServesOneAtATime
    breaks: ClassVar = {"test_threads_may_share_a_provider"}


class SendsAppsAstray(Faulty):
    def describe(self) -> AppSignIn:
        return replace(super().describe(), token_endpoint="http://id.example/token")


class TestSendsAppsAstray(FaultyConformance):
    fault = SendsAppsAstray
    breaks: ClassVar = {"test_apps_learn_where_to_sign_in"}
