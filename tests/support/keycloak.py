"""Keycloak itself: a realm as an administrator makes it, its users, and its keys."""

import json
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import requests

from support.code_flow import CALLBACK, PATIENCE, Browser, BrowserApp
from support.peer_downloads import keycloak_distribution, unpack
from support.peer_server import PeerServer, free_port

REALM, CLIENT, ADMINISTRATORS = "nest-egg", "nest-egg-web", "nest-egg-admins"
PASSWORD = "correct-horse-battery"
_DAY = 24 * 3600
# Longer than keys may be stale, so that a token outlives them.
_TOKEN_SECONDS = 3 * _DAY
_START_SECONDS = 360
_RULER, _SECRET = "ruler", "of this process alone"

REALM_DOCUMENT: dict[str, Any] = {
    "realm": REALM,
    "enabled": True,
    "accessTokenLifespan": _TOKEN_SECONDS,
    "ssoSessionIdleTimeout": 2 * _TOKEN_SECONDS,
    "ssoSessionMaxLifespan": 2 * _TOKEN_SECONDS,
    "revokeRefreshToken": True,
    "roles": {"realm": [{"name": ADMINISTRATORS}]},
    "groups": [{"name": "family", "subGroups": [{"name": "parents"}]}],
    "clients": [
        {
            "clientId": CLIENT,
            "publicClient": True,
            "standardFlowEnabled": True,
            "directAccessGrantsEnabled": True,
            "redirectUris": [CALLBACK],
            "attributes": {"pkce.code.challenge.method": "S256"},
            "protocolMappers": [
                {
                    "name": "groups",
                    "protocol": "openid-connect",
                    "protocolMapper": "oidc-group-membership-mapper",
                    "config": {
                        "claim.name": "groups",
                        "full.path": "true",
                        "access.token.claim": "true",
                        "id.token.claim": "false",
                        "userinfo.token.claim": "false",
                    },
                }
            ],
        },
        {
            "clientId": "another-app",
            "publicClient": True,
            "directAccessGrantsEnabled": True,
            "standardFlowEnabled": False,
        },
    ],
}


@dataclass
class Keycloak:
    """A running Keycloak with the realm, and its administration.

    Attributes:
        url: where it listens; stays the same when it is started again.
        server: its process.
    """

    url: str
    server: PeerServer = field(repr=False)

    @property
    def issuer(self) -> str:
        """The realm's."""
        return f"{self.url}/realms/{REALM}"

    def app(self, client_id: str = CLIENT) -> BrowserApp:
        """An app that is registered with the realm."""
        endpoints = f"{self.issuer}/protocol/openid-connect"
        return BrowserApp(f"{endpoints}/auth", f"{endpoints}/token", client_id)

    def sign_in(self, name: str) -> dict[str, Any]:
        """Sign a user in as browsers do, through the login form."""

        def consent(browser: Browser) -> None:
            browser.submit(username=name, password=PASSWORD)

        return self.app().sign_in(consent)

    def by_password(self, name: str, client_id: str = CLIENT) -> requests.Response:
        """Ask for tokens with a user's password; return the answer, whatever it is."""
        user = {"username": name, "password": PASSWORD, "scope": "openid"}
        return self.app(client_id).ask(grant_type="password", **user)

    def access_token(self, name: str, client_id: str = CLIENT) -> str:
        """Return an access token for a user's password."""
        answer = self.by_password(name, client_id)
        assert answer.status_code == requests.codes.ok, answer.text
        return str(answer.json()["access_token"])

    def add_user(self, name: str, *, groups: tuple[str, ...] = ()) -> str:
        """Make a user with a password; return their id."""
        user = {
            "username": name,
            "enabled": True,
            "email": f"{name}@example.org",
            "emailVerified": True,
            "firstName": name.capitalize(),
            "lastName": "Example",
            "groups": groups,
            "credentials": [{"type": "password", "value": PASSWORD, "temporary": False}],
        }
        made = self.administer("POST", "users", user)
        return made.headers["Location"].rpartition("/")[2]

    def set_role(self, user: str, *, member: bool) -> None:
        """Give the administrators' role to a user, or take it away."""
        role = self.administer("GET", f"roles/{ADMINISTRATORS}").json()
        self.administer("POST" if member else "DELETE", f"users/{user}/role-mappings/realm", [role])

    def disable(self, user: str) -> None:
        """Disable a user."""
        self.administer("PUT", f"users/{user}", {"enabled": False})

    def rotate_keys(self, algorithm: str = "RS256") -> None:
        """Let the realm sign with a new key from now on; the old ones stay published."""
        realm = self.administer("GET", "").json()
        priority = 100 + len(self.administer("GET", "keys").json()["keys"])
        config = {"priority": [str(priority)], "algorithm": [algorithm], "enabled": ["true"]}
        kind = {
            "name": f"signs-{priority}",
            "providerId": "rsa-generated",
            "providerType": "org.keycloak.keys.KeyProvider",
            "parentId": realm["id"],
            "config": config,
        }
        self.administer("POST", "components", kind)
        self.administer("PUT", "", {"defaultSignatureAlgorithm": algorithm})

    def administer(self, method: str, path: str, body: object = None) -> requests.Response:
        """Ask the administration's interface about the realm; it must agree."""
        token = requests.post(
            f"{self.url}/realms/master/protocol/openid-connect/token",
            data={
                "grant_type": "password",
                "client_id": "admin-cli",
                "username": _RULER,
                "password": _SECRET,
            },
            timeout=PATIENCE,
        ).json()["access_token"]
        answer = requests.request(
            method,
            f"{self.url}/admin/realms/{REALM}/{path}".rstrip("/"),
            json=body,
            headers={"Authorization": f"Bearer {token}"},
            timeout=PATIENCE,
        )
        assert answer.ok, f"{method} {path}: {answer.status_code} {answer.text}"
        return answer


@contextmanager
def running_keycloak(folder: Path) -> Iterator[Keycloak]:
    """Unpack Keycloak into an empty folder, start it with the realm, and end it.

    Skips the test where Java is absent.
    """
    home = unpack(keycloak_distribution(), folder)
    imported = home / "data" / "import"
    imported.mkdir(parents=True)
    (imported / "realm.json").write_text(json.dumps(REALM_DOCUMENT))
    port = str(free_port())
    options = ["--http-host", "127.0.0.1", "--http-port", port, "--import-realm"]
    url = f"http://127.0.0.1:{port}"
    server = PeerServer(
        [str(home / "bin" / "kc.sh"), "start-dev", *options],
        ready=f"{url}/realms/{REALM}/.well-known/openid-configuration",
        variables={
            "KC_BOOTSTRAP_ADMIN_USERNAME": _RULER,
            "KC_BOOTSTRAP_ADMIN_PASSWORD": _SECRET,
            "JAVA_OPTS_KC_HEAP": "-Xms64m -Xmx512m",
        },
        patience=_START_SECONDS,
    )
    try:
        with server:
            yield Keycloak(url, server)
    finally:
        shutil.rmtree(home, ignore_errors=True)
