"""Identity providers that others wrote, and servers of ours that believe them."""

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from nestegg_core.application import Runtime
from support.cognito_pool import UserPool, running_moto
from support.peer_server import PeerServer, free_port
from support.serving import Serve, serving


@pytest.fixture
def serve(runtime: Runtime, variables: dict[str, str]) -> Iterator[Serve]:
    """Starts further servers over the shared, migrated database."""
    del runtime
    with serving(variables) as serve:
        yield serve


@pytest.fixture(scope="session")
def moto() -> Iterator[str]:
    """The address of an imitation of AWS."""
    with running_moto() as url:
        yield url


@pytest.fixture
def pool(moto: str) -> UserPool:
    """A new user pool with a user in it, `aino`."""
    made = UserPool.create(moto)
    made.add_user("aino")
    return made


@pytest.fixture(scope="session")
def provider_mock() -> Iterator[str]:
    """The issuer of an OIDC provider that signs in whoever asks, with any claims."""
    port = free_port()
    issuer = f"http://127.0.0.1:{port}"
    program = str(Path(sys.executable).with_name("oidc-provider-mock"))
    command = [program, "-H", "127.0.0.1", "-p", str(port)]
    with PeerServer(command, ready=f"{issuer}/.well-known/openid-configuration"):
        yield issuer
