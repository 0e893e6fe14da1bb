"""Lost passwords and proof of addresses, with a real mail server."""

from collections.abc import Iterator
from dataclasses import replace
from itertools import count

import pytest
from falcon.testing import Result, TestClient
from sqlalchemy import select

from nestegg_core.api.app import create_app, operations
from nestegg_core.application import Runtime
from nestegg_core.database.tables import credentials, jobs
from support.conformance import ConformingClient
from support.household import PASSWORD, Household, register
from support.newcomers import newcomer
from support.redis import running_redis
from support.serving import Serve
from support.smtp import MailBox, mail_server
from support.staff import at, disable, invite, promote, token_of, user_id

NEW = "another battery staple"

_numbers = count(1)


@pytest.fixture
def box() -> Iterator[MailBox]:
    with mail_server() as box:
        yield box


@pytest.fixture
def mailing(serve: Serve, box: MailBox) -> Iterator[Runtime]:
    """A server that sends mail, and runs its jobs itself."""
    made = serve.runtime(
        SMTP_HOST="127.0.0.1",
        SMTP_PORT=str(box.port),
        SMTP_SECURITY="none",
        MAIL_FROM="nestegg@example.org",
        APP_BASE_URL="https://app.example.org",
    )
    yield made
    made.mail_queue.close()


@pytest.fixture
def client(mailing: Runtime) -> TestClient:
    return ConformingClient(create_app(mailing), operations(mailing))


@pytest.fixture
def user(client: TestClient) -> Household:
    return register(client, email=f"Owner.{next(_numbers)}@example.com")


def forgot(client: TestClient, email: str) -> Result:
    return client.simulate_post("/api/v1/auth/forgot-password", json={"email": email})


def reset(client: TestClient, token: str, password: str = NEW) -> Result:
    body = {"token": token, "password": password}
    return client.simulate_post("/api/v1/auth/reset-password", json=body)


def signs_in(client: TestClient, email: str, password: str) -> bool:
    body = {"email": email, "password": password}
    return client.simulate_post("/api/v1/auth/login", json=body).status_code == 200


def mailed(box: MailBox, number: int = 1) -> str:
    """Return the link of a mail."""
    text = str(box.wait_for(number)[number - 1].get_content())
    return next(line for line in text.splitlines() if line.startswith("https://"))


def is_verified(runtime: Runtime, user: Household) -> bool:
    own = credentials.c.user_id == user_id(user)
    with runtime.storage.system_transaction(write=False) as tx:
        stored = tx.execute(select(credentials.c.email_verified_at).where(own)).scalar_one()
    return stored is not None


def kind(answer: Result) -> str:
    return str(answer.json["type"]).removeprefix("urn:nestegg:problem:")


def test_a_mailed_link_resets_the_password_and_ends_what_the_old_one_let_in(
    mailing: Runtime, client: TestClient, box: MailBox, user: Household
) -> None:
    token_body = {"name": "Script", "scopes": ["account:read"]}
    personal = user.post("/api/v1/me/tokens", **token_body).json["token"]
    assert forgot(client, user.email.swapcase()).status_code == 202
    link = mailed(box)
    assert link.startswith("https://app.example.org/reset-password#token=")
    assert box.received[0][0] == [user.email], "the address that is stored, not the one typed"

    answer = reset(client, token_of(link))
    assert answer.status_code == 200
    assert answer.json == {"sessions_ended": 1, "personal_tokens_ended": 1}

    assert signs_in(client, user.email, NEW)
    assert not signs_in(client, user.email, PASSWORD)
    assert user.get("/api/v1/me").status_code == 401
    refresh = {"refresh_token": user.signed_in["refresh_token"]}
    assert client.simulate_post("/api/v1/auth/refresh", json=refresh).status_code == 401
    bearer = {"Authorization": f"Bearer {personal}"}
    assert client.simulate_get("/api/v1/me", headers=bearer).status_code == 401
    assert is_verified(mailing, user)
    assert reset(client, token_of(link), PASSWORD).status_code == 422


def test_for_nobody_the_answer_is_the_same_and_no_mail_goes_out(
    mailing: Runtime, client: TestClient, box: MailBox, user: Household
) -> None:
    gone = register(client, email=f"gone{next(_numbers)}@example.com")
    disable(mailing, gone)
    unknown = forgot(client, f"nobody{next(_numbers)}@example.com")
    disabled = forgot(client, gone.email)
    known = forgot(client, user.email)

    told = {(one.status_code, one.content) for one in (unknown, disabled, known)}
    assert told == {(202, b"")}
    mailing.mail_queue.close()
    assert [recipients for recipients, _ in box.received] == [[user.email]]


def test_the_request_does_not_wait_for_the_mail_server(
    mailing: Runtime, client: TestClient, box: MailBox, user: Household
) -> None:
    with box.held():
        assert forgot(client, user.email).status_code == 202
        assert box.received == []

    mailed(box)
    mailing.mail_queue.close()


def test_no_job_tells_the_link(
    mailing: Runtime, client: TestClient, box: MailBox, user: Household
) -> None:
    forgot(client, user.email)
    token = token_of(mailed(box))
    mailing.mail_queue.close()
    administrator = register(client, email=f"admin{next(_numbers)}@example.com")
    promote(mailing, administrator)

    shown = administrator.get("/api/v1/admin/jobs", limit=200)
    assert shown.status_code == 200
    assert token not in shown.text
    with mailing.storage.system_transaction(write=False) as tx:
        assert user.email.lower() not in repr(tx.execute(select(jobs)).all()).lower()


def test_an_account_is_mailed_three_times_an_hour(
    client: TestClient, box: MailBox, user: Household
) -> None:
    statuses = [forgot(client, user.email).status_code for _ in range(4)]
    nobody = f"nobody{next(_numbers)}@example.com"

    assert statuses == [202, 202, 202, 429]
    assert [forgot(client, nobody).status_code for _ in range(4)] == statuses
    mailed(box, 3)


def test_a_user_mails_no_more_invitations_by_making_more_organizations(
    mailing: Runtime, user: Household
) -> None:
    made = user.post("/api/v1/organizations", name="Another").json["id"]
    invitation = {"email": "guest@example.com", "role": "viewer"}
    for _ in range(50):
        mailing.rate_limits.hit("invitations of a user", user_id(user))

    answer = at(user, made).post("invitations", **invitation)

    assert (answer.status_code, kind(answer)) == (429, "too-many-requests")


def test_a_bad_password_leaves_the_link_good(
    client: TestClient, box: MailBox, user: Household
) -> None:
    forgot(client, user.email)
    token = token_of(mailed(box))

    assert reset(client, token, "short").status_code == 422
    assert reset(client, token).status_code == 200


def test_an_administrator_gets_the_link_and_the_user_the_same_one(
    mailing: Runtime, client: TestClient, box: MailBox, user: Household
) -> None:
    administrator = register(client, email=f"admin{next(_numbers)}@example.com")
    promote(mailing, administrator)
    made = administrator.post(f"/api/v1/admin/users/{user_id(user)}/reset-link")

    assert (made.status_code, made.json["mailed"]) == (201, True)
    assert made.headers["Cache-Control"] == "no-store"
    assert made.json["link"] == mailed(box)
    assert reset(client, token_of(made.json["link"])).status_code == 200
    assert not is_verified(mailing, user), "the administrator has seen it too"


def test_a_token_that_administers_does_not_read_such_a_link_from_its_job(
    mailing: Runtime, client: TestClient, box: MailBox, user: Household
) -> None:
    administrator = register(client, email=f"admin{next(_numbers)}@example.com")
    promote(mailing, administrator)
    link = administrator.post(f"/api/v1/admin/users/{user_id(user)}/reset-link").json["link"]
    assert mailed(box) == link
    (job, *_), _ = mailing.job_list.page({"name": "mail_shown_reset_link", "state": None}, limit=1)
    body = {"name": "Script", "scopes": ["instance:admin"]}
    token = administrator.post("/api/v1/me/tokens", **body).json["token"]
    script = replace(administrator, signed_in={**administrator.signed_in, "access_token": token})

    one = f"/api/v1/admin/jobs/{job['id']}"
    assert administrator.get(one).json["arguments"]["token"] in link
    assert kind(script.get(one)) == "insufficient-scope"
    assert kind(script.post(f"{one}/retry")) == "insufficient-scope"
    assert script.get("/api/v1/admin/jobs").status_code == 200


def test_whoever_has_no_password_here_gets_no_link(
    mailing: Runtime, client: TestClient, box: MailBox
) -> None:
    elsewhere = newcomer(mailing, client)
    administrator = register(client, email=f"admin{next(_numbers)}@example.com")
    promote(mailing, administrator)

    made = administrator.post(f"/api/v1/admin/users/{user_id(elsewhere)}/reset-link")
    own = elsewhere.post("/api/v1/me/verify-email")

    assert [(one.status_code, kind(one)) for one in (made, own)] == [(409, "no-password")] * 2
    assert box.received == []


def test_a_mailed_link_verifies_an_address_once(
    mailing: Runtime, client: TestClient, box: MailBox, user: Household
) -> None:
    assert user.post("/api/v1/me/verify-email").status_code == 202
    body = {"token": token_of(mailed(box))}
    assert not is_verified(mailing, user)

    assert client.simulate_post("/api/v1/auth/verify-email", json=body).status_code == 204

    assert is_verified(mailing, user)
    assert client.simulate_post("/api/v1/auth/verify-email", json=body).status_code == 422
    assert reset(client, body["token"]).status_code == 422, "it is good for nothing else"
    assert user.post("/api/v1/me/verify-email").status_code == 202
    mailing.mail_queue.close()
    assert len(box.received) == 1, "what is verified is not verified again"


def test_an_invitation_is_mailed_and_its_link_shown_to_nobody(
    mailing: Runtime, client: TestClient, box: MailBox, user: Household
) -> None:
    email = f"mailed.guest{next(_numbers)}@example.com"
    made = invite(user, email, "member")
    link = mailed(box)
    mailing.mail_queue.close()

    assert made["link"] is None
    assert box.received[0][0] == [email]
    assert link.startswith("https://app.example.org/accept-invitation#token=")
    assert user.get(f"invitations/{made['id']}").json["mailed_at"] is not None
    body = {"email": email, "password": PASSWORD, "invitation": token_of(link)}
    joined = client.simulate_post("/api/v1/auth/register", json=body)
    assert joined.json["organization"]["id"] == user.org_id
    assert is_verified(mailing, Household(client, email, dict(joined.json)))


def test_a_repeated_invitation_with_one_key_is_mailed_once(
    mailing: Runtime, box: MailBox, user: Household
) -> None:
    body = {"email": f"mailed.guest{next(_numbers)}@example.com", "role": "viewer"}
    key = {"Idempotency-Key": "invite-once"}
    first, again = (user.call("POST", "invitations", json=body, headers=key) for _ in range(2))

    assert first.json == again.json
    assert again.headers["Idempotency-Replayed"] == "true"
    mailing.mail_queue.close()
    assert len(box.received) == 1


def test_with_redis_a_worker_sends_the_mail(serve: Serve, box: MailBox) -> None:
    with running_redis() as redis:
        mail_by_worker(serve, box, redis.url)


def mail_by_worker(serve: Serve, box: MailBox, redis_url: str) -> None:
    made = serve.runtime(
        SMTP_HOST="127.0.0.1",
        SMTP_PORT=str(box.port),
        SMTP_SECURITY="none",
        MAIL_FROM="nestegg@example.org",
        APP_BASE_URL="https://app.example.org",
        QUEUE_REDIS_URL=redis_url,
    )
    client = ConformingClient(create_app(made), operations(made))
    user = register(client, email=f"owner{next(_numbers)}@example.com")
    assert forgot(client, user.email).status_code == 202
    assert box.received == []
    (waiting,), _ = made.job_list.page({"state": "queued", "name": "mail_reset_link"}, limit=1)

    made.jobs.deliver(waiting["id"])

    assert reset(client, token_of(mailed(box))).status_code == 200


def test_without_a_mail_server_everyone_is_told_to_ask_an_administrator(
    serve: Serve,
) -> None:
    plain = serve()
    user = register(plain, email=f"owner{next(_numbers)}@example.com")
    nobody = f"nobody{next(_numbers)}@example.com"

    answers = [forgot(plain, email) for email in (user.email, nobody)]
    answers.append(user.post("/api/v1/me/verify-email"))

    assert {(one.status_code, kind(one)) for one in answers} == {(409, "mail-not-configured")}
