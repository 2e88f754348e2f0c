"""TLS towards sources: contexts made from PEM texts, which is how triggers and Secrets carry them."""

import os
import ssl
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Final

from pydantic import SecretStr

from scaler.errors import Cause, SourceUnavailable

_STRICT: Final = getattr(ssl, "VERIFY_X509_STRICT", 0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Tls:
    """How to speak TLS to a source; PEM texts, empty for none.

    ``ca`` is trusted besides the system's authorities. ``cert`` and ``key`` are shown together or not at all; ``key``
    may be encrypted with ``key_password``. Without ``verify`` any certificate of any name is believed.
    """

    ca: str = ""
    cert: str = ""
    key: SecretStr | None = None
    key_password: SecretStr | None = None
    verify: bool = True


def client_context(tls: Tls) -> ssl.SSLContext:
    """Make the context for one source, TLS 1.2 or newer.

    Raises :class:`SourceUnavailable` (invalid) if a text is not what it should be. Reads the system's authorities,
    which takes some 10 ms: make it once per source.
    """
    context = ssl.create_default_context()
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    # Python 3.13 began to refuse certificates that Go and older Pythons accept, home-made authorities above all.
    context.verify_flags &= ~_STRICT
    if not tls.verify:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    if tls.ca:
        with _told("ca"):
            # What is not ASCII can only be a comment, but Python would not have it.
            context.load_verify_locations(cadata=tls.ca.encode("ascii", "ignore").decode())
    if tls.cert and tls.key is not None:
        _show(context, tls.cert, tls.key.get_secret_value(), tls.key_password)
    return context


def untrusted(error: BaseException | None) -> bool:
    """Tell whether ``error``, or what it was raised from, is a matter of trust and not of reach."""
    seen = 0
    while error is not None and seen < 8:  # noqa: PLR2004 - far more than any library nests
        if isinstance(error, ssl.SSLCertVerificationError) or "ALERT" in str(getattr(error, "reason", "") or ""):
            return True
        error, seen = error.__cause__ or error.__context__, seen + 1
    return False


def _show(context: ssl.SSLContext, cert: str, key: str, key_password: SecretStr | None) -> None:
    password = key_password.get_secret_value() if key_password is not None else ""
    with _told("cert", "key"), _file(f"{cert}\n{key}\n") as path:
        # As a callable, because without any password OpenSSL would ask the terminal for one.
        context.load_cert_chain(path, password=lambda: password)


@contextmanager
def _told(*keys: str) -> Iterator[None]:
    """Name the keys at fault; what OpenSSL says is repeated, what they hold is not."""
    names = " and ".join(f"'{key}'" for key in keys)
    try:
        yield
    except (ssl.SSLError, ValueError) as error:
        reason = getattr(error, "reason", None) or "not PEM"
        raise SourceUnavailable(Cause.INVALID, f"{names} cannot be used: {reason}") from None


@contextmanager
def _file(text: str) -> Iterator[str]:
    """Offer ``text`` under a path, since OpenSSL reads keys from files only: in memory where the system can."""
    if hasattr(os, "memfd_create"):
        with open(os.memfd_create("tls"), "w", encoding="utf-8") as file:  # noqa: PTH123 - opens a descriptor
            file.write(text)
            file.flush()
            yield f"/proc/self/fd/{file.fileno()}"
        return
    with tempfile.NamedTemporaryFile("w", encoding="utf-8") as file:  # readable by us only, gone when the block ends
        file.write(text)
        file.flush()
        yield file.name
