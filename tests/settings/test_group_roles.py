"""`IDENTITY_GROUP_ROLES`: what is read, and what refuses the start with the fix."""

from uuid import UUID

import pytest

from nestegg_core import ConfigurationError
from nestegg_core.settings import Environment, load
from nestegg_core.settings.types import GroupRole

ORG = "0192f0c1-2f6b-7c3e-8000-2a5b7d9e4f10"


def read(value: str, chain: str = "keycloak,builtin") -> tuple[GroupRole, ...]:
    variables = {
        "ENVIRONMENT": "test",
        "SECRET_KEY": "s" * 32,
        "MASTER_ENCRYPTION_KEY": "A" * 43 + "=",
        "IDENTITY_PROVIDER_CHAIN": chain,
        "IDENTITY_GROUP_ROLES": value,
    }
    return load(Environment.read(variables, dotenv=None)).identity_group_roles


@pytest.mark.parametrize(
    ("written", "group"),
    [
        ("family", "family"),
        ("/family/parents", "/family/parents"),
        ("urn:acme:group", "urn:acme:group"),
        ("The whole family", "The whole family"),
        ("CN=Family%2COU=Home", "CN=Family,OU=Home"),
        ("100%25%20", "100% "),
    ],
)
def test_a_group_is_read_whatever_it_is_called(written: str, group: str) -> None:
    rules = read(f" keycloak:{written}:member:{ORG} , ,keycloak:staff:viewer:{ORG}")

    assert rules == (
        GroupRole("keycloak", group, "member", UUID(ORG)),
        GroupRole("keycloak", "staff", "viewer", UUID(ORG)),
    )


@pytest.mark.parametrize(
    ("entry", "what", "fix"),
    [
        ("keycloak", "has no four parts in entry 2", "provider:group:role:organization"),
        (f"family:member:{ORG}", "has no four parts in entry 2", "provider:group"),
        (f"keycloak::member:{ORG}", "has no four parts in entry 2", "provider:group"),
        ("keycloak:family:member:", "has no four parts in entry 2", "provider:group"),
        (f"keycloak:family:boss:{ORG}", "names an unknown role in entry 2", "viewer, member"),
        ("keycloak:family:member:home", "ends in no id of an organization in entry 2", "/org"),
        (f"okta:family:member:{ORG}", "names a provider in entry 2 that is not", "add it"),
        (f"builtin:family:member:{ORG}", "names builtin in entry 2", "invite"),
    ],
)
def test_a_bad_entry_refuses_the_start_with_its_place_and_the_fix(
    entry: str, what: str, fix: str
) -> None:
    with pytest.raises(ConfigurationError) as caught:
        read(f"keycloak:staff:member:{ORG},{entry}")

    (problem,) = caught.value.problems
    assert problem.where == "IDENTITY_GROUP_ROLES"
    assert what in problem.what
    assert fix in problem.fix
    assert ORG not in str(problem)


def test_nothing_is_given_by_default() -> None:
    assert read("") == ()
