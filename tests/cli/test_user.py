"""`nestegg user`: the operator makes users, and they can sign in."""

import json
from itertools import count

import pytest
from falcon.testing import TestClient

from support.command_line import CommandLine
from support.household import PASSWORD, Household

_numbers = count(1)


@pytest.fixture
def email(database_kind: str) -> str:
    return f"{database_kind}{next(_numbers)}@example.net"


def signs_in(client: TestClient, email: str, password: str) -> bool:
    body = {"email": email, "password": password}
    return client.simulate_post("/api/v1/auth/login", json=body).status_code == 200


def made_password(printed: str) -> str:
    return printed.partition("shown this once: ")[2].strip()


def test_a_created_user_signs_in_with_the_password_of_the_input(
    nestegg: CommandLine, client: TestClient, email: str
) -> None:
    result = nestegg("user", "create", email, "--password-stdin", typed=f"{PASSWORD}\n")

    assert result.exit_code == 0, result.output
    assert PASSWORD not in result.output
    assert signs_in(client, email, PASSWORD)


def test_without_a_password_one_is_made_and_printed(
    nestegg: CommandLine, client: TestClient, email: str
) -> None:
    printed = nestegg("user", "create", email).stdout

    assert signs_in(client, email, made_password(printed))


def test_an_administrator_is_listed_as_one(nestegg: CommandLine, email: str) -> None:
    nestegg("user", "create", email, "--admin", "--name", "Ada")

    (listed,) = (
        user
        for user in json.loads(nestegg("user", "list", "--json").stdout)["users"]
        if user["email"] == email
    )
    assert (listed["name"], listed["is_admin"], listed["disabled"]) == ("Ada", True, False)
    table = nestegg("user", "list").stdout.splitlines()
    assert [line.split()[1:5] for line in table if email in line] == [[email, "Ada", "yes", "no"]]


@pytest.mark.parametrize(
    ("arguments", "typed", "why"),
    [
        (["no-address"], "", "EMAIL is no email address"),
        (["a@example.net", "--name", ""], "", "--name must have"),
        (["a@example.net", "--name", "\x07"], "", "--name must have"),
        (["a@example.net", "--password-stdin"], "short\n", "must have 8 to 1000 characters"),
    ],
)
def test_bad_values_are_an_error_of_usage(
    nestegg: CommandLine, arguments: list[str], typed: str, why: str
) -> None:
    result = nestegg("user", "create", *arguments, typed=typed)

    assert result.exit_code == 2
    assert why in result.stderr


def test_an_email_that_is_taken_is_refused(nestegg: CommandLine, household: Household) -> None:
    result = nestegg("user", "create", household.email)

    assert result.exit_code == 1
    assert "email" in result.stderr


def test_a_reset_password_replaces_the_old_one_and_ends_every_session(
    nestegg: CommandLine, client: TestClient, household: Household
) -> None:
    printed = nestegg("user", "reset-password", household.email).stdout

    assert "1 session and 0 personal access tokens have ended" in printed
    assert signs_in(client, household.email, made_password(printed))
    assert not signs_in(client, household.email, PASSWORD)
    assert household.get("/api/v1/me").status_code == 401


def test_the_password_of_nobody_cannot_be_reset(nestegg: CommandLine) -> None:
    assert nestegg("user", "reset-password", "nobody@example.net").exit_code == 1


def test_a_printed_link_resets_a_password(
    nestegg: CommandLine, client: TestClient, household: Household
) -> None:
    printed = nestegg("user", "reset-link", household.email.upper()).stdout
    assert printed.startswith("http://127.0.0.1:8000/reset-password#token=")
    body = {"token": printed.partition("#token=")[2].strip(), "password": "another staple"}

    assert client.simulate_post("/api/v1/auth/reset-password", json=body).status_code == 200
    assert signs_in(client, household.email, "another staple")


def test_for_nobody_there_is_no_link(nestegg: CommandLine) -> None:
    assert nestegg("user", "reset-link", "nobody@example.net").exit_code == 1
