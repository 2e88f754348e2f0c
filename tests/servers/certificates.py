"""A certificate authority for one test run, and what it signs for 127.0.0.1."""

from dataclasses import dataclass
from pathlib import Path

import trustme
from cryptography.hazmat.primitives import serialization


@dataclass(frozen=True, slots=True, kw_only=True)
class Certificates:
    """Paths of PEM files: the authority's, a server's for 127.0.0.1 and localhost, a client's."""

    ca: Path
    server: Path
    server_key: Path
    client: Path
    client_key: Path


def issue(folder: Path) -> Certificates:
    """Make a new authority and write one server and one client certificate of it to ``folder``."""
    folder.mkdir(parents=True, exist_ok=True)
    paths = Certificates(
        ca=folder / "ca.pem",
        server=folder / "server.pem",
        server_key=folder / "server.key",
        client=folder / "client.pem",
        client_key=folder / "client.key",
    )
    authority = trustme.CA()
    authority.cert_pem.write_to_path(paths.ca)
    _write(authority.issue_cert("127.0.0.1", "localhost", "::1"), paths.server, paths.server_key)
    _write(authority.issue_cert("warmscaler@example.org", common_name="warmscaler"), paths.client, paths.client_key)
    return paths


def _write(leaf: trustme.LeafCert, certificate: Path, key: Path) -> None:
    certificate.write_bytes(b"".join(blob.bytes() for blob in leaf.cert_chain_pems))
    key.write_bytes(leaf.private_key_pem.bytes())
    key.chmod(0o600)


def pkcs8(key: Path) -> bytes:
    """Return a private key the way Java reads it."""
    loaded = serialization.load_pem_private_key(key.read_bytes(), password=None)
    return loaded.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
