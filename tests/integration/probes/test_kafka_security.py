"""Logging in to a real broker, over real TLS, and what is said when that fails."""

import asyncio
import base64
import json
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Literal

import pytest
from aiohttp import web
from kafka.admin import UserScramCredentialUpsertion
from pydantic import SecretStr

from scaler.errors import Cause, SourceUnavailable
from scaler.net.egress import Egress
from scaler.net.tls import Tls
from scaler.probes.kafka.lag import Lag
from scaler.probes.kafka.login import Kerberos, Login, Mechanism, OAuth
from tests.faults.proxy import Proxy
from tests.integration.probes.kafka_world import arranged, fresh, lags, opened, topic, until, watching
from tests.servers.certificates import issue
from tests.servers.kafka import Kafka
from tests.servers.kafka_desk import Desk
from tests.servers.plugin import need
from tests.servers.ports import free_port

pytestmark = pytest.mark.requires("kafka")

Name = Literal["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"]


@pytest.fixture(scope="module")
def secured(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Kafka]:
    """Start a broker that asks for a login over TLS, and calls itself by the port of a proxy."""
    need(request.config, "kafka")
    with Kafka(tmp_path_factory.mktemp("secured"), users={"ann": "open-sesame"}, advertise=free_port()) as server:
        yield server


@pytest.fixture
async def proxy(secured: Kafka) -> AsyncIterator[Proxy]:
    """Stand in front of the secured broker."""
    async with Proxy(secured.address, port=secured.advertise) as proxy:
        yield proxy


def ann(name: Name = "SCRAM-SHA-512", *, says: str = "open-sesame") -> Mechanism:
    return Mechanism(name=name, username="ann", password=SecretStr(says))


def trust(server: Kafka, **more: object) -> Tls:
    assert server.certificates is not None
    return Tls(ca=server.certificates.ca.read_text(), **more)  # type: ignore[arg-type] # as the caller says


async def asked(server: Kafka) -> Lag:
    return Lag(group=fresh("group"), topic=await topic(server))


async def refusal(server: Kafka | Proxy, login: Login | None, tls: Tls | None) -> SourceUnavailable:
    with pytest.raises(SourceUnavailable) as error:
        async with opened(server.address, login=login, tls=tls):
            pass
    return error.value


@pytest.mark.parametrize("name", ["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"])
async def test_logs_in(secured: Kafka, proxy: Proxy, name: Name) -> None:
    query = await asked(secured)
    async with opened(proxy.address, login=ann(name), tls=trust(secured)) as source:
        await until(source, query, lambda answer: answer == 1)


async def test_pushes_over_tls(secured: Kafka, proxy: Proxy) -> None:
    query = await asked(secured)
    async with (
        opened(proxy.address, login=ann(), tls=trust(secured)) as source,
        watching(source, query) as ear,
    ):
        await arranged(secured, lambda desk: desk.produce(query.topic, 1))
        assert await ear.hears() == {query}


@pytest.mark.parametrize("name", ["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"])
async def test_a_wrong_password_is_told_as_such_and_at_once(secured: Kafka, proxy: Proxy, name: Name) -> None:
    began = time.monotonic()
    error = await refusal(proxy, ann(name, says="wrong-guess"), trust(secured))
    assert error.cause is Cause.DENIED
    assert "wrong-guess" not in str(error)
    assert time.monotonic() - began < 4.0


async def test_a_certificate_that_is_not_trusted_is_told_as_such(proxy: Proxy, tmp_path: Path) -> None:
    stranger = issue(tmp_path).ca.read_text()
    error = await refusal(proxy, ann(), Tls(ca=stranger))
    assert (error.cause, "certificate verify failed" in error.detail) == (Cause.DENIED, True)


async def test_any_certificate_will_do_if_asked_for(secured: Kafka, proxy: Proxy) -> None:
    query = await asked(secured)
    async with opened(proxy.address, login=ann(), tls=Tls(verify=False)) as source:
        await until(source, query, lambda answer: answer == 1)


async def test_a_certificate_can_be_shown(secured: Kafka, proxy: Proxy) -> None:
    assert secured.certificates is not None
    own = {
        "cert": secured.certificates.client.read_text(),
        "key": SecretStr(secured.certificates.client_key.read_text()),
    }
    query = await asked(secured)
    async with opened(proxy.address, login=ann(), tls=trust(secured, **own)) as source:
        await until(source, query, lambda answer: answer == 1)


@pytest.mark.parametrize(("login", "tls"), [(ann(), None), (None, None)])
async def test_plain_text_to_a_tls_port_is_an_outage(proxy: Proxy, login: Login | None, tls: Tls | None) -> None:
    assert (await refusal(proxy, login, tls)).cause in {Cause.UNREACHABLE, Cause.TIMEOUT, Cause.INVALID}


async def test_what_is_not_pem_is_told_as_such(proxy: Proxy) -> None:
    assert (await refusal(proxy, ann(), Tls(ca="not a certificate"))).cause is Cause.INVALID


async def test_a_password_that_is_corrected_at_the_server_is_noticed(secured: Kafka, proxy: Proxy) -> None:
    """A refused login is not remembered for longer than a moment, nor tried again all the time."""

    def set_password(desk: Desk, password: str) -> None:
        change = UserScramCredentialUpsertion("ann", "SCRAM-SHA-512", password.encode(), iterations=4096)
        desk.admin.alter_user_scram_credentials([change])

    query = await asked(secured)
    async with opened(proxy.address, login=ann(), tls=trust(secured)) as source:
        await until(source, query, lambda answer: answer == 1)
        await arranged(secured, lambda desk: set_password(desk, "changed"))
        proxy.reset()
        await until(source, query, lambda answer: answer is Cause.DENIED)
        before = proxy.accepted
        for _ in range(20):
            assert await lags(source, query) == [Cause.DENIED]
        assert proxy.accepted - before <= 1
        await arranged(secured, lambda desk: set_password(desk, "open-sesame"))
        assert set(await until(source, query, lambda answer: answer == 1)) <= {1, Cause.DENIED}


async def test_a_tls_server_that_never_answers_is_given_up_again_and_again(secured: Kafka, proxy: Proxy) -> None:
    """The library's handshake has no end, and with it the connection would hang for ever."""
    proxy.silence()
    for _ in range(2):
        began = time.monotonic()
        assert (await refusal(proxy, ann(), trust(secured))).cause in {Cause.TIMEOUT, Cause.UNREACHABLE}
        assert time.monotonic() - began < 4.0


async def test_a_broker_that_stops_in_a_handshake_is_found_again(secured: Kafka, proxy: Proxy) -> None:
    query = await asked(secured)
    async with opened(proxy.address, login=ann(), tls=trust(secured)) as source:
        await until(source, query, lambda answer: answer == 1)
        proxy.silence()
        proxy.reset()
        await until(source, query, lambda answer: answer is Cause.TIMEOUT or answer is Cause.UNREACHABLE)
        await asyncio.sleep(2.5)  # a handshake that hangs is given up in this time; nobody tells
        await proxy.heal()
        await until(source, query, lambda answer: answer == 1)


async def test_kerberos_without_its_package_is_told_as_such(secured: Kafka, proxy: Proxy) -> None:
    login = Kerberos(service="kafka", principal="ann@EXAMPLE.ORG", password=SecretStr("x"))
    error = await refusal(proxy, login, trust(secured))
    assert (error.cause, "gssapi" in error.detail) == (Cause.INVALID, True)


# -- OAuth ---------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def bearing(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Kafka]:
    """Start a broker that takes unsigned tokens, Kafka's own way to try OAUTHBEARER."""
    need(request.config, "kafka")
    module = "org.apache.kafka.common.security.oauthbearer.OAuthBearerLoginModule required"
    more = {
        "sasl.enabled.mechanisms": "OAUTHBEARER",
        "listener.name.client.oauthbearer.sasl.jaas.config": f'{module} unsecuredLoginStringClaim_sub="broker";',
    }
    with Kafka(tmp_path_factory.mktemp("bearing"), users={"unused": "unused"}, properties=more) as server:
        yield server


class Issuer:
    """An OAuth server: remembers what it was asked, and hands out tokens of a lifetime."""

    def __init__(self, lasts: float, *, in_form: bool = False, status: int = 200) -> None:
        self.lasts = lasts
        self.in_form = in_form
        self.status = status
        self.asked: list[dict[str, str]] = []

    async def grant(self, request: web.Request) -> web.Response:
        """Answer one request."""
        form = {key: str(value) for key, value in (await request.post()).items()}
        self.asked.append({**form, "authorization": request.headers.get("Authorization", "")})
        if self.status != 200 or (self.in_form and "client_secret" not in form):
            return web.Response(status=self.status if self.status != 200 else 401)
        return web.json_response({"access_token": unsigned("ann", self.lasts), "expires_in": self.lasts})


def unsigned(subject: str, lasts: float) -> str:
    """Make a token without a signature."""
    parts = ({"alg": "none"}, {"sub": subject, "iat": time.time(), "exp": time.time() + lasts})
    encoded = [base64.urlsafe_b64encode(json.dumps(part).encode()).rstrip(b"=").decode() for part in parts]
    return ".".join([*encoded, ""])


@asynccontextmanager
async def issuing(issuer: Issuer) -> AsyncIterator[str]:
    """Serve, and yield the address."""
    app = web.Application()
    app.router.add_post("/token", issuer.grant)
    runner = web.AppRunner(app)
    await runner.setup()
    try:
        site = web.TCPSite(runner, "127.0.0.1", port := free_port())
        await site.start()
        yield f"http://127.0.0.1:{port}/token"
    finally:
        await runner.cleanup()


def client(endpoint: str) -> OAuth:
    return OAuth(endpoint=endpoint, client="me", secret=SecretStr("shush"), scopes=("a", "b"), extensions=(("x", "1"),))


@pytest.mark.parametrize("in_form", [False, True])
async def test_logs_in_by_a_token(bearing: Kafka, in_form: bool) -> None:
    query = await asked(bearing)
    issuer = Issuer(3600, in_form=in_form)
    async with (
        issuing(issuer) as endpoint,
        opened(bearing.address, login=client(endpoint), tls=trust(bearing)) as source,
    ):
        await until(source, query, lambda answer: answer == 1)
    assert len(issuer.asked) == 1 + in_form
    assert issuer.asked[-1]["grant_type"] == "client_credentials"
    assert issuer.asked[-1]["scope"] == "a b"
    said = base64.b64encode(b"me:shush").decode()
    assert issuer.asked[0]["authorization"] == f"Basic {said}"


async def test_a_token_that_runs_out_is_replaced(bearing: Kafka) -> None:
    query = await asked(bearing)
    issuer = Issuer(30.5)  # good for half a second, with what is kept in hand
    async with (
        issuing(issuer) as endpoint,
        Proxy(bearing.address) as proxy,
        opened(proxy.address, login=client(endpoint), tls=trust(bearing)) as source,
    ):
        await until(source, query, lambda answer: answer == 1)
        before = len(issuer.asked)
        await asyncio.sleep(0.6)
        await asyncio.to_thread(bearing.restart)
        await until(source, query, lambda answer: answer == 1)
        assert len(issuer.asked) > before


async def test_an_issuer_that_refuses_is_told_as_such(bearing: Kafka) -> None:
    async with issuing(Issuer(60, status=401)) as endpoint:
        error = await refusal(bearing, client(endpoint), trust(bearing))
    assert error.cause is Cause.DENIED
    assert "shush" not in str(error)


async def test_an_issuer_is_held_to_the_egress_rules(bearing: Kafka) -> None:
    with pytest.raises(SourceUnavailable) as error:
        async with opened(bearing.address, login=client("http://127.0.0.1:1/token"), egress=Egress()):
            pass
    assert error.value.cause is Cause.FORBIDDEN
