"""The sources and the query: what makes a connection differ, and what makes an answer differ."""

from dataclasses import dataclass
from typing import Final

from pydantic import SecretStr

from scaler.net.tls import Tls

JETSTREAM_API: Final = "$JS.API"


@dataclass(frozen=True, slots=True)
class Consumer:
    """The query: what a consumer of a stream has still to do."""

    stream: str
    name: str

    def __str__(self) -> str:
        return f"consumer {self.name} of stream {self.stream}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Monitoring:
    """A source that is read through its monitoring endpoint: ``base`` is a URL without its last part.

    An account is the wanted one if its id is ``account_id`` or its name is ``account``.
    """

    base: str
    account: str
    account_id: str
    tls: Tls

    def __str__(self) -> str:
        return f"{self.base} account {self.account or self.account_id}"


@dataclass(frozen=True, slots=True, order=True)
class Address:
    """Where a server listens for clients."""

    host: str
    port: int

    def __str__(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Login:
    """Who we are to the server: a user with a password, a token, or the holder of a seed, perhaps with a JWT."""

    username: str = ""
    password: SecretStr | None = None
    token: SecretStr | None = None
    seed: SecretStr | None = None
    jwt: SecretStr | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Servers:
    """A source that is read through the JetStream API: any of ``addresses`` will do; they are sorted.

    ``secure`` insists on TLS; a server that asks for TLS gets it anyway. ``api`` is what the subjects of the API begin
    with: another one than :data:`JETSTREAM_API` leads to a domain, or through another account.
    """

    addresses: tuple[Address, ...]
    secure: bool = False
    tls: Tls
    login: Login
    api: str = JETSTREAM_API

    def __str__(self) -> str:
        return ",".join(map(str, self.addresses))
