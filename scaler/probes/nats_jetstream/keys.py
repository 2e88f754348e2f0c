"""NKeys: Ed25519 keys in NATS' own spelling, base32 with a prefix that says whose it is and a checksum.

Signing needs the package `cryptography`, which is an extra: most servers ask for a password, or for nothing.
"""

import base64
import binascii
from collections.abc import Callable
from typing import Final

from scaler.errors import Cause, SourceUnavailable

SEED: Final = 18 << 3  # the five bits that make a seed begin with S
USER: Final = 20 << 3  # those that make a user's key begin with U
_CHECKSUM: Final = 2  # bytes


def raw_seed(seed: str) -> bytes:
    """Return the 32 secret bytes of a user's seed, ``SU…``; raise ``ValueError`` if it is not one."""
    plain = base64.b32decode(seed + "=" * (-len(seed) % 8))
    body, checksum = plain[:-_CHECKSUM], plain[-_CHECKSUM:]
    # The prefixes of seed and user share the first two bytes, five bits each.
    prefix = bytes([SEED | USER >> 5, (USER & 31) << 3])
    if len(body) != len(prefix) + 32 or not body.startswith(prefix) or checksum != _crc(body):
        raise ValueError("is not the seed of a user")
    return body[len(prefix) :]


def is_seed(seed: str) -> bool:
    """Tell whether ``seed`` is a user's, without a slip of the pen."""
    try:
        return bool(raw_seed(seed))
    except ValueError:
        return False


def encoded(prefix: bytes, key: bytes) -> str:
    """Spell a key."""
    body = prefix + key
    return base64.b32encode(body + _crc(body)).decode().rstrip("=")


def signer(seed: str) -> tuple[str, Callable[[str], bytes]]:
    """Return a user's public key, and how it signs a server's nonce.

    Raises :class:`SourceUnavailable` (invalid) where `cryptography` is not installed.
    """
    try:
        from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey  # noqa: PLC0415 - an extra
    except ImportError as error:
        said = "'nkeySeed' and 'credentials' need the package's extra 'nkeys'"
        raise SourceUnavailable(Cause.INVALID, said) from error
    key = Ed25519PrivateKey.from_private_bytes(raw_seed(seed))
    public = encoded(bytes([USER]), key.public_key().public_bytes_raw())
    return public, lambda nonce: base64.b64encode(key.sign(nonce.encode()))


def _crc(body: bytes) -> bytes:
    return binascii.crc_hqx(body, 0).to_bytes(_CHECKSUM, "little")
