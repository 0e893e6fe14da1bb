"""emulate, which imitates Google with the issuer of the real one, and Okta."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import requests

from support.callers import ApiCaller
from support.code_flow import PATIENCE, BrowserApp, claims_of
from support.peer_downloads import node_modules, program
from support.peer_server import PeerServer, free_port
from support.serving import Serve

HERE = Path(__file__).parent
CLIENT, SECRET = "nest-egg-web", "local-only"
GOOGLE_ISSUER = "https://accounts.google.com"


@contextmanager
def emulated(service: str, base_url: str) -> Iterator[str]:
    """Run one service; `{url}` in its base URL is where it listens."""
    node, modules, port = program("node", "emulate"), node_modules(), free_port()
    url = f"http://127.0.0.1:{port}"
    start = [str(modules / "emulate" / "dist" / "index.js"), "start", "--service", service]
    options = ["--port", str(port), "--base-url", base_url.format(url=url)]
    seed = ["--seed", str(HERE / "emulate.yaml")]
    command = [node, "--import", str(HERE / "loopback.mjs"), *start, *options, *seed]
    with PeerServer(command, ready=f"{url}/.well-known/openid-configuration"):
        yield url


@pytest.fixture(scope="module")
def google() -> Iterator[str]:
    """Where Google is imitated."""
    with emulated("google", GOOGLE_ISSUER) as url:
        yield url


@pytest.fixture(scope="module")
def okta() -> Iterator[str]:
    """Where Okta is imitated."""
    with emulated("okta", "{url}") as url:
        yield url


def google_tokens(url: str, email: str) -> dict[str, Any]:
    """Sign an account in; Google's own discovery would lead to Google."""
    endpoints = f"{url}/o/oauth2/v2/auth", f"{url}/oauth2/token"
    return BrowserApp(*endpoints, CLIENT, SECRET).sign_in(lambda it: it.submit(email=email))


def google_variables(url: str, **further: str) -> dict[str, str]:
    """What an operator sets, and the overrides for a server that is not Google's."""
    return {
        "IDENTITY_PROVIDER_CHAIN": "google,builtin",
        "IDP_GOOGLE_CLIENT_ID": CLIENT,
        "IDP_GOOGLE_JWKS_URL": f"{url}/oauth2/v3/certs",
        "OIDC_ALLOW_LOOPBACK_HTTP": "true",
        **further,
    }


def test_google_id_tokens_sign_users_of_a_hosted_domain_in(google: str, serve: Serve) -> None:
    api = ApiCaller(
        serve(
            **google_variables(
                google, IDP_GOOGLE_HOSTED_DOMAIN="example.org", IDP_GOOGLE_PROVISION="true"
            )
        )
    )
    inside, outside = (google_tokens(google, who) for who in ("onni@example.org", "aino@gmail.com"))
    assert claims_of(inside["id_token"])["iss"] == GOOGLE_ISSUER

    user = api.me(inside["id_token"])

    assert (user["email"], user["name"]) == ("onni@example.org", "Onni")
    assert not user["is_admin"]
    assert api.status(outside["id_token"]) == 401
    api.sign_out(inside["id_token"])


def test_google_access_and_refresh_tokens_are_not_for_us(google: str, serve: Serve) -> None:
    api = ApiCaller(serve(**google_variables(google, IDP_GOOGLE_PROVISION="true")))
    tokens = google_tokens(google, "aino@gmail.com")

    assert api.status(tokens["id_token"]) == 200
    assert api.status(tokens["access_token"]) == 401
    assert api.status(tokens["refresh_token"]) == 401


def test_with_the_guides_variables_alone_google_makes_nobody_up(google: str, serve: Serve) -> None:
    """Anybody in the world has a Google account: strangers get in when the operator says so."""
    token = google_tokens(google, "venla@gmail.com")["id_token"]
    api = ApiCaller(serve(**google_variables(google)))
    assert api.status(token) == 401

    known = ApiCaller(serve(**google_variables(google, IDP_GOOGLE_PROVISION="true"))).me(token)

    # Whoever has been seen once is known from then on, whatever the setting is now.
    assert api.me(token)["id"] == known["id"]


def test_google_tokens_for_another_app_are_refused(google: str, serve: Serve) -> None:
    variables = google_variables(google, IDP_GOOGLE_PROVISION="true")
    token = google_tokens(google, "aino@gmail.com")["id_token"]

    assert ApiCaller(serve(**{**variables, "IDP_GOOGLE_CLIENT_ID": "another"})).status(token) == 401


@pytest.mark.parametrize(("path", "client"), [("/oauth2/default", CLIENT), ("", "nest-egg-org")])
def test_okta_id_tokens_sign_a_user_in_and_groups_decide(
    okta: str, serve: Serve, path: str, client: str
) -> None:
    """A custom server's and the org server's: two issuers of one org."""
    issuer = f"{okta}{path}"
    app = BrowserApp.discovered(
        f"{issuer}/.well-known/openid-configuration",
        client,
        client_secret=SECRET,
        scope="openid email profile groups offline_access",
    )
    api = ApiCaller(
        serve(
            IDENTITY_PROVIDER_CHAIN="okta,builtin",
            IDP_OKTA_ISSUER=issuer,
            IDP_OKTA_CLIENT_ID=client,
            IDP_OKTA_PROVISION="true",
            IDP_OKTA_ADMIN_GROUP="nest-egg-admins",
            OIDC_ALLOW_LOOPBACK_HTTP="true",
        )
    )

    def membership(change: Callable[..., requests.Response]) -> None:
        target = f"{okta}/api/v1/groups/00g-admins/users/00u-elli"
        answer = change(
            target, headers={"Authorization": "SSWS test_token_admin"}, timeout=PATIENCE
        )
        assert answer.status_code == requests.codes.no_content

    membership(requests.put)
    inside = app.sign_in(lambda browser: browser.submit(user_ref="00u-elli"))
    assert claims_of(inside["id_token"])["sub"] == "00u-elli"
    membership(requests.delete)
    outside = app.refresh(inside["refresh_token"])

    first, second = api.me(inside["id_token"]), api.me(outside["id_token"])

    assert first["id"] == second["id"]
    assert [first["is_admin"], second["is_admin"]] == [True, False]
    assert [api.may_administer(one["id_token"]) for one in (inside, outside)] == [True, False]
    # Opaque here, as those of the org server always are.
    assert api.status(inside["access_token"]) == 401
    assert api.status(inside["refresh_token"]) == 401
    api.sign_out(outside["id_token"])


def test_okta_tokens_of_another_authorization_server_are_refused(okta: str, serve: Serve) -> None:
    app = BrowserApp.discovered(
        f"{okta}/.well-known/openid-configuration", "nest-egg-org", client_secret=SECRET
    )
    token = app.sign_in(lambda browser: browser.submit(user_ref="00u-elli"))["id_token"]
    variables = {
        "IDENTITY_PROVIDER_CHAIN": "okta,builtin",
        "IDP_OKTA_ISSUER": f"{okta}/oauth2/default",
        "IDP_OKTA_CLIENT_ID": "nest-egg-org",
        "IDP_OKTA_PROVISION": "true",
        "OIDC_ALLOW_LOOPBACK_HTTP": "true",
    }

    assert ApiCaller(serve(**variables)).status(token) == 401
