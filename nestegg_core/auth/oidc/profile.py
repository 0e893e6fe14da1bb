"""What is particular to a vendor, in one value."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Literal

from nestegg_core.auth.oidc.claims import Claims, audiences, email_is_verified
from nestegg_core.auth.oidc.keys import SUPPORTED_ALGORITHMS
from nestegg_core.errors import ConfigurationError, Problem


def check_id_token(profile: "OidcProfile", claims: Claims, header: Claims) -> str | None:
    """Check who an ID token was made for (OpenID Connect Core, 3.1.3.7, steps 3 to 5).

    One of our client ids or audiences must be in `aud`, `azp` must be one of ours where it is
    present, and it must be present where the token has several audiences.

    Returns:
        what is wrong, without any of the token's content; `None` when nothing is.

    Example:
        >>> app = OidcProfile(name="acme", issuers=("https://id.example",), client_ids=("app",))
        >>> check_id_token(app, {"aud": "app"}, {}) is None
        True
        >>> check_id_token(app, {"aud": "another"}, {})
        'aud does not name this application'
    """
    del header
    ours = profile.parties
    audience = audiences(claims)
    if not audience & ours:
        return "aud does not name this application"
    if "azp" in claims:
        if claims["azp"] not in ours:
            return "azp names another application"
    elif len(audience) > 1:
        return "azp is missing although the token has several audiences"
    return None


def one_name(group: str) -> tuple[str, ...]:
    """Take a group's name as it is."""
    return (group,)


def standard_subject(claims: Claims) -> object:
    """Take `sub` for the user's key."""
    return claims.get("sub")


@dataclass(frozen=True, slots=True, kw_only=True)
class OidcProfile:
    """A vendor, and the operator's settings for it.

    The functions must not touch the network. They get claims whose signature, issuer and times
    were verified, and whose values may still be of any JSON type.

    Attributes:
        name: what operators write in `IDENTITY_PROVIDER_CHAIN`, e.g. `okta`.
        issuers: every form of `iss`, matched exactly. Users are told apart by it, so that each
            tenant is an issuer, and their order has no meaning for who somebody is.
        spellings: forms that mean another of `issuers`, each with the one that is meant: for a
            vendor that spells one issuer in several ways.
        client_ids: ids under which our applications are registered at the vendor.
        audiences: names of our API at the vendor, where it has such.
        algorithms: what the vendor signs with; asymmetric ones only.
        token_types: values of the header's `typ` that are taken, in lower case and without
            `application/`; a token without `typ` is taken always.
        discovery_url: where discovery is fetched instead of below the first issuer.
        jwks_url: where the keys are fetched; discovery is then not needed.
        check: says why a token is not for us, or `None`: audience, kind of token, domain.
        subject: picks the user's stable key.
        groups_claims: dotted paths of claims with group or role names; all are read.
        group_forms: every form under which a group's name is known here.
        admin_group: whose members administer the instance; `None` means nobody by token.
        email_is_verified: whether the vendor vouches for the address with authority.
        may_provision: whether users who were never seen before are created; the operator says.
        link_domains: domains, in lower case, whose addresses are the vendor's to vouch for: at
            first sight a verified one signs in the user here who has verified the same address.
        scopes: what apps ask for when they sign users in.
        bearer: which token apps send here.

    Raises:
        ConfigurationError: an algorithm is unknown or symmetric, there is no issuer, or a spelling
            is none of the issuers.
    """

    name: str
    issuers: tuple[str, ...]
    client_ids: tuple[str, ...]
    audiences: tuple[str, ...] = ()
    algorithms: tuple[str, ...] = ("RS256",)
    token_types: frozenset[str] = frozenset({"jwt", "at+jwt"})
    discovery_url: str | None = None
    jwks_url: str | None = None
    check: Callable[["OidcProfile", Claims, Claims], str | None] = check_id_token
    subject: Callable[[Claims], object] = standard_subject
    groups_claims: tuple[str, ...] = ("groups",)
    group_forms: Callable[[str], tuple[str, ...]] = one_name
    admin_group: str | None = None
    email_is_verified: Callable[[Claims], bool] = email_is_verified
    may_provision: bool = False
    link_domains: tuple[str, ...] = ()
    scopes: tuple[str, ...] = ("openid", "email", "profile")
    bearer: Literal["access_token", "id_token"] = "id_token"
    spellings: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        problems = []
        if not self.issuers or not all(self.issuers):
            problems.append(Problem(self.name, "has no issuer", "name the issuer"))
        if not set(self.issuers).issuperset({*self.spellings, *self.spellings.values()}):
            what = "has a spelling that is none of its issuers"
            problems.append(Problem(self.name, what, "name both forms in `issuers`"))
        if not self.algorithms or not set(self.algorithms) <= SUPPORTED_ALGORITHMS:
            problems.append(
                Problem(
                    self.name,
                    "has an algorithm that is not supported for OIDC",
                    f"use some of {', '.join(sorted(SUPPORTED_ALGORITHMS))}",
                )
            )
        if problems:
            raise ConfigurationError(problems)

    @property
    def parties(self) -> frozenset[str]:
        """Client ids and audiences together: every name under which we are known."""
        return frozenset(self.client_ids) | frozenset(self.audiences)
