"""NKeys and the JWTs that an operator, its accounts and their users are described by; as `nsc` would make them."""

import base64
import hashlib
import json
import secrets
import time
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from scaler.probes.nats_jetstream.keys import SEED, encoded

PREFIXES = {"O": 14 << 3, "A": 0, "U": 20 << 3}


class Key:
    """A new key pair; ``letter`` says whose: O(perator), A(ccount) or U(ser)."""

    def __init__(self, letter: str) -> None:
        whose, secret = PREFIXES[letter], secrets.token_bytes(32)
        self._private = Ed25519PrivateKey.from_private_bytes(secret)
        self.seed = encoded(bytes([SEED | whose >> 5, (whose & 31) << 3]), secret)
        self.public = encoded(bytes([whose]), self._private.public_key().public_bytes_raw())

    def sign(self, subject: "Key", name: str, nats: dict[str, Any]) -> str:
        """Sign claims about ``subject``."""
        claims = {"iat": int(time.time()), "iss": self.public, "name": name, "sub": subject.public, "nats": nats}
        claims["jti"] = base64.b32encode(hashlib.sha256(json.dumps(claims).encode()).digest()).decode().rstrip("=")
        signed = f"{_b64({'typ': 'JWT', 'alg': 'ed25519-nkey'})}.{_b64(claims)}"
        return f"{signed}.{base64.urlsafe_b64encode(self._private.sign(signed.encode())).decode().rstrip('=')}"


def _b64(claims: dict[str, Any]) -> str:
    return base64.urlsafe_b64encode(json.dumps(claims).encode()).decode().rstrip("=")


LIMITS = {
    "subs": -1,
    "conn": -1,
    "leaf": -1,
    "imports": -1,
    "exports": -1,
    "data": -1,
    "payload": -1,
    "wildcards": True,
    "mem_storage": -1,
    "disk_storage": -1,
    "streams": -1,
    "consumer": -1,
}


class Operator:
    """An operator with one account that may use JetStream, and users of it."""

    def __init__(self) -> None:
        self._key = Key("O")
        self.account = Key("A")
        self._system = Key("A")

    def config(self) -> str:
        """Return what a server's configuration needs to trust the operator."""
        operator = self._key.sign(self._key, "op", {"type": "operator", "version": 2})
        account = self._key.sign(self.account, "team", {"type": "account", "version": 2, "limits": LIMITS})
        system = self._key.sign(
            self._system,
            "SYS",
            {"type": "account", "version": 2, "limits": {**LIMITS, "mem_storage": 0, "disk_storage": 0}},
        )
        return f"""
operator: {operator}
system_account: {self._system.public}
resolver: MEMORY
resolver_preload: {{ {self.account.public}: {account}, {self._system.public}: {system} }}
"""

    def user(self) -> tuple[str, str]:
        """Return the JWT and the seed of a new user."""
        user = Key("U")
        jwt = self.account.sign(
            user, "ada", {"type": "user", "version": 2, "subs": -1, "data": -1, "payload": -1, "pub": {}, "sub": {}}
        )
        return jwt, user.seed

    def credentials(self) -> str:
        """Return the text of a new user's credentials file."""
        jwt, seed = self.user()
        return (
            f"-----BEGIN NATS USER JWT-----\n{jwt}\n------END NATS USER JWT------\n\n"
            f"-----BEGIN USER NKEY SEED-----\n{seed}\n------END USER NKEY SEED------\n"
        )
