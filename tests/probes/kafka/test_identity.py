"""Logins that kafka-python would make as this process are made as the trigger says."""

import json

import pytest
from kafka.net.sasl import get_sasl_mechanism
from pydantic import SecretStr

from scaler.errors import Cause, SourceUnavailable
from scaler.net.egress import Egress
from scaler.net.tls import Tls
from scaler.probes.kafka.identity import Identity
from scaler.probes.kafka.login import Aws, Cluster, Kerberos, Mechanism, OAuth, protocol

SECRET = SecretStr("hunter2hunter2")


def test_msk_is_logged_in_to_with_the_credentials_and_region_of_the_trigger() -> None:
    aws = Aws(region="eu-west-1", access_key="AKEXAMPLE", secret_key=SECRET, session_token=SecretStr("session"))
    spoken = {**protocol(Cluster(servers=("b:1",), login=aws, tls=Tls())), "host": "b-1.kafka.amazonaws.com"}
    mechanism = get_sasl_mechanism(spoken["sasl_mechanism"])(
        **spoken, sasl_oauth_token_provider=Identity(aws, Egress()).token
    )
    said = json.loads(mechanism.auth_bytes())
    assert said["host"] == "b-1.kafka.amazonaws.com"
    assert said["action"] == "kafka-cluster:Connect"
    assert said["x-amz-security-token"] == "session"
    assert said["x-amz-credential"].startswith("AKEXAMPLE/")
    assert "/eu-west-1/kafka-cluster/aws4_request" in said["x-amz-credential"]
    assert SECRET.get_secret_value() not in json.dumps(said)
    assert not mechanism.is_done()
    mechanism.receive(b'{"version":"2020_10_22"}')
    assert mechanism.is_done()
    assert mechanism.is_authenticated()


@pytest.mark.parametrize(
    ("login", "package"),
    [
        (Aws(region="eu-west-1"), "botocore"),
        (Kerberos(service="kafka", principal="u@R", password=SECRET), "gssapi"),
    ],
)
def test_a_package_that_is_missing_is_named(login: Aws | Kerberos, package: str) -> None:
    with pytest.raises(SourceUnavailable, match=package) as refusal:
        Identity(login, Egress())
    assert refusal.value.cause is Cause.INVALID


@pytest.mark.parametrize(
    ("login", "tls", "spoken"),
    [
        (None, None, {"security_protocol": "PLAINTEXT"}),
        (None, Tls(), {"security_protocol": "SSL"}),
        (
            Mechanism(name="PLAIN", username="a=b,c", password=SECRET),
            None,
            {
                "security_protocol": "SASL_PLAINTEXT",
                "sasl_mechanism": "PLAIN",
                "sasl_plain_username": "a=b,c",
                "sasl_plain_password": "hunter2hunter2",
            },
        ),
        (
            Mechanism(name="SCRAM-SHA-256", username="a=b,c", password=SECRET),
            Tls(),
            {
                "security_protocol": "SASL_SSL",
                "sasl_mechanism": "SCRAM-SHA-256",
                "sasl_plain_username": "a=3Db=2Cc",
                "sasl_plain_password": "hunter2hunter2",
            },
        ),
        (
            OAuth(endpoint="https://idp/token", client="me", secret=SECRET),
            Tls(),
            {"security_protocol": "SASL_SSL", "sasl_mechanism": "OAUTHBEARER"},
        ),
        (
            Kerberos(service="kafka", principal="u@R", password=SECRET),
            Tls(),
            {"security_protocol": "SASL_SSL", "sasl_mechanism": "GSSAPI", "sasl_kerberos_service_name": "kafka"},
        ),
    ],
)
def test_what_the_library_is_told(login: Mechanism | OAuth | Kerberos | None, tls: Tls | None, spoken: object) -> None:
    assert protocol(Cluster(servers=("b:1",), login=login, tls=tls)) == spoken
