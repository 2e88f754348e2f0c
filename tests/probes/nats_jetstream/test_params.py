"""What a trigger may say of a JetStream consumer. First the rows of KEDA 2.21, nats_jetstream_scaler_test.go."""

import pytest
from pydantic import SecretStr

from scaler.config.document import Config
from scaler.errors import ConfigError
from scaler.model import Metric, Trigger
from scaler.net.secrets import secrets_of
from scaler.net.tls import Tls
from scaler.probes.nats_jetstream import NatsJetStream
from scaler.probes.nats_jetstream.keys import SEED as SEED_PREFIX
from scaler.probes.nats_jetstream.keys import USER, encoded
from scaler.probes.nats_jetstream.params import NatsJetStreamParams
from scaler.probes.nats_jetstream.records import Address, Consumer, Login, Monitoring, Servers
from scaler.probes.registry import AnyProbe
from scaler.triggers import metadata as metadata_module

KINDS: dict[str, AnyProbe] = {"nats-jetstream": NatsJetStream()}
NAMES = {"stream": "mystream", "consumer": "pull_consumer"}
PAGES = {"natsServerMonitoringEndpoint": "nats.nats:8222", "account": "$G", **NAMES}
CLIENT = {"natsServerURL": "nats://nats.nats:4222", **NAMES}
SEED = encoded(bytes([SEED_PREFIX | USER >> 5, (USER & 31) << 3]), bytes(32))
CREDENTIALS = f"""-----BEGIN NATS USER JWT-----
head.body.signature
------END NATS USER JWT------

************************* IMPORTANT *************************
NKEY Seed printed below can be used to sign and prove identity.

-----BEGIN USER NKEY SEED-----
{SEED}
------END USER NKEY SEED------
"""


def understand(metadata: dict[str, str]) -> Trigger:
    return metadata_module.understand("ns", "orders", {"kind": "nats-jetstream", **metadata}, KINDS, Config().defaults)


def problems(metadata: dict[str, str]) -> str:
    with pytest.raises(ConfigError) as error:
        understand(metadata)
    return str(error.value)


def servers(metadata: dict[str, str]) -> Servers:
    source = understand(CLIENT | metadata).ask.source
    assert isinstance(source, Servers)
    return source


@pytest.mark.parametrize(
    "metadata",
    [
        pytest.param({"natsServerMonitoringEndpoint": "localhost:8222", "useHttps": "false"}, id="localhost"),
        pytest.param({"useHttps": "true"}, id="over HTTPS"),
        pytest.param({"activationLagThreshold": "10"}, id="with an activation threshold"),
        pytest.param({"lagThreshold": "6"}, id="with a threshold"),
        pytest.param(
            {"natsServerMonitoringEndpoint": "", "natsServerMonitoringEndpointFromEnv": "nats.nats:8222"},
            id="the endpoint comes from the environment",
        ),
        pytest.param({"account": "", "accountFromEnv": "$G"}, id="the account comes from the environment"),
        pytest.param({"account": "", "accountID": "AB12"}, id="an id is enough"),
    ],
)
def test_the_native_scaler_takes_it_and_so_do_we(metadata: dict[str, str]) -> None:
    assert isinstance(understand(PAGES | metadata).ask.source, Monitoring)


@pytest.mark.parametrize(
    ("metadata", "said"),
    [
        pytest.param({"account": ""}, "'account' or 'accountID' is required", id="no account"),
        pytest.param({"stream": ""}, "'stream' is required", id="no stream"),
        pytest.param({"consumer": ""}, "'consumer' is required", id="no consumer"),
        pytest.param(
            {"natsServerMonitoringEndpoint": ""}, "'natsServerMonitoringEndpoint' is required", id="no endpoint"
        ),
        pytest.param(
            {"activationLagThreshold": "Y"}, "'activationLagThreshold': 'Y' is not a whole", id="activation Y"
        ),
        pytest.param({"lagThreshold": "Y"}, "'lagThreshold': 'Y' is not a whole number", id="threshold Y"),
        pytest.param({"useHttps": "error"}, "'useHttps': 'error' is neither true nor false", id="useHttps error"),
        # ours
        pytest.param({"lagThreshold": "0"}, "'lagThreshold': '0' must be greater than 0", id="threshold 0"),
        pytest.param(
            {"natsServerMonitoringEndpoint": "http://nats:8222"}, "is not host:port", id="an endpoint with a scheme"
        ),
        pytest.param({"natsServerMonitoringEndpoint": "nats:8222?acc=x"}, "is not host:port", id="a query smuggled in"),
        pytest.param({"natsServerMonitoringEndpoint": "nats:99999"}, "is not host:port", id="an impossible port"),
        pytest.param({"stream": "a.b"}, "'stream': 'a.b' is no name", id="a dot in a name"),
        pytest.param({"consumer": "a >"}, "'consumer': 'a >' is no name", id="a wildcard in a name"),
        pytest.param({"natsServerUrl": "nats://n"}, "did you mean 'natsServerURL'", id="a key that is nearly right"),
    ],
)
def test_the_native_scaler_refuses_it_and_so_do_we(metadata: dict[str, str], said: str) -> None:
    assert said in problems(PAGES | metadata)


def test_every_problem_is_in_one_message() -> None:
    said = problems({"lagThreshold": "Y", "useHttps": "yes"})
    for part in ("'stream' is required", "'consumer' is required", "'lagThreshold'", "'useHttps'", "Endpoint'"):
        assert part in said


def test_the_metric_is_named_as_natively() -> None:
    ask = understand(PAGES | {"stream": "my(stream)", "lagThreshold": "7", "activationLagThreshold": "3"}).ask
    assert ask.metric == Metric(name="nats-jetstream-my-stream-", target=7)
    assert ask.activation == 3
    assert ask.query == Consumer("my(stream)", "pull_consumer")


@pytest.mark.parametrize(
    ("metadata", "source"),
    [
        pytest.param(
            {},
            Monitoring(base="http://nats.nats:8222", account="$G", account_id="$G", tls=Tls()),
            id="the account's name is taken for its id",
        ),
        pytest.param(
            {"useHttps": "true", "accountID": "AID", "ca": "PEM", "sourceUnsafeSsl": "true"},
            Monitoring(base="https://nats.nats:8222", account="$G", account_id="AID", tls=Tls(ca="PEM", verify=False)),
            id="over HTTPS, with an id",
        ),
        pytest.param(
            {"natsServerMonitoringEndpoint": "gate:443/nats/"},
            Monitoring(base="http://gate:443/nats", account="$G", account_id="$G", tls=Tls()),
            id="behind a path",
        ),
    ],
)
def test_monitoring_pages(metadata: dict[str, str], source: Monitoring) -> None:
    assert understand(PAGES | metadata).ask.source == source


@pytest.mark.parametrize(
    ("url", "addresses", "secure"),
    [
        pytest.param("nats://n:1", [("n", 1)], False, id="host and port"),
        pytest.param("n", [("n", 4222)], False, id="the port and the scheme may be missing"),
        pytest.param("tls://n:1", [("n", 1)], True, id="TLS by the scheme"),
        pytest.param("nats://[fd00::7]:1", [("fd00::7", 1)], False, id="IPv6"),
        pytest.param("a:1, tls://b", [("a", 1), ("b", 4222)], True, id="several, and one insists on TLS"),
        pytest.param("nats://n:1/", [("n", 1)], False, id="a slash at the end"),
    ],
)
def test_client_addresses(url: str, addresses: list[tuple[str, int]], *, secure: bool) -> None:
    source = servers({"natsServerURL": url})
    assert source.addresses == tuple(Address(host, port) for host, port in addresses)
    assert source.secure is secure


def test_with_a_client_address_the_api_is_read_and_no_account_is_needed() -> None:
    assert isinstance(understand(CLIENT).ask.source, Servers)
    assert isinstance(understand(PAGES | CLIENT).ask.source, Servers)


@pytest.mark.parametrize(
    ("metadata", "login"),
    [
        pytest.param({}, Login(), id="nobody"),
        pytest.param(
            {"username": "ada", "passwordFromEnv": "pw"}, Login(username="ada", password=SecretStr("pw")), id="a user"
        ),
        pytest.param({"tokenFromEnv": "tk"}, Login(token=SecretStr("tk")), id="a token"),
        pytest.param({"nkeySeed": SEED}, Login(seed=SecretStr(SEED)), id="an NKey"),
        pytest.param(
            {"credentials": CREDENTIALS},
            Login(seed=SecretStr(SEED), jwt=SecretStr("head.body.signature")),
            id="a credentials file",
        ),
        pytest.param(
            {"natsServerURLFromEnv": "nats://ada:p%40w@n:1", "natsServerURL": ""},
            Login(username="ada", password=SecretStr("p@w")),
            id="a user in the URL",
        ),
        pytest.param({"natsServerURL": "nats://tk@n:1"}, Login(token=SecretStr("tk")), id="a token in the URL"),
        pytest.param(
            {"natsServerURL": "nats://tk@n:1", "username": "ada", "password": "pw"},
            Login(username="ada", password=SecretStr("pw")),
            id="what is said apart counts more",
        ),
    ],
)
def test_logins(metadata: dict[str, str], login: Login) -> None:
    assert servers(metadata).login == login


@pytest.mark.parametrize(
    ("metadata", "said"),
    [
        pytest.param({"natsServerURL": "http://n:4222"}, "is not nats://host:port", id="another scheme"),
        pytest.param({"natsServerURL": "ws://n:4222"}, "is not nats://host:port", id="websockets"),
        pytest.param({"natsServerURL": "nats://n:0"}, "is not nats://host:port", id="port 0"),
        pytest.param({"natsServerURL": "nats://n:1/x"}, "is not nats://host:port", id="a path"),
        pytest.param({"natsServerURL": "nats://n:1,,"}, "is not nats://host:port", id="an empty entry"),
        pytest.param({"natsServerURL": "nats://n\n:1"}, "is not nats://host:port", id="a line break"),
        pytest.param({"username": "ada"}, "'username' and 'password' go together", id="a user without a password"),
        pytest.param({"token": "a", "nkeySeed": SEED}, "only one of them", id="two ways to log in"),
        pytest.param({"nkeySeed": "SUABC"}, "'nkeySeed' (value not shown)", id="half a seed"),
        pytest.param({"nkeySeed": SEED[:-1] + "A"}, "'nkeySeed' (value not shown)", id="a seed with a slip"),
        pytest.param({"nkeySeed": encoded(b"\x90\x00", bytes(32))}, "'nkeySeed'", id="the seed of an account"),
        pytest.param({"credentials": "secret-stuff"}, "'credentials' (value not shown)", id="not credentials"),
        pytest.param({"cert": "PEM"}, "'cert' and 'key' go together", id="a certificate without a key"),
        pytest.param(
            {"jetStreamDomain": "hub", "jetStreamApiPrefix": "x"}, "only one of them", id="a domain and a prefix"
        ),
        pytest.param({"jetStreamApiPrefix": "a.>"}, "is not a subject without wildcards", id="a wildcard as prefix"),
        pytest.param({"jetStreamDomain": "a.b"}, "is not one word", id="a domain with a dot"),
    ],
)
def test_what_cannot_work_is_refused(metadata: dict[str, str], said: str) -> None:
    assert said in problems(CLIENT | metadata)


@pytest.mark.parametrize(
    "metadata",
    [
        pytest.param({"natsServerURL": "nats://ada:hush-hush@n:99999"}, id="a password in a bad URL"),
        pytest.param({"natsServerURL": "nats://hush-hush@n:99999"}, id="a token in a bad URL"),
        pytest.param({"natsServerURL": "", "natsServerMonitoringEndpoint": "ada:hush-hush@n"}, id="in an endpoint"),
        pytest.param({"nkeySeed": "hush-hush"}, id="a bad seed"),
        pytest.param({"credentials": "hush-hush"}, id="bad credentials"),
        pytest.param({"token": "hush-hush", "password": "hush-hush"}, id="too many"),
    ],
)
def test_no_message_holds_a_secret(metadata: dict[str, str]) -> None:
    assert "hush" not in problems(CLIENT | metadata)


def test_secrets_are_found_in_the_source_and_not_shown_by_it() -> None:
    source = servers({"credentials": CREDENTIALS, "cert": "PEM", "key": "KEY", "keyPassword": "pw"})
    assert set(secrets_of(source)) == {SEED, "head.body.signature", "KEY", "pw"}
    assert str(source) == "nats.nats:4222"
    assert SEED not in repr(source)


def test_equal_sources_are_one_connection() -> None:
    assert hash(servers({"token": "a"})) == hash(servers({"token": "a"}))
    assert servers({"token": "a"}) != servers({"token": "b"})
    assert len({servers({"natsServerURL": url}) for url in ("a:1,b", "nats://b,nats://a:1", "b,a:1,B:4222")}) == 1


@pytest.mark.parametrize(
    ("metadata", "api"),
    [
        pytest.param({}, "$JS.API", id="the usual one"),
        pytest.param({"jetStreamDomain": "hub"}, "$JS.hub.API", id="of a domain"),
        pytest.param({"jetStreamApiPrefix": "fromhub.api"}, "fromhub.api", id="of an import"),
    ],
)
def test_where_the_api_is(metadata: dict[str, str], api: str) -> None:
    assert servers(metadata).api == api


def test_every_parameter_is_documented() -> None:
    assert all(field.description for field in NatsJetStreamParams.model_fields.values())
