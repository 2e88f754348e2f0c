"""Who may talk to a control plane: certificates, the users' tokens, and a kubeconfig for each user."""

import json
import secrets
from dataclasses import dataclass, field
from pathlib import Path

import trustme
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec

# Name to groups. KEDA's own RBAC is not what these tests are about.
_USERS = {
    "admin": "system:masters",
    "system:kube-controller-manager": "system:masters",  # instead of a service account for each controller
    "system:kube-scheduler": "",
    "kwok": "system:masters",
    "keda": "system:masters",
}
_FRONT_PROXY = "front-proxy-client"


@dataclass(frozen=True, slots=True, kw_only=True)
class Credentials:
    """The files of one control plane, all below ``folder``; ``url`` is its API server's.

    ``pair`` is a server's certificate and key for localhost and 127.0.0.1 of the authority ``ca``.
    """

    folder: Path
    url: str
    tokens: dict[str, str] = field(default_factory=lambda: {user: secrets.token_hex(16) for user in _USERS})

    @property
    def ca(self) -> Path:
        """The authority of everything but the front proxy."""
        return self.folder / "ca.crt"

    @property
    def pair(self) -> tuple[Path, Path]:
        """A server's certificate and key."""
        return self.folder / "tls.crt", self.folder / "tls.key"

    def kubeconfig(self, user: str) -> Path:
        """Return the path of the kubeconfig of one of the users."""
        return self.folder / f"{user.replace(':', '-')}.kubeconfig"

    def kubeconfig_of(self, token: str, path: Path) -> Path:
        """Write the kubeconfig of whoever has ``token``, such as a service account, to ``path`` and return that."""
        path.write_text(json.dumps(_kubeconfig(self, "bearer", token)))
        return path

    def api_server_flags(self) -> list[str]:
        """Return the flags by which the API server knows its users, its aggregated servers and itself."""
        front, accounts = self.folder / "front", self.folder / "accounts"
        certificate, key = self.pair
        return [
            f"--tls-cert-file={certificate}",
            f"--tls-private-key-file={key}",
            f"--client-ca-file={self.ca}",
            f"--token-auth-file={self.folder / 'tokens.csv'}",
            "--service-account-issuer=https://kubernetes.default.svc",
            f"--service-account-key-file={accounts}.pub",
            f"--service-account-signing-key-file={accounts}.key",
            f"--requestheader-client-ca-file={front}-ca.crt",
            f"--requestheader-allowed-names={_FRONT_PROXY}",
            "--requestheader-username-headers=X-Remote-User",
            "--requestheader-group-headers=X-Remote-Group",
            "--requestheader-extra-headers-prefix=X-Remote-Extra-",
            f"--proxy-client-cert-file={front}.crt",
            f"--proxy-client-key-file={front}.key",
        ]

    def controller_flags(self) -> list[str]:
        """Return the flags by which the controller manager signs tokens of service accounts."""
        return [
            f"--root-ca-file={self.ca}",
            f"--service-account-private-key-file={self.folder / 'accounts.key'}",
        ]


def issue(folder: Path, url: str) -> Credentials:
    """Make new authorities, keys and tokens for an API server at ``url`` and write them to ``folder``."""
    folder.mkdir(parents=True, exist_ok=True)
    credentials = Credentials(folder=folder, url=url)
    authority, front = trustme.CA(), trustme.CA()
    authority.cert_pem.write_to_path(credentials.ca)
    front.cert_pem.write_to_path(folder / "front-ca.crt")
    _write(authority.issue_cert("localhost", "127.0.0.1"), *credentials.pair)
    # Without any other name the certificate has an empty critical extension, which Go does not accept.
    _write(front.issue_cert("localhost", common_name=_FRONT_PROXY), folder / "front.crt", folder / "front.key")
    _write_accounts(folder)
    _write_users(credentials)
    return credentials


def _write(leaf: trustme.LeafCert, certificate: Path, key: Path) -> None:
    certificate.write_bytes(b"".join(blob.bytes() for blob in leaf.cert_chain_pems))
    key.write_bytes(leaf.private_key_pem.bytes())


def _write_accounts(folder: Path) -> None:
    key = ec.generate_private_key(ec.SECP256R1())
    pem = serialization.Encoding.PEM
    (folder / "accounts.key").write_bytes(
        key.private_bytes(pem, serialization.PrivateFormat.TraditionalOpenSSL, serialization.NoEncryption())
    )
    public = key.public_key().public_bytes(pem, serialization.PublicFormat.SubjectPublicKeyInfo)
    (folder / "accounts.pub").write_bytes(public)


def _write_users(credentials: Credentials) -> None:
    lines = [f'{token},{user},{user},"{_USERS[user]}"\n' for user, token in credentials.tokens.items()]
    (credentials.folder / "tokens.csv").write_text("".join(lines))
    for user, token in credentials.tokens.items():
        credentials.kubeconfig(user).write_text(json.dumps(_kubeconfig(credentials, user, token)))


def _kubeconfig(credentials: Credentials, user: str, token: str) -> dict[str, object]:
    cluster = {"server": credentials.url, "certificate-authority": str(credentials.ca)}
    return {
        "apiVersion": "v1",
        "kind": "Config",
        "current-context": "tests",
        "clusters": [{"name": "tests", "cluster": cluster}],
        "users": [{"name": user, "user": {"token": token}}],
        "contexts": [{"name": "tests", "context": {"cluster": "tests", "user": user}}],
    }
