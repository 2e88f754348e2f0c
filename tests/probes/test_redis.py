"""What a trigger may say to the Redis probe; no sockets. The rows are those of KEDA 2.21, redis_scaler_test.go."""

import pytest
from pydantic import SecretStr
from redis._parsers.base import BaseParser
from redis.exceptions import MovedError

from scaler.config.document import Config
from scaler.errors import Cause, ConfigError, SourceUnavailable
from scaler.model import Trigger
from scaler.net.tls import Tls
from scaler.probes.redis import Redis
from scaler.probes.redis.params import Key, Server
from scaler.probes.redis.push import _notifies
from scaler.probes.redis.wire import translated, unavailable
from scaler.probes.registry import AnyProbe
from scaler.triggers import metadata as metadata_module

LIST = {"listName": "mylist"}


KINDS: dict[str, AnyProbe] = {"redis": Redis()}


def understand(metadata: dict[str, str]) -> Trigger:
    return metadata_module.understand("ns", "orders", {"kind": "redis", **metadata}, KINDS, Config().defaults)


def server_of(metadata: dict[str, str]) -> Server:
    source = understand(LIST | metadata).ask.source
    assert isinstance(source, Server)
    return source


@pytest.mark.parametrize(
    ("metadata", "server"),
    [
        pytest.param(
            {"listLength": "10", "addressFromEnv": "none:6379", "passwordFromEnv": "none"},
            Server(host="none", port=6379, password=SecretStr("none")),
            id="address and password come from the environment",
        ),
        pytest.param(
            {"listLength": "10", "hostFromEnv": "none", "portFromEnv": "6379", "passwordFromEnv": "none"},
            Server(host="none", port=6379, password=SecretStr("none")),
            id="host and port come from the environment",
        ),
        pytest.param(
            {"addressFromEnv": "none:6379", "host": "a", "port": "1"},
            Server(host="none", port=6379),
            id="an address comes before host and port",
        ),
        pytest.param({"address": "localhost:6379"}, Server(host="localhost", port=6379), id="a plain address"),
        pytest.param({"host": "localhost", "port": "6379"}, Server(host="localhost", port=6379), id="host and port"),
        pytest.param({"addresses": ":7001, :7002"}, Server(host="localhost", port=7001), id="no host is this machine"),
        pytest.param({"hosts": "   a, b,    c ", "ports": "1, 2, 3"}, Server(host="a", port=1), id="the first is used"),
        pytest.param({"host": "::1", "port": "6379"}, Server(host="::1", port=6379), id="an IPv6 host"),
        pytest.param({"address": "[fd00::7]:6379"}, Server(host="fd00::7", port=6379), id="an IPv6 address"),
        pytest.param({"address": "a:1", "host": "b"}, Server(host="a", port=1), id="a host without port is ignored"),
        pytest.param(
            {"address": "a:1", "username": "u", "password": "p", "databaseIndex": "3"},
            Server(host="a", port=1, username="u", password=SecretStr("p"), database=3),
            id="user, password and database make another source",
        ),
        pytest.param(
            {"address": "a:1", "username": "u"}, Server(host="a", port=1), id="a user without password logs nobody in"
        ),
        pytest.param(
            {"address": "a:1", "password": "plain", "passwordFromEnv": "env"},
            Server(host="a", port=1, password=SecretStr("plain")),
            id="the metadata comes before the environment",
        ),
        pytest.param(
            {"address": "a:1", "tls": "enable", "ca": "caaa", "cert": "ceert", "key": "keey"},
            Server(host="a", port=1, tls=Tls(ca="caaa", cert="ceert", key=SecretStr("keey"))),
            id="TLS with an authority and a certificate",
        ),
        pytest.param(
            {"address": "a:1", "tls": "enable", "Cert": "ceert", "key": "keey", "keyPassword": "pw"},
            Server(host="a", port=1, tls=Tls(cert="ceert", key=SecretStr("keey"), key_password=SecretStr("pw"))),
            id="TLS with an encrypted key and the system's authorities",
        ),
        pytest.param(
            {"address": "a:1", "tls": "enable", "ca": "caaa"},
            Server(host="a", port=1, tls=Tls(ca="caaa")),
            id="TLS with an authority only",
        ),
        pytest.param(
            {"address": "a:1", "sourceTLS": "true"}, Server(host="a", port=1, tls=Tls()), id="TLS by metadata"
        ),
        pytest.param(
            {"address": "a:1", "sourceTLS": "T", "sourceUnsafeSsl": "1"},
            Server(host="a", port=1, tls=Tls(verify=False)),
            id="TLS that believes anybody",
        ),
        pytest.param({"address": "a:1", "sourceTLS": "false", "ca": "caaa"}, Server(host="a", port=1), id="no TLS"),
        pytest.param({"address": "a:1", "tls": "disable"}, Server(host="a", port=1), id="TLS disabled"),
        pytest.param(
            {"address": "a:1", "scalerAddress": "w:9090", "enableTLS": "true", "unsafeSsl": "true"},
            Server(host="a", port=1),
            id="KEDA's channel keys say nothing of the source",
        ),
    ],
)
def test_a_server_is_named(metadata: dict[str, str], server: Server) -> None:
    assert server_of(metadata) == server


@pytest.mark.parametrize(
    ("metadata", "said"),
    [
        pytest.param({}, ["'address' is required", "'listName' is required"], id="nothing"),
        pytest.param(LIST | {"hostFromEnv": "none"}, ["'address' is required"], id="a host without port"),
        pytest.param(LIST | {"address": "", "password": ""}, ["'address' is required"], id="an empty address"),
        pytest.param(LIST | {"listLength": "0x", "address": "a:1"}, ["'listLength': '0x'"], id="a bad length"),
        pytest.param(LIST | {"listLength": "AA", "address": "a:1"}, ["'listLength': 'AA'"], id="letters as length"),
        pytest.param(LIST | {"listLength": "0", "address": "a:1"}, ["'listLength': '0'", "greater"], id="length 0"),
        pytest.param(
            LIST | {"activationListLength": "AA", "address": "a:1"}, ["'activationListLength'"], id="activation"
        ),
        pytest.param(LIST | {"passwordFromEnv": "x"}, ["'address' is required"], id="an address that did not resolve"),
        pytest.param(
            LIST | {"hosts": "a, b, c", "ports": "1, 2"}, ["equally many, not 3 and 2"], id="more hosts than ports"
        ),
        pytest.param({"hosts": "a, b, c", "ports": "1, 2, 3"}, ["'listName' is required"], id="no list"),
        pytest.param(
            LIST | {"address": "a:1", "sourceTLS": "true", "tls": "disable"}, ["only one of them"], id="TLS said twice"
        ),
        pytest.param(
            LIST | {"address": "a:1", "sourceTLS": "false", "tls": "disable"}, ["only one"], id="TLS said twice alike"
        ),
        pytest.param(LIST | {"address": "a:1", "sourceTLS": "yes"}, ["'sourceTLS': 'yes'"], id="yes is no boolean"),
        pytest.param(LIST | {"address": "a:1", "tls": "on"}, ["'enable' or 'disable'"], id="another word for TLS"),
        pytest.param(LIST | {"address": "a:1", "cert": "x"}, ["'cert' and 'key' go together"], id="half a certificate"),
        pytest.param(LIST | {"address": "myredis"}, ["'myredis' is not host:port"], id="an address without port"),
        pytest.param(LIST | {"address": "u:hunter2xyz@h:1"}, ["'address' '***@h:1' is not host:port"], id="a login"),
        pytest.param(LIST | {"host": "u:hunter2xyz@h", "port": "1"}, ["'***@h]:1' is not host:port"], id="one in host"),
        pytest.param(LIST | {"address": "a:1, b:99999"}, ["'b:99999' is not host:port"], id="a later bad address"),
        pytest.param(LIST | {"address": "a:1", "databaseIndex": "-1"}, ["'databaseIndex': '-1'"], id="database -1"),
        pytest.param(LIST | {"adress": "a:1"}, ["unknown key 'adress', did you mean 'address'?"], id="a misspelt key"),
    ],
)
def test_what_is_wrong_is_said_at_once(metadata: dict[str, str], said: list[str]) -> None:
    with pytest.raises(ConfigError) as refused:
        understand(metadata)
    assert [text for text in said if text not in str(refused.value)] == []
    assert "hunter2" not in str(refused.value)


def test_the_question_is_the_native_one() -> None:
    ask = understand(LIST | {"address": "a:1", "listLength": "10", "activationListLength": "4"}).ask
    assert (ask.metric.name, ask.metric.target, ask.activation) == ("redis-mylist", 10, 4)
    assert ask.query == Key("mylist")


def test_the_defaults_are_the_native_ones() -> None:
    ask = understand(LIST | {"address": "a:1"}).ask
    assert (ask.metric.target, ask.activation) == (5, 0)


@pytest.mark.parametrize(
    ("key", "name"),
    [
        pytest.param("my.list", "redis-my-list", id="dots"),
        pytest.param("a/b:c%d(e)", "redis-a-b-c-d-e-", id="everything that is normalized"),
    ],
)
def test_metric_names_are_normalized(key: str, name: str) -> None:
    assert understand({"listName": key, "address": "a:1"}).ask.metric.name == name


def test_a_source_is_written_without_its_secrets() -> None:
    metadata = {"address": "a:1", "password": "s3cret", "tls": "enable", "cert": "c", "key": "PRIVATE"}
    source = server_of(metadata)
    assert str(source) == "rediss://a:1/0"
    assert "s3cret" not in repr(source)
    assert "PRIVATE" not in repr(source)


@pytest.mark.parametrize(
    ("metadata", "same"),
    [
        pytest.param({"listName": "other", "listLength": "9"}, True, id="another key is the same source"),
        pytest.param({"databaseIndex": "1"}, False, id="another database is not"),
        pytest.param({"password": "p"}, False, id="another password is not"),
        pytest.param({"sourceTLS": "true"}, False, id="TLS is not"),
    ],
)
def test_sources_are_shared(metadata: dict[str, str], *, same: bool) -> None:
    base = LIST | {"address": "a:1"}
    assert (understand(base).ask.source == understand(base | metadata).ask.source) is same


@pytest.mark.parametrize(
    ("answer", "cause"),
    [
        pytest.param("NOAUTH Authentication required.", Cause.DENIED, id="no login"),
        pytest.param("WRONGPASS invalid username-password pair", Cause.DENIED, id="wrong password"),
        pytest.param("NOPERM this user has no permissions", Cause.DENIED, id="no permission"),
        pytest.param("ERR invalid password", Cause.DENIED, id="wrong password before Redis 6"),
        pytest.param("DENIED Redis is running in protected mode", Cause.DENIED, id="protected mode"),
        pytest.param("LOADING Redis is loading the dataset in memory", Cause.LOADING, id="still loading"),
        pytest.param("MASTERDOWN Link with MASTER is down", Cause.UNREACHABLE, id="a replica without master"),
        pytest.param("CLUSTERDOWN The cluster is down", Cause.UNREACHABLE, id="a cluster that is down"),
        pytest.param("READONLY You can't write against a read only replica.", Cause.UNREACHABLE, id="demoted"),
        pytest.param("ERR max number of clients reached", Cause.UNREACHABLE, id="full"),
        pytest.param("MOVED 3999 127.0.0.1:6381", Cause.INVALID, id="a node of a cluster"),
        pytest.param("WRONGTYPE Operation against a key", Cause.INVALID, id="wrong type"),
        pytest.param("ERR DB index is out of range", Cause.INVALID, id="no such database"),
    ],
)
def test_what_a_server_says_has_its_cause(answer: str, cause: Cause) -> None:
    assert unavailable(BaseParser.parse_error(answer)).cause is cause


def test_a_moved_key_says_what_to_do() -> None:
    assert "node of a cluster" in unavailable(MovedError("3999 127.0.0.1:6381")).detail


def test_nothing_of_the_library_gets_out() -> None:
    with pytest.raises(SourceUnavailable) as error, translated():
        raise TimeoutError
    assert (error.value.cause, error.value.detail) == (Cause.TIMEOUT, "no answer in time")


@pytest.mark.parametrize(
    ("flags", "enough"),
    [
        pytest.param([b"notify-keyspace-events", b"AK"], True, id="everything by key"),
        pytest.param([b"notify-keyspace-events", b"KElgshz"], True, id="every type that can be counted"),
        pytest.param([b"notify-keyspace-events", b"AE"], False, id="by event only"),
        pytest.param([b"notify-keyspace-events", b"Kl"], False, id="lists only"),
        pytest.param([b"notify-keyspace-events", b""], False, id="nothing, the default"),
        pytest.param(RuntimeError("NOPERM"), False, id="not to be asked"),
    ],
)
def test_keyspace_notifications_are_used_when_they_are_enough(flags: object, *, enough: bool) -> None:
    assert _notifies(flags) is enough
