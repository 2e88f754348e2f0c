"""What a trigger may say of a Redis and of a key in it, and the records that this becomes.

Connection, credentials and TLS are apart from the key, for they are the same in every kind of the Redis family.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Annotated, Literal

from pydantic import Field, SecretStr

from scaler.net.egress import misaddressed, split_host_port
from scaler.net.tls import Tls
from scaler.triggers.params import Names, SourceParams
from scaler.triggers.values import Boolean, CommaList, Whole


class ConnectionParams(SourceParams):
    """How to reach a Redis."""

    address: Annotated[
        CommaList, Names("address", "addresses"), Field(description="Where it listens, `host:port`; the first is used.")
    ] = ()
    host: Annotated[
        CommaList, Names("host", "hosts"), Field(description="Its host; goes with `port`, instead of `address`.")
    ] = ()
    port: Annotated[CommaList, Names("port", "ports"), Field(description="Its port; as many as there are hosts.")] = ()
    username: Annotated[str, Field(description="The user to log in as; without it, the default user.")] = ""
    password: Annotated[SecretStr | None, Field(description="The password; without it, no login.")] = None
    source_tls: Annotated[
        Boolean | None, Names("sourceTLS"), Field(description="Speak TLS to Redis (the native scaler's `enableTLS`).")
    ] = None
    source_unsafe_ssl: Annotated[
        Boolean, Field(description="Believe any certificate (the native scaler's `unsafeSsl`).")
    ] = False
    tls: Annotated[
        Literal["enable", "disable"] | None, Field(description="As `sourceTLS`: `enable` or `disable`; not both.")
    ] = None
    ca: Annotated[str, Field(description="PEM: an authority to trust besides the system's.")] = ""
    cert: Annotated[str, Names("cert", "Cert"), Field(description="PEM: the certificate to show; goes with `key`.")] = (
        ""
    )
    key: Annotated[SecretStr | None, Field(description="PEM: the certificate's private key.")] = None
    key_password: Annotated[SecretStr | None, Field(description="What the private key is encrypted with.")] = None

    def problems(self) -> Iterator[str]:
        """Check addresses, and the pairs that go together."""
        if len(self.host) != len(self.port) and self.host and self.port:
            yield f"'hosts' and 'ports' must be equally many, not {len(self.host)} and {len(self.port)}"
        elif not any(self.addresses):
            yield "'address' is required as host:port, or 'host' and 'port'"
        else:
            yield from (f"'address' {said}" for said in misaddressed(self.addresses))
        if self.source_tls is not None and self.tls is not None:
            yield "'sourceTLS' and 'tls' say the same; only one of them may be set"
        if bool(self.cert) != (self.key is not None):
            yield "'cert' and 'key' go together"

    @property
    def addresses(self) -> tuple[str, ...]:
        """All addresses as ``host:port``, those of ``host`` and ``port`` last; empty unless those two fit."""
        joined = (
            f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
            for host, port in zip(self.host, self.port, strict=False)
        )
        return (*self.address, *joined)

    def secured(self) -> Tls | None:
        """Say how TLS is spoken, ``None`` for plain text. Material without a switch is ignored, as it is natively."""
        if not (self.source_tls or self.tls == "enable"):
            return None
        return Tls(
            ca=self.ca,
            cert=self.cert,
            key=self.key,
            key_password=self.key_password,
            verify=not self.source_unsafe_ssl,
        )


class RedisParams(ConnectionParams):
    """The length of a list, or the size of a set, a sorted set or a hash, on one standalone Redis.

    A key that does not exist counts as empty; a stream or a string is an error. The user needs the commands LLEN,
    SCARD, ZCARD, HLEN and TYPE on the key, and PING. To be told of changes at once, nothing has to be configured on a
    Redis 6 or newer; a restricted user needs `+client|id +client|tracking +subscribe &__redis__:invalidate` for it.
    Where that is not allowed, keyspace notifications are used if the server sends them, else the key is read four
    times a second while the trigger is inactive.
    """

    list_name: Annotated[str, Field(description="The key.")]
    list_length: Annotated[Whole, Field(gt=0, description="How many items one replica takes.")] = 5
    activation_list_length: Annotated[Whole, Field(description="Active means more items than this.")] = 0
    database_index: Annotated[Whole, Field(ge=0, description="The number of the database.")] = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Server:
    """The source: one standalone Redis, seen by one user in one database."""

    host: str
    port: int
    database: int = 0
    username: str = ""
    password: SecretStr | None = None
    tls: Tls | None = None

    def __str__(self) -> str:
        scheme = "redis" if self.tls is None else "rediss"
        return f"{scheme}://{self.host}:{self.port}/{self.database}"


@dataclass(frozen=True, slots=True)
class Key:
    """The query: how much is in this key."""

    name: str

    def __str__(self) -> str:
        """Name the key, for an operator."""
        return f"key {self.name}"


def server(params: RedisParams) -> Server:
    """Name the server. An empty host is this machine, as it is natively; further addresses are for clusters."""
    host, port = split_host_port(params.addresses[0])
    return Server(
        host=host or "localhost",
        port=port,
        database=params.database_index,
        # Natively a user name without a password logs nobody in.
        username=params.username if params.password is not None else "",
        password=params.password,
        tls=params.secured(),
    )
