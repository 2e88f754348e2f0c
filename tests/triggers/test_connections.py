"""A trigger that names a connection says what is its own, and nothing of how the source is reached."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any, ClassVar, Final

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import Field, SecretStr

from scaler.errors import Cause, ConfigError
from scaler.model import Ask, Metric, Trigger, Unresolved
from scaler.net.secrets import secrets_of
from scaler.probes.registry import installed
from scaler.triggers.connections import Connection, Lack
from scaler.triggers.metadata import CHANNEL_KEYS, Defaults, understand
from scaler.triggers.params import FROM_ENV, Params, keys_of, source_keys_of

KINDS: Final[Mapping[str, Any]] = installed().kinds
LACK: Final = Lack(cause=Cause.MISSING, said="Secret w/s: not found")
CONNECTIONS: Final = {
    "redis": Connection(
        kind="redis",
        namespaces=("shop", "team-*"),
        parameters={"address": "redis:6379"},
        credentials={"password": "hush-hush\n", "username": "bob"},
    ),
    "fixed": Connection(kind="redis", namespaces=("*",), parameters={"address": "a:1", "databaseIndex": "3"}),
    "kafka": Connection(
        kind="kafka",
        namespaces=("shop",),
        parameters={"bootstrapServers": "k:9092", "sasl": "scram_sha512", "tls": "enable"},
        credentials={"username": "bob", "password": "hush-hush"},
    ),
    "nats-jetstream": Connection(
        kind="nats-jetstream",
        namespaces=("shop",),
        parameters={"natsServerURL": "nats://n:4222"},
        credentials={"token": "hush-hush"},
    ),
}
OWN: Final[Mapping[str, dict[str, str]]] = {
    "redis": {"listName": "l"},
    "kafka": {"consumerGroup": "g", "topic": "t"},
    "nats-jetstream": {"stream": "s", "consumer": "c"},
}


def understood(
    metadata: Mapping[str, str],
    namespace: str = "shop",
    connections: Mapping[str, Connection] = CONNECTIONS,
    kinds: Mapping[str, Mapping[str, str]] | None = None,
) -> Trigger:
    return understand(namespace, "orders", metadata, KINDS, Defaults(connections=connections, kinds=kinds or {}))


def through(kind: str, **more: str) -> dict[str, str]:
    return {"kind": kind, "connection": kind, **OWN[kind], **more}


def complaint(metadata: Mapping[str, str], **how: Any) -> tuple[str, ...]:
    with pytest.raises(ConfigError) as caught:
        understood(metadata, **how)
    assert "hush" not in str(caught.value)
    return caught.value.problems


@pytest.mark.parametrize("kind", OWN)
def test_the_source_is_the_connections_and_the_question_is_the_triggers(kind: str) -> None:
    connection = CONNECTIONS[kind]
    given = {**connection.parameters, **connection.credentials}
    through_it = understood(through(kind)).ask
    own = understood({"kind": kind, **OWN[kind], **given}).ask
    assert (through_it.source, through_it.query, through_it.metric) == (own.source, own.query, own.metric)
    assert (through_it.inline, own.inline) == (False, True)
    assert "hush-hush" in secrets_of(through_it.source)
    assert "hush" not in repr(connection)


SAID: Final = [
    (kind, key + suffix)
    for kind in OWN
    for key in sorted(source_keys_of(KINDS[kind].params))
    for suffix in ("", FROM_ENV)
]


@pytest.mark.parametrize(("kind", "key"), SAID)
def test_nothing_of_reaching_or_authenticating_the_source_may_be_said(kind: str, key: str) -> None:
    (problem,) = complaint(through(kind, **{key: "1"}))
    assert problem.startswith(f"'{key}' is ")
    assert problem.endswith(f"the connection '{kind}': leave it out")


@pytest.mark.parametrize("kind", OWN)
def test_what_a_kind_says_of_its_source_is_all_that_its_source_is_made_of(kind: str) -> None:
    model, of_source = KINDS[kind].params, source_keys_of(KINDS[kind].params)
    before = understood(through(kind)).ask.source
    for key in set(keys_of(model)) - of_source - {"databaseIndex"}:
        for value in ("1", "true", "0.10.0.0", "earliest", "5-7"):
            try:
                assert understood(through(kind, **{key: value})).ask.source == before
            except ConfigError:
                continue


def test_a_database_is_the_triggers_unless_the_connection_says_it() -> None:
    one, two = (understood(through("redis", databaseIndex=each)).ask.source for each in "12")
    assert one != two
    fixed = {**through("redis"), "connection": "fixed"}
    assert "3" in str(understood(fixed).ask.source)
    (problem,) = complaint({**fixed, "databaseIndex": "3"})
    assert problem == "'databaseIndex' is said by the connection 'fixed': leave it out"


def test_who_may_not_use_a_connection_does_not_learn_that_there_is_one() -> None:
    for namespace in ("shop", "team-a", "team-"):
        assert not understood(through("redis"), namespace=namespace).ask.inline
    not_allowed = complaint(through("redis"), namespace="other")
    missing = complaint(through("redis", connection="redi"), namespace="other")
    assert not_allowed == ("'connection': no connection 'redis' for namespace 'other'",)
    assert [each.replace("'redi'", "'redis'") for each in missing] == list(not_allowed)


def test_a_connection_of_another_kind_is_told() -> None:
    assert complaint(through("redis", connection="kafka")) == ("'connection': 'kafka' is of kind 'kafka', not 'redis'",)


def test_every_other_problem_is_told_as_ever() -> None:
    problems = complaint(through("redis", listLength="0", interval="1h", lisName="x"))
    assert [each.split()[0] for each in problems] == ["'interval':", "'listLength':", "unknown"]
    assert complaint({"kind": "redis", "connection": "", "listName": "l"})[0].startswith("'address' is required")


def test_a_default_address_does_not_mix_with_a_connection() -> None:
    kinds = {"redis": {"host": "elsewhere", "port": "1", "tls": "enable", "listLength": "9"}}
    trigger = understood(through("redis"), kinds=kinds)
    assert trigger.ask.source == understood(through("redis")).ask.source
    assert trigger.ask.metric.target == 9


@pytest.mark.parametrize("kind", OWN)
def test_without_its_credentials_it_is_understood_and_its_source_says_why(kind: str) -> None:
    full = CONNECTIONS[kind]
    lacking = Connection(
        kind=kind,
        namespaces=("*",),
        parameters=full.parameters,
        lacking=dict.fromkeys(full.credentials, LACK),
    )
    ask = understood(through(kind), connections={kind: lacking}).ask
    assert (ask.metric, ask.query, ask.inline) == ((good := understood(through(kind)).ask).metric, good.query, False)
    assert isinstance(ask.source, Unresolved)
    assert (ask.source.detail, str(ask.source)) == ("Secret w/s: not found", f"connection {kind}")


@pytest.mark.parametrize(
    ("kind", "keys"),
    [
        ("redis", ["addresses"]),
        ("redis", ["hosts", "ports"]),
        ("redis", ["address", "key", "cert", "tls"]),
        ("kafka", ["bootstrapServers", "sasl", "password", "username", "keytab", "realm"]),
        ("kafka", ["bootstrapServers", "tls", "awsSecretAccessKey", "oauthExtensions", "saslTokenProvider"]),
        ("nats-jetstream", ["natsServerURL", "nkeySeed"]),
        ("nats-jetstream", ["natsServerURL", "credentials"]),
        ("nats-jetstream", ["natsServerMonitoringEndpoint", "account"]),
    ],
)
def test_whatever_is_lacking_no_trigger_is_invalid_for_it(kind: str, keys: list[str]) -> None:
    connection = Connection(kind=kind, namespaces=("*",), lacking=dict.fromkeys(keys, LACK))
    assert isinstance(understood(through(kind), connections={kind: connection}).ask.source, Unresolved)
    (problem,) = complaint(through(kind, interval="1h"), connections={kind: connection})
    assert "'interval'" in problem


@pytest.mark.parametrize(
    ("kind", "parameters", "credentials", "said"),
    [
        ("redis", {}, {"address": "hush-hush"}, "'address' '***' is not host:port"),
        ("kafka", {"bootstrapServers": "a:1"}, {"sasl": "hush-hush"}, "'sasl' (value not shown) is not one of"),
        ("nats-jetstream", {"natsServerURL": "a:1"}, {"nkeySeed": "hush-hush"}, "'nkeySeed' (value not shown) is not"),
    ],
)
def test_a_credential_that_cannot_be_right_keeps_the_source_away_and_is_not_repeated(
    kind: str, parameters: dict[str, str], credentials: dict[str, str], said: str
) -> None:
    bad = Connection(kind=kind, namespaces=("*",), parameters=parameters, credentials=credentials)
    source = understood(through(kind), connections={kind: bad}).ask.source
    assert isinstance(source, Unresolved)
    assert (source.cause, source.detail[: len(said) + len(kind) + 15]) == (
        Cause.INVALID,
        f"connection '{kind}': {said}",
    )
    assert "hush" not in repr(source)
    (problem,) = complaint(through(kind, interval="1h"), connections={kind: bad})
    assert "'interval'" in problem


# -- a plugin that says nothing of its source ------------------------------------------------------------------


class LampParams(Params):
    """A lamp."""

    host: Annotated[str, Field(description="Where.")]
    token: Annotated[SecretStr | None, Field(description="Who.")] = None
    room: Annotated[str, Field(description="Which.")]
    proxy: Annotated[str, Field(description="By way of what.")] = ""
    dim: Annotated[bool, Field(description="How.")] = False


@dataclass(frozen=True, slots=True)
class Lamp:
    """A kind whose author has marked nothing."""

    params: ClassVar[type[Params]] = LampParams

    def ask(self, params: LampParams) -> Ask:
        source = (params.host, params.token, params.proxy)
        return Ask(source=source, query=params.room, metric=Metric(name="lamp", target=1.0))


LAMP: Final[Mapping[str, Any]] = {"lamp": Lamp()}


def lamp(said: Mapping[str, str], **connection: Mapping[str, str]) -> Trigger:
    offered = {"lamp": Connection(kind="lamp", namespaces=("*",), **connection)}  # type: ignore[arg-type]
    metadata = {"kind": "lamp", "connection": "lamp", **said}
    return understand("shop", "orders", metadata, LAMP, Defaults(connections=offered))


@pytest.mark.parametrize(
    ("said", "wrong"),
    [
        ({"room": "hall"}, ()),
        ({"room": "hall", "dim": "true"}, ()),
        ({"room": "hall", "host": "evil"}, ("host",)),
        ({"room": "hall", "hostFromEnv": "evil"}, ("hostFromEnv",)),
        ({"room": "hall", "token": "mine"}, ("token",)),
        ({"room": "hall", "proxy": "evil"}, ("proxy",)),
        ({"room": "hall", "proxy": "evil", "host": "evil"}, ("host",)),
    ],
)
def test_without_marks_what_would_change_the_source_is_found_out(said: dict[str, str], wrong: tuple[str, ...]) -> None:
    given = {"parameters": {"host": "lamp"}, "credentials": {"token": "hush-hush"}}
    if not wrong:
        assert lamp(said, **given).ask.source == ("lamp", SecretStr("hush-hush"), "")
        return
    with pytest.raises(ConfigError) as caught:
        lamp(said, **given)
    assert [each.split("'")[1] for each in caught.value.problems] == list(wrong)


def test_without_marks_an_address_that_the_connection_leaves_open_is_nobodys() -> None:
    with pytest.raises(ConfigError, match="'host' would change the source"):
        lamp({"room": "hall", "host": "evil"}, credentials={"token": "hush-hush"})


ALL_KEYS: Final = sorted({*CHANNEL_KEYS, *(key for kind in OWN for key in keys_of(KINDS[kind].params))} - {"kind"})
TEXTS: Final = st.sampled_from(
    ["", "1", "true", "a:1", "evil:6379", "enable", "nats://evil:4222", "x=y", "\0"]
) | st.text(max_size=9)


@given(st.sampled_from(sorted(OWN)), st.dictionaries(st.sampled_from(ALL_KEYS), TEXTS, max_size=6))
def test_whatever_metadata_says_the_source_is_the_connections(kind: str, said: dict[str, str]) -> None:
    metadata = {**through(kind), **said, "kind": kind, "connection": kind}
    try:
        ask = understood(metadata).ask
    except ConfigError:
        assert complaint(metadata)
        return
    database = {"databaseIndex": said["databaseIndex"]} if said.get("databaseIndex", "").strip() else {}
    assert ask.source == understood(through(kind, **(database if kind == "redis" else {}))).ask.source


def test_a_connection_is_named_in_plain_metadata_or_not_at_all() -> None:
    said = {"kind": "redis", "connectionFromEnv": "redis", "address": "elsewhere:1", **OWN["redis"]}
    assert complaint(said) == ("'connectionFromEnv': name the connection in the metadata itself, as 'connection'",)
