"""Who sends this token: the chain of providers, the built-in one, and the OIDC verifier."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from nestegg_core.application import Background, Kernel, Sealed
    from nestegg_core.auth.builtin.email_verification import EmailVerification
    from nestegg_core.auth.builtin.password_change import PasswordChange
    from nestegg_core.auth.builtin.passwords import Passwords
    from nestegg_core.auth.builtin.personal_tokens import PersonalTokens
    from nestegg_core.auth.builtin.second_factor import SecondFactors
    from nestegg_core.auth.builtin.sessions import SessionList, Sessions
    from nestegg_core.auth.builtin.sign_in import PasswordSignIn, RecentProof, Registration
    from nestegg_core.auth.chain import IdentityChain, SignInDirectory
    from nestegg_core.auth.group_roles import GroupRule
    from nestegg_core.auth.identity_links import IdentityLinks
    from nestegg_core.auth.provisioning import Provisioning
    from nestegg_core.rate_limits import RateLimits
    from nestegg_core.settings import Settings
    from nestegg_core.users import AddressServices, UserServices


@dataclass(frozen=True)
class PasswordServices:
    passwords: "Passwords"
    email_verification: "EmailVerification"


@dataclass(frozen=True)
class ProviderServices:
    chain: "IdentityChain"
    sign_in_directory: "SignInDirectory"


@dataclass(frozen=True)
class SignInServices:
    provisioning: "Provisioning"
    identity_links: "IdentityLinks"
    sessions: "Sessions"
    session_list: "SessionList"
    sign_in: "PasswordSignIn"
    password_change: "PasswordChange"
    second_factors: "SecondFactors"
    personal_tokens: "PersonalTokens"
    recent_proof: "RecentProof"
    registration: "Registration"


def wire_passwords(kernel: "Sealed", addresses: "AddressServices") -> PasswordServices:
    from nestegg_core.auth.builtin.email_verification import EmailVerification, OneTimeLinks
    from nestegg_core.auth.builtin.passwords import Passwords
    from nestegg_core.mail.messages import Messages

    passwords = Passwords(at_once=kernel.settings.password_hashes_at_once)
    return PasswordServices(
        passwords=passwords,
        email_verification=EmailVerification(
            storage=kernel.storage,
            rows=kernel.rows,
            emails=addresses.emails,
            passwords=passwords,
            links=OneTimeLinks(kernel.clock),
            messages=Messages(kernel.settings.app_base_url),
            clock=kernel.clock,
        ),
    )


def limits_of(kernel: "Sealed") -> "RateLimits":
    from nestegg_core.rate_limits import RateLimits, rules_with

    settings, url = kernel.settings, kernel.settings.redis_url
    rules = {
        "REGISTRATIONS_PER_HOUR": settings.registrations_per_hour,
        "INVITATIONS_PER_HOUR": settings.invitations_per_hour,
    }
    return RateLimits(kernel.index, url.get_secret_value() if url else None, rules_with(rules))


def wire_providers(kernel: "Kernel") -> ProviderServices:
    from nestegg_core.auth.chain import IdentityChain, SignInDirectory

    chain = IdentityChain(kernel.guarded.identity_providers(), kernel.metrics)
    return ProviderServices(
        chain=chain,
        sign_in_directory=SignInDirectory(
            chain.providers,
            registration=kernel.settings.registration,
            allow_loopback_http=kernel.settings.environment != "production",
            clock=kernel.clock,
        ),
    )


def wire(
    background: "Background",
    providers: ProviderServices,
    users: "UserServices",
    rate_limits: "RateLimits",
) -> SignInServices:
    from nestegg_core.auth.builtin.password_change import PasswordChange
    from nestegg_core.auth.builtin.personal_tokens import PersonalTokens
    from nestegg_core.auth.builtin.provider import AccessTokens
    from nestegg_core.auth.builtin.second_factor import SecondFactors
    from nestegg_core.auth.builtin.sessions import SessionList, Sessions
    from nestegg_core.auth.builtin.sign_in import (
        PasswordSignIn,
        RecentProof,
        Registration,
        SignInLimits,
    )
    from nestegg_core.auth.group_roles import GroupRoles
    from nestegg_core.auth.identity_links import IdentityLinks
    from nestegg_core.auth.provisioning import Provisioning

    storage, rows, clock = background.storage, background.rows, background.clock
    settings, emails, passwords = background.settings, background.emails, background.passwords
    sessions = Sessions(
        storage=storage,
        rows=rows,
        index=background.index,
        tokens=AccessTokens(
            settings.secret_key.get_secret_value(),
            timedelta(minutes=settings.access_token_minutes),
            clock,
        ),
        lifetime=timedelta(days=settings.refresh_token_days),
        clock=clock,
    )
    password_change = PasswordChange(
        storage=storage, rows=rows, passwords=passwords, limits=rate_limits, clock=clock
    )
    second_factors = SecondFactors(storage=storage, rows=rows, proof=password_change, clock=clock)
    group_roles = GroupRoles(_group_rules(settings, providers.chain), clock)
    return SignInServices(
        provisioning=Provisioning(
            storage=storage,
            rows=rows,
            emails=emails,
            users=users.users,
            group_roles=group_roles,
            clock=clock,
        ),
        identity_links=IdentityLinks(
            storage=storage,
            rows=rows,
            group_roles=group_roles,
            providers=providers.chain.names_by_issuer,
            passwords_count="builtin" in settings.identity_provider_chain,
            proof=password_change,
            mails=background.mailer is not None,
            clock=clock,
        ),
        sessions=sessions,
        session_list=SessionList(storage, rows, clock),
        sign_in=PasswordSignIn(
            storage=storage,
            index=background.index,
            emails=emails,
            passwords=passwords,
            limits=SignInLimits(rate_limits),
            second_factors=second_factors,
            sessions=sessions,
        ),
        password_change=password_change,
        second_factors=second_factors,
        personal_tokens=PersonalTokens(
            storage, rows, clock, background.quota("MAX_PERSONAL_TOKENS_PER_USER")
        ),
        recent_proof=RecentProof(storage, password_change, second_factors, clock),
        registration=Registration(
            settings.registration, users.users, background.invitations, rate_limits
        ),
    )


def _group_rules(settings: "Settings", chain: "IdentityChain") -> Sequence["GroupRule"]:
    """Return `IDENTITY_GROUP_ROLES` by the issuers that tokens name."""
    from nestegg_core.auth.group_roles import GroupRule

    return [
        GroupRule(issuer, entry.group, entry.role, entry.org_id)
        for entry in settings.identity_group_roles
        for issuer, name in chain.names_by_issuer.items()
        if name == entry.provider
    ]
