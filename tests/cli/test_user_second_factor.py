"""`nestegg user reset-second-factor`: the operator lets somebody in who has lost their codes."""

from falcon.testing import TestClient

from support.authenticator import PATH, authenticator
from support.command_line import CommandLine
from support.household import PASSWORD, Household


def login(client: TestClient, user: Household) -> int:
    body = {"email": user.email, "password": PASSWORD}
    return int(client.simulate_post("/api/v1/auth/login", json=body).status_code)


def test_a_reset_second_factor_is_not_asked_for(
    nestegg: CommandLine, client: TestClient, household: Household
) -> None:
    code = authenticator(household).code()
    assert household.post(f"{PATH}/confirm", code=code).status_code == 200
    assert login(client, household) == 401

    result = nestegg("user", "reset-second-factor", household.email)

    assert result.exit_code == 0, result.output
    assert "signs in without a second factor now" in result.stdout
    assert login(client, household) == 200
    assert household.get(PATH).json["recovery_codes_left"] == 0


def test_one_that_is_not_there_is_told(nestegg: CommandLine, household: Household) -> None:
    assert "had no second factor" in nestegg("user", "reset-second-factor", household.email).stdout


def test_nobody_has_none_to_reset(nestegg: CommandLine) -> None:
    assert nestegg("user", "reset-second-factor", "nobody@example.net").exit_code == 1
