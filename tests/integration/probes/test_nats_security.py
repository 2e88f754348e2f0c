"""TLS and keys: who the NATS probe talks to, and who it says it is."""

from collections.abc import Mapping
from pathlib import Path

import pytest
from pydantic import SecretStr

from scaler.config.document import Config
from scaler.errors import Cause
from scaler.net.tls import Tls
from scaler.probes.base import Amount, Found
from scaler.probes.nats_jetstream.keys import signer
from scaler.probes.nats_jetstream.records import Consumer, Servers
from scaler.triggers.metadata import understand
from tests.integration.probes.nats_keys import Key, Operator
from tests.integration.probes.nats_world import KINDS, place, tried, worker
from tests.servers.certificates import issue
from tests.servers.nats import Nats

pytestmark = pytest.mark.requires("nats")

NOBODY = Consumer("NO", "NO")  # to be told that it is missing, one must have been let in


def source(server: Nats, metadata: Mapping[str, str]) -> Servers:
    """Take the way a user goes: from metadata."""
    usual = {"kind": "nats-jetstream", "natsServerURL": server.url, "stream": "NO", "consumer": "NO"}
    found = understand("ns", "n", {**usual, **metadata}, KINDS, Config().defaults).ask.source
    assert isinstance(found, Servers)
    return found


def cause(found: Found) -> Cause:
    assert not isinstance(found, Amount)
    return found.cause


async def test_tls_with_an_authority_of_ones_own(tmp_path: Path) -> None:
    async with Nats(tmp_path / "nats", tls=True) as server:
        assert server.certificates is not None
        ca = server.certificates.ca.read_text()
        other = issue(tmp_path / "other").ca.read_text()
        assert cause(await tried(source(server, {"ca": ca}), NOBODY)) is Cause.MISSING
        plain_scheme = {"ca": ca, "natsServerURL": server.address}
        assert cause(await tried(source(server, plain_scheme), NOBODY)) is Cause.MISSING
        assert cause(await tried(source(server, {"sourceUnsafeSsl": "true"}), NOBODY)) is Cause.MISSING
        assert cause(await tried(source(server, {}), NOBODY)) is Cause.DENIED
        assert cause(await tried(source(server, {"ca": other}), NOBODY)) is Cause.DENIED


async def test_tls_is_insisted_on(nats_server: Nats) -> None:
    for metadata in ({"sourceTLS": "true"}, {"natsServerURL": f"tls://{nats_server.address}"}):
        assert cause(await tried(source(nats_server, metadata), NOBODY)) is Cause.DENIED


class Careful(Nats):
    """A server that asks clients for a certificate."""

    def _security(self) -> list[str]:
        return [line.replace("tls: {", "tls: { verify: true,") for line in super()._security()]


async def test_a_client_certificate(tmp_path: Path) -> None:
    async with Careful(tmp_path, tls=True) as server:
        files = server.certificates
        assert files is not None
        ca, cert, key = (path.read_text() for path in (files.ca, files.client, files.client_key))
        shown = Tls(ca=ca, cert=cert, key=SecretStr(key))
        assert cause(await tried(place(server.address, tls=shown), NOBODY)) is Cause.MISSING
        assert cause(await tried(place(server.address, tls=Tls(ca=ca)), NOBODY)) in {Cause.DENIED, Cause.UNREACHABLE}


async def test_an_nkey(tmp_path: Path) -> None:
    ours, other = Key("U"), Key("U")
    async with Nats(tmp_path, config=f"authorization {{ users: [ {{ nkey: {ours.public} }} ] }}") as server:
        assert cause(await tried(source(server, {"nkeySeed": ours.seed}), NOBODY)) is Cause.MISSING
        assert cause(await tried(source(server, {"nkeySeed": other.seed}), NOBODY)) is Cause.DENIED


async def test_a_credentials_file(tmp_path: Path) -> None:
    operator = Operator()
    async with Nats(tmp_path, config=operator.config()) as server:
        jwt, seed = operator.user()
        async with await worker(server, signature_cb=signer(seed)[1], user_jwt_cb=jwt.encode) as jet:
            await jet.stream("S", "C")
            await jet.publish("S.x", 2)
        ada = source(server, {"credentialsFromEnv": operator.credentials()})
        assert await tried(ada, Consumer("S", "C")) == Amount.of(2)
        stranger = source(server, {"credentials": Operator().credentials()})
        assert cause(await tried(stranger, NOBODY)) is Cause.DENIED
