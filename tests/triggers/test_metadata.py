"""One ScaledObject reference in, one trigger out, or every problem in one message."""

import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any, ClassVar

import pytest
from pydantic import Field, SecretStr

from scaler.errors import ConfigError
from scaler.model import Ask, Metric, OnUnknown, Rules, Trigger
from scaler.triggers.metadata import CHANNEL_KEYS, MAX_KEYS, MAX_METADATA, Defaults, metric_name, understand
from scaler.triggers.params import Params
from scaler.triggers.values import Number


class QueueParams(Params):
    """A queue."""

    queue_name: Annotated[str, Field(description="Which.")]
    target: Annotated[Number, Field(gt=0, description="How much one replica takes.")] = 5.0
    activation: Annotated[Number, Field(ge=0, description="Active means more than this.")] = 0.0
    password: Annotated[SecretStr | None, Field(description="Secret.")] = None


@dataclass(frozen=True, slots=True)
class Queue:
    """A kind that is enough to be understood."""

    params: ClassVar[type[Params]] = QueueParams

    def ask(self, params: QueueParams) -> Ask:
        """Ask for a queue."""
        metric = Metric(name=metric_name("queue", params.queue_name), target=params.target)
        return Ask(source="there", query=params.queue_name, metric=metric, activation=params.activation)


KINDS: Mapping[str, Any] = {"queue": Queue(), "quiver": Queue()}
OK = {"kind": "queue", "queueName": "jobs"}


def understood(metadata: Mapping[str, str], defaults: Defaults | None = None) -> Trigger:
    return understand("shop", "orders", metadata, KINDS, defaults or Defaults())


def complaint(metadata: Mapping[str, str], namespace: str = "shop", name: str = "orders") -> str:
    with pytest.raises(ConfigError) as caught:
        understand(namespace, name, metadata, KINDS, Defaults())
    return str(caught.value)


def test_a_trigger_is_all_that_was_said() -> None:
    said = {**OK, "target": "7", "activation": "2", "interval": "5s", "holdFor": "1h", "zeroConfirm": "3"}
    assert understood({**said, "onUnknown": "error", "pool": "warm"}) == Trigger(
        namespace="shop",
        name="orders",
        kind="queue",
        ask=Ask(source="there", query="jobs", metric=Metric(name="queue-jobs", target=7.0), activation=2.0),
        rules=Rules(activation=2.0, hold_for=3600.0, zero_confirm=3, confirm_spacing=1.0, on_unknown=OnUnknown.ERROR),
        interval=5.0,
        pool="warm",
    )


def test_what_is_not_said_has_its_default() -> None:
    trigger = understood(OK)
    assert (trigger.interval, trigger.pool) == (2.0, None)
    assert trigger.rules == Rules(activation=0.0, hold_for=None, zero_confirm=2, confirm_spacing=1.0)


def test_confirmations_are_no_further_apart_than_readings() -> None:
    assert understood({**OK, "interval": "250ms"}).rules.confirm_spacing == 0.25


def test_the_configuration_may_say_what_metadata_does_not() -> None:
    defaults = Defaults(interval=7.0, kinds={"queue": {"target": "9"}, "quiver": {"target": "1"}})
    assert understood(OK, defaults).interval == 7.0
    assert understood(OK, defaults).ask.metric.target == 9.0
    assert understood({**OK, "target": "3", "interval": "1s"}, defaults).ask.metric.target == 3.0


@pytest.mark.parametrize("key", sorted(CHANNEL_KEYS))
def test_keys_that_steer_keda_itself_are_no_unknown_keys(key: str) -> None:
    assert understood({**OK, key: "whatever"}) == understood(OK)


def test_the_kind_is_trimmed() -> None:
    assert understood({**OK, "kind": " queue "}).kind == "queue"


@pytest.mark.parametrize(
    ("kind", "sentence"),
    [
        ("queu", "'kind': 'queu' is not one of queue, quiver, did you mean 'queue'?"),
        ("Queue", "'kind': 'Queue' is not one of queue, quiver, did you mean 'queue'?"),
        ("x", "'kind': 'x' is not one of queue, quiver"),
        ("", "'kind' is required: one of queue, quiver"),
        (" ", "'kind' is required: one of queue, quiver"),
    ],
)
def test_a_wrong_kind_names_the_right_ones(kind: str, sentence: str) -> None:
    assert complaint({"kind": kind}) == f"trigger of shop/orders: {sentence}"


def test_all_problems_are_in_one_message() -> None:
    said = {"kind": "queue", "target": "-1", "activaton": "5", "interval": "1ms", "zeroConfirm": "0", "holdFor": "soon"}
    assert complaint({**said, "onUnknown": "panic"}) == (
        "queue trigger of shop/orders: "
        "'interval': '1ms' must be greater than or equal to 0.1s; "
        "'holdFor': 'soon' is not a duration such as 30s, 1m30s or 500ms; "
        "'zeroConfirm': '0' must be greater than or equal to 1; "
        "'onUnknown': 'panic' is not one of 'freeze' or 'error'; "
        "'queueName' is required; "
        "'target': '-1' must be greater than 0; "
        "unknown key 'activaton', did you mean 'activation'?"
    )


def test_a_wrong_kind_hides_no_problem_of_what_every_kind_knows() -> None:
    assert complaint({"kind": "quivr", "interval": "soon", "zeroConfirm": "x"}) == (
        "trigger of shop/orders: "
        "'kind': 'quivr' is not one of queue, quiver, did you mean 'quiver'?; "
        "'interval': 'soon' is not a duration such as 30s, 1m30s or 500ms; "
        "'zeroConfirm': 'x' is not a whole number"
    )


@pytest.mark.parametrize("target", ["0.0004", "1e-9"])
def test_a_target_that_keda_takes_for_zero_is_refused_beside_all_else(target: str) -> None:
    assert complaint({**OK, "target": target, "interval": "soon", "quux": ""}) == (
        "queue trigger of shop/orders: "
        "'interval': 'soon' is not a duration such as 30s, 1m30s or 500ms; "
        f"'target': '{target}' is less than 0.001, which KEDA takes for zero; "
        "unknown key 'quux'"
    )


def test_a_target_too_small_that_metadata_does_not_name_is_told_by_its_value() -> None:
    with pytest.raises(ConfigError, match=r": the target 0\.0004 is less than 0\.001"):
        understood(OK, Defaults(kinds={"queue": {"target": "0.0004"}}))


def test_a_target_too_small_shows_no_secret() -> None:
    assert "0.0004" not in complaint({**OK, "targetFromEnv": "0.0004"})


@pytest.mark.parametrize("key", ["password", "passwordFromEnv", "queueNameFromEnv", "passwrod", "targetFromEnv"])
def test_no_message_shows_a_secret(key: str) -> None:
    assert "canary-4711" not in complaint({**OK, "target": "bad", key: "canary-4711"})


@pytest.mark.parametrize(
    "metadata",
    [
        pytest.param({**OK, "queueName": "x" * MAX_METADATA}, id="a value"),
        pytest.param({**OK, "x" * MAX_METADATA: ""}, id="a key"),
        pytest.param({**OK, **{f"key{number}": "x" * 1000 for number in range(40)}}, id="all together"),
    ],
)
def test_metadata_that_is_too_long_is_refused(metadata: Mapping[str, str]) -> None:
    assert complaint(metadata) == f"trigger of shop/orders: the metadata is longer than {MAX_METADATA} characters"


def test_too_many_keys_are_refused_in_no_time() -> None:
    began = time.process_time()
    assert f"10002 keys, more than {MAX_KEYS}" in complaint({**OK, **{f"k{number}": "" for number in range(10_000)}})
    assert time.process_time() - began < 0.5


@pytest.mark.parametrize("where", ["namespace", "name"])
def test_a_name_longer_than_kubernetes_allows_is_refused(where: str) -> None:
    said = complaint(OK, **{where: "x" * 100_000})
    assert said.endswith("a namespace and a name have at most 253 characters")
    assert len(said) < 700


@pytest.mark.parametrize(
    ("parts", "name"),
    [(("redis", "a/b"), "redis-a-b"), (("kafka", "my.topic:x%(y)"), "kafka-my-topic-x--y-"), (("q",), "q")],
)
def test_a_metric_name_is_normalized_as_native_scalers_do(parts: tuple[str, ...], name: str) -> None:
    assert metric_name(*parts) == name
