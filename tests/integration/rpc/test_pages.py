"""Health by gRPC and HTTP, reflection, metrics, and the status that tells an operator why."""

import asyncio
import json
import re
from collections.abc import AsyncIterator

import grpc
import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection_pb2, reflection_pb2_grpc
from prometheus_client.parser import text_string_to_metric_families

from scaler.errors import Cause, SourceUnavailable
from scaler.observe.metrics import REGISTRY
from scaler.probes.base import Amount
from tests.integration.rpc.served import Served, listening, ref, refused, serving, until
from tests.stage import DOWN, raising

SERVING = health_pb2.HealthCheckResponse.SERVING


@pytest.fixture
async def served() -> AsyncIterator[Served]:
    async with serving() as service:
        yield service


# -- health and reflection -------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["liveness", "readiness", ""])
async def test_health_knows_its_names(served: Served, name: str) -> None:
    answer = await health_pb2_grpc.HealthStub(served.channel).Check(health_pb2.HealthCheckRequest(service=name))
    assert answer.status == SERVING


async def test_health_does_not_know_other_names(served: Served) -> None:
    check = health_pb2_grpc.HealthStub(served.channel).Check(health_pb2.HealthCheckRequest(service="quux"))
    assert (await refused(check))[0] is grpc.StatusCode.NOT_FOUND


async def test_it_is_ready_whatever_its_sources_do(served: Served) -> None:
    served.world.on_open = raising(DOWN)
    await refused(served.stub.IsActive(ref()))
    assert await served.get("/readyz") == (200, "ready\n")


async def test_reflection_lists_the_services(served: Served) -> None:
    asked = reflection_pb2.ServerReflectionRequest(list_services="")
    stub = reflection_pb2_grpc.ServerReflectionStub(served.channel)
    async with listening(stub.ServerReflectionInfo(iter([asked]))) as stream:
        (answer,) = await stream.messages(1)
    names = {service.name for service in answer.list_services_response.service}
    assert names == {
        "externalscaler.ExternalScaler",
        "grpc.health.v1.Health",
        "grpc.reflection.v1alpha.ServerReflection",
    }


# -- pages -----------------------------------------------------------------------------------------------------


async def test_pages_that_machines_ask_for(served: Served) -> None:
    assert await served.get("/healthz") == (200, "ok\n")
    assert await served.get("/readyz") == (200, "ready\n")
    assert (await served.get("/quux"))[0] == 404


async def test_status_tells_what_keda_is_told_and_why(served: Served) -> None:
    await served.metric(ref(target="3"))
    told = await served.status()
    assert 0 <= told.pop("age") < 2
    assert told == {
        "namespace": "shop",
        "name": "orders",
        "kind": "fake",
        "query": "jobs",
        "metric": "fake-jobs",
        "target": 3.0,
        "value": 7.0,
        "active": True,
        "state": "fresh",
        "why": "backlog above the activation threshold",
        "outage": None,
        "freeze": None,
    }


async def test_status_tells_of_what_is_held_how_old_it_is_and_what_is_wrong(served: Served) -> None:
    await served.metric(ref())
    served.world.on_read = raising(DOWN)
    await until(lambda: served.world.closes > 0, "given up")
    await asyncio.sleep(0.5)
    told = await served.status()
    assert (told["state"], told["value"], told["active"]) == ("held", 7.0, True)
    assert told["why"] == "source out of reach, last value held"
    assert (told["outage"]["cause"], told["outage"]["detail"]) == ("unreachable", "refused")
    assert told["age"] > told["outage"]["seconds"] > 0.4


async def test_status_tells_of_what_was_never_read(served: Served) -> None:
    served.world.on_open = raising(DOWN)
    await refused(served.stub.IsActive(ref()))
    told = await served.status()
    assert (told["state"], told["value"], told["active"], told["age"]) == ("unknown", None, None, None)
    assert told["why"] == "no reading yet"


async def test_status_tells_of_no_trigger_where_nobody_asked(served: Served) -> None:
    _, text = await served.get("/status")
    told = json.loads(text)
    assert (told["ready"], told["triggers"]) == (True, [])


async def test_metrics_can_be_read_and_count_what_happens(served: Served) -> None:
    await served.metric(ref())
    served.world.on_read = raising(SourceUnavailable(Cause.LOADING, "x"))
    await until(lambda: served.world.closes > 0, "given up")
    code, text = await served.get("/metrics")
    assert code == 200
    families = {family.name: family for family in text_string_to_metric_families(text)}
    assert all(family.documentation for family in families.values())
    outcomes = {each.labels["outcome"] for each in families["warmscaler_probe_reads"].samples if each.value}
    assert {"ok", "loading"} <= outcomes


async def test_metrics_tell_how_many_triggers_are_held_and_how_many_unknown(served: Served) -> None:
    for number in range(3):
        await served.metric(ref(f"name{number}"))
    served.probe.worlds["there"].on_open = raising(DOWN)
    await refused(served.stub.IsActive(ref(place="there")))
    assert await triggers(served) == {"fresh": 3, "held": 0, "frozen": 0, "unknown": 1}
    served.world.on_read = raising(DOWN)
    await until(lambda: served.world.closes > 0, "given up")
    assert await triggers(served) == {"fresh": 0, "held": 3, "frozen": 0, "unknown": 1}


async def triggers(served: Served) -> dict[str, float]:
    """Read how many triggers there are, by what their decision is worth."""
    _, text = await served.get("/metrics")
    families = {family.name: family for family in text_string_to_metric_families(text)}
    return {each.labels["state"]: each.value for each in families["warmscaler_triggers"].samples}


async def test_every_reason_of_a_decision_is_counted_from_the_start(served: Served) -> None:
    _, text = await served.get("/metrics")
    families = {family.name: family for family in text_string_to_metric_families(text)}
    reasons = {each.labels["why"] for each in families["warmscaler_decisions"].samples}
    assert reasons == {"backlog", "quiet", "held", "confirming", "never_read", "expired", "frozen"}


async def test_metadata_that_is_refused_is_counted(served: Served) -> None:
    before = REGISTRY.get_sample_value("warmscaler_triggers_rejected_total", {"reason": "metadata"})
    assert before is not None
    await refused(served.stub.IsActive(ref(target="x")))
    assert REGISTRY.get_sample_value("warmscaler_triggers_rejected_total", {"reason": "metadata"}) == before + 1


async def test_metrics_have_labels_of_small_vocabularies_only(served: Served) -> None:
    for number in range(50):
        await refused(served.stub.GetMetricSpec(ref(kind=f"evil{number}")))
        await served.spec(ref(f"name{number}", key=f"key{number}"))
    _, text = await served.get("/metrics")
    assert not re.search(r"evil\d|name\d|key\d|shop|orders", text)


# -- secrets ---------------------------------------------------------------------------------------------------

CANARY = "hunter2/canary+4711"


async def test_no_page_and_no_answer_shows_a_secret(served: Served, capsys: pytest.CaptureFixture[str]) -> None:
    secret = ref(passwordFromEnv=CANARY, keyFromEnv="jobs")
    served.world.on_read = raising(SourceUnavailable(Cause.DENIED, f"auth {CANARY}: redis://u:{CANARY}@h"), times=3)
    answers = [str(await refused(served.stub.IsActive(secret)))]
    served.world.on_open = raising(RuntimeError(CANARY), times=2)
    served.world.numbers["jobs"] = Amount.of(1)
    answers.append(str(await refused(served.stub.IsActive(ref(password=CANARY, target="x", quux=CANARY)))))
    answers.append(str(await refused(served.stub.IsActive(ref(targetFromEnv=CANARY)))))
    answers += [(await served.get(page))[1] for page in ("/status", "/metrics", "/quux")]
    answers.append("".join(capsys.readouterr()))
    assert len(answers) == 7
    assert [answer for answer in answers if "canary" in answer] == []
