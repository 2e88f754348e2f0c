"""Our own certificate, read from files and read again when they change: rotation needs no restart."""

import ssl
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import grpc
from structlog import get_logger

from scaler.errors import ConfigError
from scaler.observe import metrics

log = get_logger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class ServerTls:
    """Paths of PEM files: our certificate chain and key; with ``client_ca``, clients must show a certificate of it."""

    cert: Path
    key: Path
    client_ca: Path | None = None

    def files(self) -> tuple[Path, ...]:
        """List the files that are there to be read."""
        return (self.cert, self.key) if self.client_ca is None else (self.cert, self.key, self.client_ca)


def from_paths(cert: Path | None, key: Path | None, client_ca: Path | None) -> ServerTls | None:
    """Put the three paths of a command line together, or say which is missing (:class:`ConfigError`)."""
    if cert is not None and key is not None:
        return ServerTls(cert=cert, key=key, client_ca=client_ca)
    if cert is None and key is None and client_ca is None:
        return None
    raise ConfigError(["--tls-cert and --tls-key go together, and --tls-client-ca needs both"])


def server_credentials(tls: ServerTls) -> grpc.ServerCredentials:
    """Make credentials that look at the files at each handshake.

    Raises :class:`ConfigError` naming every file that cannot be used now; later, what cannot be used changes nothing.
    """
    fresh = _reloader(tls)
    return grpc.dynamic_ssl_server_credentials(
        _load(tls),
        fresh,  # type: ignore[arg-type]  # the stub forgets that None means "nothing new"
        require_client_authentication=tls.client_ca is not None,
    )


def _reloader(tls: ServerTls) -> Callable[[], grpc.ServerCertificateConfiguration | None]:
    """Return a function that gives the new configuration once after the files have changed, and else ``None``."""
    seen = _stamps(tls)

    def reload() -> grpc.ServerCertificateConfiguration | None:
        nonlocal seen
        now = _stamps(tls)
        if now == seen:
            return None
        seen = now
        try:
            fresh = _load(tls)
        except ConfigError as error:
            metrics.CERTIFICATES.labels("rejected").inc()
            log.warning("new certificate not usable, the last one serves on", reason=str(error))
            return None
        metrics.CERTIFICATES.labels("ok").inc()
        log.info("certificate reloaded", cert=str(tls.cert))
        return fresh

    return reload


def _load(tls: ServerTls) -> grpc.ServerCertificateConfiguration:
    problems = [problem for path in tls.files() if (problem := _unreadable(path))] or list(_unusable(tls))
    if problems:
        raise ConfigError(problems, about="TLS")
    try:
        pair = (tls.key.read_bytes(), tls.cert.read_bytes())
        return grpc.ssl_server_certificate_configuration([pair], tls.client_ca.read_bytes() if tls.client_ca else None)
    except OSError as error:  # taken away between the check and now
        raise ConfigError([f"{error.filename} cannot be read: {error.strerror}"], about="TLS") from error


def _unreadable(path: Path) -> str:
    try:
        path.read_bytes()
    except OSError as error:
        return f"{path} cannot be read: {error.strerror}"
    return ""


def _unusable(tls: ServerTls) -> list[str]:
    """Try the pair and the CA as the standard library would use them; a half-written pair does not match."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    problems = []
    try:
        context.load_cert_chain(tls.cert, tls.key, password=lambda: b"")
    except (ssl.SSLError, ValueError, OSError) as error:
        problems.append(f"{tls.cert} and {tls.key} are not a certificate and its key without a password: {error}")
    try:
        if tls.client_ca is not None:
            context.load_verify_locations(tls.client_ca)
    except (ssl.SSLError, ValueError, OSError) as error:
        problems.append(f"{tls.client_ca} holds no certificates: {error}")
    return problems


def _stamps(tls: ServerTls) -> tuple[tuple[int, int, int] | None, ...]:
    return tuple(_stamp(path) for path in tls.files())


def _stamp(path: Path) -> tuple[int, int, int] | None:
    try:
        stat = path.stat()
    except OSError:
        return None
    return stat.st_mtime_ns, stat.st_size, stat.st_ino
