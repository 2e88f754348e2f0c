"""What may be said of a Kafka trigger, row by row as the native scaler's own tests have it."""

import pytest

from scaler.errors import ConfigError
from scaler.model import Ask, Metric
from scaler.net.tls import Tls
from scaler.probes.kafka import Kafka
from scaler.probes.kafka.lag import Bound, Lag
from scaler.probes.kafka.login import Aws, Cluster, Kerberos, Mechanism, OAuth
from scaler.probes.registry import AnyProbe
from scaler.triggers.metadata import Defaults, understand

KINDS: dict[str, AnyProbe] = {"kafka": Kafka()}
BASE = {"kind": "kafka", "bootstrapServers": "b1:9092,b2:9092", "consumerGroup": "my-group", "topic": "my-topic"}
PLAIN = {"sasl": "plaintext", "username": "u", "password": "p"}
OAUTH = {"sasl": "oauthbearer", "username": "u", "password": "p", "oauthTokenEndpointUri": "https://idp/token"}
KERBEROS = {"sasl": "gssapi", "username": "u", "password": "p", "realm": "R", "kerberosConfig": "[libdefaults]"}
MSK = {
    "sasl": "oauthbearer",
    "saslTokenProvider": "aws_msk_iam",
    "tls": "enable",
    "awsRegion": "eu-west-1",
    "awsAccessKeyID": "AK",
    "awsSecretAccessKey": "SK",
}


def ask(**said: str) -> Ask:
    metadata = {key: value for key, value in {**BASE, **said}.items() if value != "-"}
    return understand("n", "o", metadata, KINDS, Defaults()).ask


def lag(**said: str) -> Lag:
    query = ask(**said).query
    assert isinstance(query, Lag)
    return query


def cluster(**said: str) -> Cluster:
    source = ask(**said).source
    assert isinstance(source, Cluster)
    return source


@pytest.mark.parametrize(
    ("text", "ranges"),
    [
        ("   ", ()),
        ("1,2,3,4", ((1, 1), (2, 2), (3, 3), (4, 4))),
        ("1-4", ((1, 4),)),
        ("1-4,8,10-12", ((1, 4), (8, 8), (10, 12))),
        (" 1 , 2 ", ((1, 1), (2, 2))),
        ("3-3", ((3, 3),)),
        (" 1 - 4 ", ((1, 4),)),
    ],
)
def test_partitions_that_count(text: str, ranges: tuple[tuple[int, int], ...]) -> None:
    assert lag(partitionLimitation=text).only == ranges


def test_without_a_topic_all_partitions_count() -> None:
    assert lag(topic="-", partitionLimitation="1-4") == Lag(group="my-group")


@pytest.mark.parametrize(
    ("said", "options"),
    [
        pytest.param({}, {}, id="defaults"),
        pytest.param({"lagThreshold": "1000000"}, {"threshold": 1_000_000}, id="a large threshold"),
        pytest.param({"offsetResetPolicy": "earliest"}, {"earliest": True}, id="earliest"),
        pytest.param({"allowIdleConsumers": "true"}, {"bound": Bound.NONE}, id="idle consumers"),
        pytest.param(
            {"allowIdleConsumers": "true", "limitToPartitionsWithLag": "false"},
            {"bound": Bound.NONE},
            id="idle, no limit",
        ),
        pytest.param({"limitToPartitionsWithLag": "true"}, {"bound": Bound.LAGGING}, id="limited to lagging"),
        pytest.param(
            {"allowIdleConsumers": "true", "ensureEvenDistributionOfPartitions": "true"},
            {"even": True},
            id="even and idle",
        ),
        pytest.param({"excludePersistentLag": "true"}, {"exclude_persistent": True}, id="without persistent lag"),
        pytest.param({"scaleToZeroOnInvalidOffset": "true"}, {"zero_unread": True}, id="to zero without a commit"),
        pytest.param({"version": "1.0.0", "fullMetadata": "false"}, {}, id="what changes nothing"),
        pytest.param({"version": "0.11.0.2"}, {}, id="an old version"),
    ],
)
def test_options(said: dict[str, str], options: dict[str, object]) -> None:
    assert lag(**said) == Lag(group="my-group", topic="my-topic", **options)  # type: ignore[arg-type] # rows of a table


@pytest.mark.parametrize(
    ("said", "problem"),
    [
        ({"bootstrapServers": "-"}, "'bootstrapServers' is required"),
        ({"bootstrapServers": "b1"}, "'b1' is not host:port"),
        ({"bootstrapServers": "b1:9092,,b2:9092"}, "'' is not host:port"),
        ({"consumerGroup": "-"}, "'consumerGroup' is required"),
        ({"version": "1.2.3.4"}, "'version': '1.2.3.4' is not a Kafka version"),
        ({"lagThreshold": "-1"}, "'lagThreshold'"),
        ({"lagThreshold": "0"}, "'lagThreshold'"),
        ({"activationLagThreshold": "AA"}, "'activationLagThreshold'"),
        ({"activationLagThreshold": "-1"}, "'activationLagThreshold'"),
        ({"offsetResetPolicy": "foo"}, "'offsetResetPolicy'"),
        ({"allowIdleConsumers": "notvalid"}, "'allowIdleConsumers'"),
        ({"excludePersistentLag": "notvalid"}, "'excludePersistentLag'"),
        ({"scaleToZeroOnInvalidOffset": "notvalid"}, "'scaleToZeroOnInvalidOffset'"),
        ({"limitToPartitionsWithLag": "notvalid"}, "'limitToPartitionsWithLag'"),
        ({"ensureEvenDistributionOfPartitions": "notvalid"}, "'ensureEvenDistributionOfPartitions'"),
        ({"fullMetadata": "notvalid"}, "'fullMetadata'"),
        ({"partitionLimitation": "a,b,c"}, "'a' is neither a partition nor a range"),
        ({"partitionLimitation": "1-2-3"}, "'1-2-3' is neither a partition nor a range"),
        ({"partitionLimitation": "a-3"}, "'a-3' is neither a partition nor a range"),
        ({"partitionLimitation": "1-b"}, "'1-b' is neither a partition nor a range"),
        ({"partitionLimitation": "4-1"}, "'4-1' runs backwards"),
        ({"partitionLimitation": "99999999999"}, "neither a partition nor a range"),
        ({"allowIdleConsumers": "true", "limitToPartitionsWithLag": "true"}, "exclude each other"),
        (
            {"limitToPartitionsWithLag": "true", "ensureEvenDistributionOfPartitions": "true"},
            "'limitToPartitionsWithLag' and 'ensureEvenDistributionOfPartitions' exclude each other",
        ),
        ({"topic": "-", "limitToPartitionsWithLag": "true"}, "'limitToPartitionsWithLag' needs 'topic'"),
        ({"topic": "-", "ensureEvenDistributionOfPartitions": "true"}, "Partitions' needs 'topic'"),
        ({"topic": "-", "fullMetadata": "false"}, "'fullMetadata' may only be false with 'topic'"),
        ({"unsafeSsl": "nope", "sourceUnsafeSsl": "nope"}, "'sourceUnsafeSsl'"),
        ({"sasl": "foo"}, "'sasl'"),
        ({"tls": "random"}, "'tls'"),
        ({**PLAIN, "username": ""}, "'sasl' plaintext needs 'username'"),
        ({**PLAIN, "password": ""}, "'sasl' plaintext needs 'password'"),
        ({**PLAIN, "sasl": "scram_sha512", "password": ""}, "'sasl' scram_sha512 needs 'password'"),
        ({"tls": "enable", "cert": "c"}, "'cert' and 'key' go together"),
        ({"tls": "enable", "key": "k"}, "'cert' and 'key' go together"),
        ({**OAUTH, "oauthTokenEndpointUri": ""}, "needs 'oauthTokenEndpointUri'"),
        *(
            ({**OAUTH, "oauthTokenEndpointUri": bad}, "'oauthTokenEndpointUri' is not an http or https URL")
            for bad in (
                "idp/token",
                "ftp://idp/token",
                "file:///etc/passwd",
                "https:///token",
                "https://u:pw@idp/token",
                "https://idp:99999/token",
                "https://idp:0/token",
                "http://[::1/token",
                "http://idp\\@x/token",
                "http://i dp/token",
            )
        ),
        ({**OAUTH, "oauthExtensions": "a=b,c"}, "'oauthExtensions'"),
        ({**OAUTH, "username": ""}, "'sasl' oauthbearer needs 'username'"),
        ({**KERBEROS, "keytab": "k"}, "exactly one of 'password' and 'keytab'"),
        ({**KERBEROS, "password": ""}, "exactly one of 'password' and 'keytab'"),
        ({**KERBEROS, "realm": ""}, "'sasl' gssapi needs 'realm'"),
        ({**KERBEROS, "username": ""}, "'sasl' gssapi needs 'username'"),
        ({**KERBEROS, "kerberosConfig": ""}, "'sasl' gssapi needs 'kerberosConfig'"),
        ({**MSK, "tls": "disable"}, "needs 'tls' to be enable"),
        ({**MSK, "awsRegion": ""}, "needs 'awsRegion'"),
        ({**MSK, "awsAccessKeyID": ""}, "needs 'awsAccessKeyID'"),
        ({**MSK, "awsSecretAccessKey": ""}, "needs 'awsSecretAccessKey'"),
        ({"saslTokenProvider": "foo"}, "'saslTokenProvider'"),
    ],
)
def test_refused(said: dict[str, str], problem: str) -> None:
    with pytest.raises(ConfigError, match="kafka trigger of n/o") as refusal:
        ask(**said)
    assert problem in str(refusal.value)


@pytest.mark.parametrize("address", ["http://10.0.0.1:8080/t", "https://idp.test/realms/r?x=1", "HTTPS://[::1]:8443"])
def test_tokens_may_be_issued_at(address: str) -> None:
    login = cluster(**{**OAUTH, "oauthTokenEndpointUri": address}).login
    assert isinstance(login, OAuth)
    assert login.endpoint == address


def test_a_password_in_an_address_is_not_repeated() -> None:
    with pytest.raises(ConfigError) as refusal:
        ask(**{**OAUTH, "oauthTokenEndpointUri": "https://u:hunter2@idp/token"})
    assert "hunter2" not in str(refusal.value)


def test_all_problems_in_one_message() -> None:
    with pytest.raises(ConfigError) as refusal:
        ask(consumerGroup="-", lagThreshold="0", sasl="plaintext", offsetResetPolicy="foo")
    assert len(refusal.value.problems) == 5


@pytest.mark.parametrize(
    ("said", "login"),
    [
        pytest.param({}, None, id="none"),
        pytest.param({"sasl": "none", "username": "u"}, None, id="none, said"),
        pytest.param({**PLAIN, "sasl": "plaintext \n"}, Mechanism, id="a trailing space and a newline"),
        pytest.param({**PLAIN, "sasl": "scram_sha256"}, Mechanism, id="scram_sha256"),
        pytest.param({**PLAIN, "sasl": "scram_sha512"}, Mechanism, id="scram_sha512"),
        pytest.param({**OAUTH, "scopes": "a,b", "oauthExtensions": "x=1,y=2"}, OAuth, id="oauthbearer"),
        pytest.param(KERBEROS, Kerberos, id="gssapi with a password"),
        pytest.param({**KERBEROS, "password": "", "keytab": "a2V5"}, Kerberos, id="gssapi with a keytab"),
        pytest.param(MSK, Aws, id="MSK"),
        pytest.param(
            {**MSK, "awsAccessKeyID": "", "awsSecretAccessKey": "", "identityOwner": "operator"},
            Aws,
            id="MSK as operator",
        ),
    ],
)
def test_logins(said: dict[str, str], login: type | None) -> None:
    found = cluster(**said).login
    assert found is None if login is None else isinstance(found, login)


def test_tls_is_off_unless_it_is_enabled() -> None:
    assert cluster(cert="c").tls is None
    assert cluster(tls="disable", ca="pem").tls is None
    assert cluster(tls="enable", ca="pem", sourceUnsafeSsl="true").tls == Tls(ca="pem", verify=False)


def test_secrets_may_come_from_the_environment() -> None:
    assert cluster(sasl="plaintext", username="u", passwordFromEnv="p") == cluster(**PLAIN)


def test_triggers_of_one_cluster_share_a_source() -> None:
    assert ask(bootstrapServers="b2:9092, b1:9092", topic="other").source == ask().source
    assert ask(**PLAIN).source != ask().source
    assert ask(tls="enable").source != ask().source


@pytest.mark.parametrize(
    ("said", "name"),
    [
        ({}, "kafka-my-topic"),
        ({"topic": "-"}, "kafka-my-group-topics"),
        ({"topic": "a.b/c"}, "kafka-a-b-c"),
    ],
)
def test_names_and_targets(said: dict[str, str], name: str) -> None:
    found = ask(**said, lagThreshold="7", activationLagThreshold="3")
    assert (found.metric, found.activation) == (Metric(name=name, target=7), 3)


def test_a_source_shows_no_secret() -> None:
    source = cluster(**{**PLAIN, "password": "hunter2hunter2"})
    assert "hunter2" not in str(source) + repr(source)


def test_a_login_in_an_address_is_refused_without_repeating_it() -> None:
    with pytest.raises(ConfigError, match=r"'bootstrapServers' '\*\*\*@h:9092' is not host:port") as caught:
        ask(bootstrapServers="b1:9092,u:hun,ter2@h:9092")
    assert "hun" not in str(caught.value)
