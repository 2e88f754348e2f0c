import base64

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from scaler.probes.nats_jetstream.keys import is_seed, raw_seed, signer

# A seed and its public key as the library nkeys 0.2.1 spells them.
SEED = "SUAAAAICAMCAKBQHBAEQUCYMBUHA6EARCIJRIFIWC4MBSGQ3DQOR4H776Y"
PUBLIC = "UAB2CB576PHBBPQ5ODORRZ2LYCMWPZGWGCN2KDK7DXOIMZASKUY3RLKK"


@pytest.mark.parametrize(
    "seed",
    [
        pytest.param("", id="nothing"),
        pytest.param(SEED[:-1] + "A", id="a slip in the checksum"),
        pytest.param(SEED[:20] + "A" + SEED[21:], id="a slip in the middle"),
        pytest.param(SEED[:-8], id="the end is missing"),
        pytest.param(PUBLIC, id="a public key"),
        pytest.param(SEED.lower(), id="lower case"),
        pytest.param("SU§", id="not even base32"),
    ],
)
def test_what_is_no_seed(seed: str) -> None:
    assert not is_seed(seed)


def test_a_seed_is_a_key() -> None:
    assert is_seed(SEED)
    assert raw_seed(SEED) == bytes(range(32))
    public, sign = signer(SEED)
    assert public == PUBLIC
    key = Ed25519PublicKey.from_public_bytes(base64.b32decode(public)[1:33])
    key.verify(base64.b64decode(sign("nonce")), b"nonce")
