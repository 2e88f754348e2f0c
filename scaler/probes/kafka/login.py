"""The source's record: a cluster, and how one logs in to it; with what kafka-python wants to be told of that."""

from dataclasses import dataclass
from typing import Any, Literal

from pydantic import SecretStr

from scaler.net.tls import Tls


@dataclass(frozen=True, slots=True, kw_only=True)
class Mechanism:
    """A user and a password, for PLAIN and SCRAM."""

    name: Literal["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"]
    username: str
    password: SecretStr


@dataclass(frozen=True, slots=True, kw_only=True)
class OAuth:
    """A client of an OAuth server: OAUTHBEARER with tokens by the client credentials grant."""

    endpoint: str
    client: str
    secret: SecretStr
    scopes: tuple[str, ...] = ()
    extensions: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Aws:
    """An AWS identity, for MSK; without a ``secret_key``, that of this process."""

    region: str
    access_key: str = ""
    secret_key: SecretStr | None = None
    session_token: SecretStr | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Kerberos:
    """A Kerberos principal, with its ``password`` or, in base64, its ``keytab``."""

    service: str
    principal: str
    password: SecretStr | None = None
    keytab: SecretStr | None = None


Login = Mechanism | OAuth | Aws | Kerberos


@dataclass(frozen=True, slots=True, kw_only=True)
class Cluster:
    """The source: one Kafka cluster, seen by one user. ``servers`` are sorted, for their order says nothing."""

    servers: tuple[str, ...]
    login: Login | None = None
    tls: Tls | None = None

    def __str__(self) -> str:
        return f"kafka://{','.join(self.servers)}"


def protocol(cluster: Cluster) -> dict[str, Any]:
    """Say in kafka-python's words what is spoken; passwords inside."""
    transport = "PLAINTEXT" if cluster.tls is None else "SSL"
    if cluster.login is None:
        return {"security_protocol": transport}
    return {"security_protocol": f"SASL_{transport}", **_mechanism(cluster.login)}


def _mechanism(login: Login) -> dict[str, str]:
    match login:
        case Mechanism(name=name, username=username, password=password):
            user = username if name == "PLAIN" else username.replace("=", "=3D").replace(",", "=2C")  # RFC 5802, 5.1
            secret = password.get_secret_value()
            return {"sasl_mechanism": name, "sasl_plain_username": user, "sasl_plain_password": secret}
        case OAuth():
            return {"sasl_mechanism": "OAUTHBEARER"}
        case Aws():
            return {"sasl_mechanism": "AWS_MSK_IAM"}
        case Kerberos(service=service):
            return {"sasl_mechanism": "GSSAPI", "sasl_kerberos_service_name": service}
