"""A user pool at moto, which imitates AWS: asked as AWS is asked, over HTTP."""

import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import requests

from support.peer_server import PeerServer, free_port

REGION = "eu-north-1"
PASSWORD = "Correct-horse-7"
ADMINISTRATORS = "nest-egg-admins"
_TARGET = "AWSCognitoIdentityProviderService"
# moto reads the region from the signature's scope, and checks no signature.
_SCOPE = f"AWS4-HMAC-SHA256 Credential=test/20300101/{REGION}/cognito-idp/aws4_request"
_SECONDS = 30


@dataclass(frozen=True)
class UserPool:
    """One user pool with an app client.

    Attributes:
        url: where moto listens.
        pool_id: the pool's.
        client_id: the app client's.
    """

    url: str
    pool_id: str
    client_id: str

    @classmethod
    def create(cls, url: str) -> "UserPool":
        """Make a pool as an administrator does in the console: an app client, and a group."""
        pool = call(url, "CreateUserPool", PoolName="nest-egg")["UserPool"]["Id"]
        client = call(
            url,
            "CreateUserPoolClient",
            UserPoolId=pool,
            ClientName="web",
            ExplicitAuthFlows=["ALLOW_USER_PASSWORD_AUTH", "ALLOW_REFRESH_TOKEN_AUTH"],
        )["UserPoolClient"]["ClientId"]
        call(url, "CreateGroup", UserPoolId=pool, GroupName=ADMINISTRATORS)
        return cls(url, pool, client)

    @property
    def issuer(self) -> str:
        """The issuer, which is Amazon's wherever the pool is."""
        return f"https://cognito-idp.{REGION}.amazonaws.com/{self.pool_id}"

    @property
    def jwks_url(self) -> str:
        """Where moto has the keys."""
        return f"{self.url}/{self.pool_id}/.well-known/jwks.json"

    @property
    def variables(self) -> dict[str, str]:
        """What an operator sets, and the overrides for a server that is not Amazon's."""
        return {
            "IDENTITY_PROVIDER_CHAIN": "cognito,builtin",
            "IDP_COGNITO_ISSUER": self.issuer,
            "IDP_COGNITO_CLIENT_ID": self.client_id,
            "IDP_COGNITO_PROVISION": "true",
            "IDP_COGNITO_ADMIN_GROUP": ADMINISTRATORS,
            "IDP_COGNITO_JWKS_URL": self.jwks_url,
            "OIDC_ALLOW_LOOPBACK_HTTP": "true",
        }

    def ask(self, action: str, **parameters: Any) -> dict[str, Any]:
        """Do something with this pool."""
        return call(self.url, action, UserPoolId=self.pool_id, **parameters)

    def add_user(self, name: str) -> None:
        """Make a user with a password."""
        email = {"Name": "email", "Value": f"{name}@example.org"}
        self.ask("AdminCreateUser", Username=name, UserAttributes=[email])
        self.ask("AdminSetUserPassword", Username=name, Password=PASSWORD, Permanent=True)

    def sign_in(self, name: str) -> dict[str, str]:
        """Return the `AccessToken`, `IdToken` and `RefreshToken` of a user."""
        secrets = {"USERNAME": name, "PASSWORD": PASSWORD}
        return self._initiate("USER_PASSWORD_AUTH", secrets)

    def refresh(self, refresh_token: str) -> dict[str, str]:
        """Return new tokens for a refresh token."""
        return self._initiate("REFRESH_TOKEN_AUTH", {"REFRESH_TOKEN": refresh_token})

    def _initiate(self, flow: str, parameters: dict[str, str]) -> dict[str, str]:
        asked = {"ClientId": self.client_id, "AuthFlow": flow, "AuthParameters": parameters}
        tokens: dict[str, str] = call(self.url, "InitiateAuth", **asked)["AuthenticationResult"]
        return tokens


def call(url: str, action: str, **parameters: Any) -> dict[str, Any]:
    """Ask Cognito's own interface; it must agree."""
    headers = {
        "X-Amz-Target": f"{_TARGET}.{action}",
        "Content-Type": "application/x-amz-json-1.1",
        "Authorization": _SCOPE,
    }
    answer = requests.post(url, json.dumps(parameters), headers=headers, timeout=_SECONDS)
    assert answer.status_code == requests.codes.ok, f"{action}: {answer.text}"
    content: dict[str, Any] = answer.json() if answer.content else {}
    return content


@contextmanager
def running_moto() -> Iterator[str]:
    """Start moto and give its address."""
    port = free_port()
    program = str(Path(sys.executable).with_name("moto_server"))
    command = [program, "-H", "127.0.0.1", "-p", str(port)]
    with PeerServer(command, ready=f"http://127.0.0.1:{port}/moto-api/data.json"):
        yield f"http://127.0.0.1:{port}"
