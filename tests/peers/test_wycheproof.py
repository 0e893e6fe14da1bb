"""Project Wycheproof: signatures and keys that look right and are not, through our own verifier."""

import json
from base64 import urlsafe_b64decode
from collections.abc import Iterator
from typing import Any

import pytest

from nestegg_core.auth.oidc.claims import CompactToken
from nestegg_core.auth.oidc.keys import BadSignature, KeySetRefused, UnknownKey, parse_key_set
from support.peer_downloads import wycheproof_vectors

Group = dict[str, Any]


def groups(name: str) -> Iterator[Group]:
    yield from json.loads((wycheproof_vectors() / f"{name}_test.json").read_text())["testGroups"]


def accepts(document: Any, token: CompactToken) -> bool:
    try:
        parse_key_set(json.dumps(document).encode()).verify(token)
    except (BadSignature, UnknownKey, KeySetRefused):
        return False
    return True


@pytest.mark.parametrize(
    ("name", "algorithm"),
    [
        ("ecdsa_secp256r1_sha256_p1363", "ES256"),
        ("ecdsa_secp384r1_sha384_p1363", "ES384"),
        ("ecdsa_secp521r1_sha512_p1363", "ES512"),
    ],
)
def test_exactly_the_valid_signatures_of_a_curve_are_taken(name: str, algorithm: str) -> None:
    wrong, seen = [], {"valid": 0, "invalid": 0}
    for group in groups(name):
        if "publicKeyJwk" not in group:  # keys with a peculiarity that a JWK cannot have
            continue
        keys = {"keys": [{**group["publicKeyJwk"], "kid": "k", "use": "sig", "alg": algorithm}]}
        for test in group["tests"]:
            header = {"alg": algorithm, "kid": "k"}
            message, signature = bytes.fromhex(test["msg"]), bytes.fromhex(test["sig"])
            seen[test["result"]] += 1
            if accepts(keys, CompactToken(header, {}, message, signature)) is not (
                test["result"] == "valid"
            ):
                wrong.append((test["tcId"], test["comment"], test["result"]))

    assert wrong == []
    assert min(seen.values()) > 50, seen


def test_no_invalid_public_key_is_believed() -> None:
    """Among them one with the mark of ROCA."""
    believed, looked_at = [], []
    for group in groups("json_web_key"):
        for test in group["tests"] if "public" in group else ():
            if test["result"] == "invalid":
                looked_at.append(group["comment"])
                if accepts({"keys": [group["public"]]}, unjudged(test["jws"])):
                    believed.append((test["tcId"], group["comment"]))

    assert believed == []
    assert "jws_rsa_roca_key" in looked_at
    assert len(looked_at) >= 10


def unjudged(jws: str) -> CompactToken:
    """Take a token apart whose payload is no claims, which alone would be a reason to refuse it."""
    signed, _, signature = jws.rpartition(".")
    header = json.loads(urlsafe_b64decode(signed.partition(".")[0] + "=="))
    return CompactToken(header, {}, signed.encode(), urlsafe_b64decode(signature + "=="))
