import ssl
from pathlib import Path

import pytest
import trustme
from cryptography.hazmat.primitives import serialization
from pydantic import SecretStr

from scaler.errors import Cause, SourceUnavailable
from scaler.net.tls import Tls, client_context, untrusted


class Papers:
    """An authority, a client certificate of it and its private key, as texts."""

    def __init__(self) -> None:
        authority = trustme.CA()
        leaf = authority.issue_cert("warmscaler@example.org")
        self.ca = authority.cert_pem.bytes().decode()
        self.cert = leaf.cert_chain_pems[0].bytes().decode()
        self.key = leaf.private_key_pem.bytes().decode()

    def locked(self, password: str) -> str:
        """Return the key, encrypted."""
        key = serialization.load_pem_private_key(self.key.encode(), None)
        lock = serialization.BestAvailableEncryption(password.encode())
        return key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, lock).decode()


@pytest.fixture(scope="module")
def papers() -> Papers:
    return Papers()


def test_by_default_only_the_systems_authorities_are_believed_and_old_tls_is_refused() -> None:
    context = client_context(Tls())
    assert context.verify_mode is ssl.CERT_REQUIRED
    assert context.check_hostname
    assert context.minimum_version is ssl.TLSVersion.TLSv1_2


def test_an_own_authority_is_believed_besides(papers: Papers) -> None:
    ours = client_context(Tls(ca=papers.ca)).cert_store_stats()["x509_ca"]
    assert ours == client_context(Tls()).cert_store_stats()["x509_ca"] + 1


def test_verifying_can_be_switched_off() -> None:
    context = client_context(Tls(verify=False))
    assert context.verify_mode is ssl.CERT_NONE
    assert not context.check_hostname


@pytest.mark.parametrize("in_memory", [pytest.param(True, id="in memory"), pytest.param(False, id="by a file")])
def test_a_key_is_shown_and_leaves_no_file(
    papers: Papers, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *, in_memory: bool
) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    if not in_memory:
        monkeypatch.delattr("os.memfd_create")
    client_context(Tls(cert=papers.cert, key=SecretStr(papers.key)))
    client_context(Tls(cert=papers.cert, key=SecretStr(papers.locked("x")), key_password=SecretStr("x")))
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("wrong", "named"),
    [
        pytest.param({"ca": "nonsense"}, "'ca'", id="an authority that is no PEM"),
        pytest.param({"ca": "nönsense"}, "'ca'", id="an authority that is not even ASCII"),
        pytest.param({"cert": "ceert", "key": "keey"}, "'cert' and 'key'", id="no PEM at all"),
        pytest.param({"key": "keey"}, "'cert' and 'key'", id="a certificate without its key"),
        pytest.param({"password": "wrong"}, "'cert' and 'key'", id="a wrong password"),
        pytest.param({"password": ""}, "'cert' and 'key'", id="no password; nobody is asked for it"),
    ],
)
def test_what_cannot_be_used_is_named(papers: Papers, wrong: dict[str, str], named: str) -> None:
    given = {"ca": papers.ca, "cert": papers.cert, "key": papers.locked("x"), "password": "x"} | wrong
    tls = Tls(
        ca=given["ca"],
        cert=given["cert"],
        key=SecretStr(given["key"]),
        key_password=SecretStr(given["password"]) if given["password"] else None,
    )
    with pytest.raises(SourceUnavailable) as error:
        client_context(tls)
    assert error.value.cause is Cause.INVALID
    assert error.value.detail.startswith(f"{named} cannot be used: ")


def test_comments_around_an_authority_may_be_in_any_script(papers: Papers) -> None:
    client_context(Tls(ca=f"Prüfstelle Zürich\n{papers.ca}"))


def test_trust_is_told_from_reach() -> None:
    wrapped = OSError("connecting failed")
    wrapped.__cause__ = ssl.SSLCertVerificationError("self-signed certificate")
    assert untrusted(wrapped)
    assert not untrusted(ConnectionRefusedError())
    assert not untrusted(None)
