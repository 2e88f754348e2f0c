"""The configuration in a ConfigMap, and credentials in Secrets, as a service account with just the rights for them."""

import asyncio
import json
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from secrets import token_hex
from time import monotonic
from typing import Any

import grpc
import pytest

from scaler.net.kube import CONFIG_MAPS, Document, Kube, Resource, running_kube
from scaler.rpc.pb.externalscaler_pb2 import GetMetricsRequest, ScaledObjectRef
from scaler.rpc.pb.externalscaler_pb2_grpc import ExternalScalerStub
from tests.cluster import manifests
from tests.cluster.api import EVENTS, NAMESPACES, Api
from tests.cluster.api import Resource as Plural
from tests.cluster.control_plane import ControlPlane
from tests.cluster.warmscaler import Warmscaler
from tests.servers.process import wait_until
from tests.servers.redis import Redis

pytestmark = pytest.mark.requires("cluster", "redis")

MAPS, SECRETS = Plural(api="v1", plural="configmaps"), Plural(api="v1", plural="secrets")
WITHIN = 1.0  # s: what is promised
PATIENCE = 20.0  # s
RIGHTS = [
    {"apiGroups": [""], "resources": ["configmaps"], "resourceNames": ["ws"], "verbs": ["list", "watch"]},
    {
        "apiGroups": [""],
        "resources": ["configmaps"],
        "resourceNames": ["ws-last-good"],
        "verbs": ["get", "create", "patch"],
    },
    {"apiGroups": [""], "resources": ["events"], "verbs": ["create", "patch"]},
    {"apiGroups": [""], "resources": ["secrets"], "resourceNames": ["jobs", "later"], "verbs": ["list", "watch"]},
]
BAD = "version: 1\nlimts: {}\n"


@dataclass
class Desk:
    """A namespace with a ConfigMap ``ws``, and an account that may follow it."""

    api: Api
    namespace: str
    kubeconfig: Path
    home: Path

    def write(self, text: str) -> None:
        """Write the configuration."""
        self.apply("ConfigMap", "ws", data={"config.yaml": text})

    def apply(self, kind: str, name: str, **rest: object) -> None:
        """Apply an object of the namespace."""
        metadata = {"namespace": self.namespace, "name": name}
        api = "rbac.authorization.k8s.io/v1" if kind.startswith("Role") else "v1"
        self.api.apply({"apiVersion": api, "kind": kind, "metadata": metadata, **rest})

    def events(self, reason: str) -> list[str]:
        """Return what the Events of a reason say."""
        return [each["message"] for each in self.api.all(EVENTS, self.namespace) if each["reason"] == reason]

    def serve(self) -> Warmscaler:
        """Return a service that follows the ConfigMap."""
        flags = [f"--kubeconfig={self.kubeconfig}", f"--config=configmap:{self.namespace}/ws"]
        return Warmscaler(self.home / "scaler", flags=flags)


def prepared(plane: ControlPlane, namespace: str, home: Path) -> Desk:
    """Make the ConfigMap, the account, its rights and its kubeconfig."""
    desk = Desk(api=plane.api, namespace=namespace, kubeconfig=home / "kubeconfig", home=home)
    desk.write(limits(1000))
    desk.apply("ServiceAccount", "ws")
    desk.apply("Role", "ws", rules=RIGHTS)
    role = {"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": "ws"}
    desk.apply("RoleBinding", "ws", roleRef=role, subjects=[{"kind": "ServiceAccount", "name": "ws"}])
    plane.credentials.kubeconfig_of(plane.api.token_of(namespace, "ws"), desk.kubeconfig)
    return desk


@pytest.fixture
def own(control_plane: ControlPlane, namespace: str, tmp_path: Path) -> Desk:
    """Return a desk of one test's own."""
    return prepared(control_plane, namespace, tmp_path)


@pytest.fixture(scope="module")
def desk(control_plane: ControlPlane, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Desk]:
    """Share a desk: the service that follows it goes on from test to test."""
    name = f"test-configuration-{token_hex(4)}"
    control_plane.api.apply(manifests.namespace(name))
    yield prepared(control_plane, name, tmp_path_factory.mktemp("desk"))
    control_plane.api.delete(NAMESPACES, name)


@pytest.fixture(scope="module")
def scaler(desk: Desk) -> Iterator[Warmscaler]:
    """Serve at the shared desk."""
    with desk.serve() as scaler:
        yield scaler


def limits(triggers: int) -> str:
    return f"version: 1\nlimits: {{triggers: {triggers}}}\n"


def told(scaler: Warmscaler) -> Any:
    return json.loads(scaler.page("/status"))["config"]


def until(scaler: Warmscaler, fact: Callable[[Any], bool], what: str) -> float:
    """Wait until something is true of what the status says of the configuration, and tell for how long."""
    began = monotonic()
    wait_until(lambda: fact(told(scaler)), within=PATIENCE, what=what)
    return monotonic() - began


def test_a_change_is_in_force_within_a_second(desk: Desk, scaler: Warmscaler, measured: Callable[[str], None]) -> None:
    took, logged = [], len(scaler.log.read_text())
    for triggers in range(1, 11):
        before = told(scaler)["hash"]
        desk.write(limits(triggers))
        took.append(until(scaler, lambda config, before=before: config["hash"] != before, "in force"))  # type: ignore[misc]
    assert max(took) < WITHIN
    before = told(scaler)["hash"]
    desk.write(limits(5) + "# a comment in it, as long as that\n" * 12_000)  # longer than the lines of most libraries
    until(scaler, lambda config: config["hash"] != before, "in force")
    assert "cannot follow" not in scaler.log.read_text()[logged:]
    measured(f"ConfigMap to in force, 10 changes: max {max(took) * 1000:.0f} ms, /status asked every 20 ms")


def test_a_bad_one_changes_nothing_and_its_author_is_told(desk: Desk, scaler: Warmscaler) -> None:
    good = told(scaler)["hash"]
    desk.write(BAD)
    until(scaler, lambda config: not config["valid"], "rejected")
    said = "2:1: unknown key 'limts', did you mean 'limits'?"
    assert (told(scaler)["hash"], told(scaler)["problems"]) == (good, [said])
    wait_until(lambda: bool(desk.events("ConfigRejected")), within=PATIENCE, what="an Event")
    assert desk.events("ConfigRejected") == [f"not in force, nothing changes: {said}"]
    assert scaler.metric("warmscaler_config_last_reload_successful") == 0
    desk.write(limits(2))
    until(scaler, lambda config: config["valid"], "accepted")
    new = told(scaler)["hash"]
    said = f"configuration {new} is in force"
    wait_until(lambda: said in desk.events("ConfigAccepted"), within=PATIENCE, what="another Event")


def test_the_last_good_one_serves_on_across_a_restart(own: Desk) -> None:
    with own.serve() as scaler:
        good = told(scaler)["hash"]
        wait_until(lambda: own.api.find(MAPS, "ws-last-good", own.namespace) is not None, within=PATIENCE, what="kept")
        own.write(BAD)
        until(scaler, lambda config: not config["valid"], "rejected")
        scaler.kill()
        scaler.start()
        assert (told(scaler)["hash"], told(scaler)["valid"]) == (good, False)
        own.api.delete(MAPS, "ws", own.namespace)
        until(scaler, lambda config: config["problems"] == ["does not exist"], "said to be gone")
        scaler.kill()
        scaler.start()
        assert (told(scaler)["hash"], told(scaler)["problems"]) == (good, ["does not exist"])
        own.write(limits(3))
        until(scaler, lambda config: config["valid"], "accepted")
    assert "not kept" not in scaler.log.read_text()


def test_a_first_start_with_a_bad_one_ends_with_every_problem(own: Desk) -> None:
    own.write(BAD)
    with pytest.raises(AssertionError, match=r"configmap:test-\w+/ws: 2:1: unknown key 'limts'"), own.serve():
        pass
    assert len(own.events("ConfigRejected")) == 1


def test_an_api_server_that_dies_and_comes_back_changes_nothing_and_is_followed_on(
    desk: Desk, scaler: Warmscaler, control_plane: ControlPlane, measured: Callable[[str], None]
) -> None:
    good, logged = told(scaler), len(scaler.log.read_text())
    control_plane.api_server.kill()
    wait_until(lambda: "cannot follow" in scaler.log.read_text()[logged:], within=PATIENCE, what="noticed")
    assert (told(scaler)["hash"], told(scaler)["valid"]) == (good["hash"], True)
    control_plane.api_server.start()
    desk.write(limits(4))
    took = until(scaler, lambda config: config["hash"] != good["hash"], "in force")
    measured(f"API server killed and started again, a change after that is in force after {took * 1000:.0f} ms")
    assert asyncio.run(outdated(control_plane.kubeconfig, desk.namespace)) == [limits(4), limits(4)]


async def outdated(kubeconfig: Path, namespace: str) -> list[str]:
    """Follow from a version that the API server, which has just started, does not remember: it answers 410."""

    class Forgetful(Kube):
        async def _list(
            self, resource: Resource, namespace: str, name: str, on_change: Callable[[Document | None], None]
        ) -> str:
            version = await super()._list(resource, namespace, name, on_change)
            return "1" if len(seen) == 1 else version

    seen: list[str] = []
    failures: list[Exception] = []
    enough = asyncio.Event()

    def heard(document: Document | None) -> None:
        assert document is not None
        seen.append(document["data"]["config.yaml"])
        if len(seen) > 1:
            enough.set()

    async with running_kube(kubeconfig) as kube:
        assert kube is not None
        forgetful = Forgetful(kube._client, "default")  # noqa: SLF001
        following = asyncio.create_task(forgetful.follow(CONFIG_MAPS, namespace, "ws", heard, failures.append))
        async with asyncio.timeout(PATIENCE):
            await enough.wait()
        following.cancel()
        with suppress(asyncio.CancelledError):
            await following
    await asyncio.sleep(0.2)  # TLS takes leave after its client was closed, and needs the loop for it
    assert failures == []  # of a 410 nobody hears: it takes nothing away
    return seen


# -- Secrets ---------------------------------------------------------------------------------------------------


@pytest.fixture
def redis(tmp_path: Path) -> Iterator[Redis]:
    with Redis(tmp_path / "redis", password="first") as redis:
        redis.cli("RPUSH", "l", *"1234567")
        yield redis


@dataclass
class Caller:
    """KEDA, as far as one trigger is concerned."""

    stub: ExternalScalerStub
    ref: ScaledObjectRef

    def value(self) -> float:
        """Return what GetMetrics says."""
        answer = self.stub.GetMetrics(GetMetricsRequest(scaledObjectRef=self.ref, metricName="m"))
        return float(answer.metricValues[0].metricValueFloat)

    def active(self) -> bool:
        """Return what IsActive says."""
        return bool(self.stub.IsActive(self.ref).result)


def call(scaler: Warmscaler, **metadata: str) -> Caller:
    """Return KEDA with a trigger of this metadata."""
    channel = grpc.insecure_channel(scaler.address)
    said = {"kind": "redis", "listName": "l", **metadata}
    return Caller(ExternalScalerStub(channel), ScaledObjectRef(namespace="shop", name="orders", scalerMetadata=said))


def connections(redis: Redis, *secrets: str) -> str:
    """Write a configuration with a connection for each Secret, and no address in metadata."""
    lines = [
        f"  {each}: {{kind: redis, namespaces: [sh*], parameters: {{address: '{redis.address}'}}, "
        f"secretRef: {{name: {each}, keys: {{password: word}}}}}}\n"
        for each in secrets
    ]
    return "version: 1\negress: {allowInline: false}\nconnections:\n" + "".join(lines)


def put_in_force(desk: Desk, scaler: Warmscaler, text: str) -> None:
    before = told(scaler)["hash"]
    desk.write(text)
    until(scaler, lambda config: config["hash"] != before, "in force")


def seven(caller: Caller) -> bool:
    """Tell whether the value is there by now."""
    with suppress(grpc.RpcError):
        return caller.value() == 7
    return False


def test_a_rotated_secret_is_used_at_once_and_never_reads_as_silence(
    own: Desk, redis: Redis, measured: Callable[[str], None]
) -> None:
    own.apply("Secret", "jobs", stringData={"word": "first\n"})
    own.write(connections(redis, "jobs"))
    with own.serve() as scaler:
        jobs = call(scaler, connection="jobs")
        assert (jobs.value(), jobs.active()) == (7, True)
        redis.cli("CONFIG", "SET", "requirepass", "second")
        redis.password = "second"
        redis.cli("CLIENT", "KILL", "TYPE", "normal")
        wait_until(lambda: scaler.metric("warmscaler_triggers", state="held") == 1, within=PATIENCE, what="held")
        own.apply("Secret", "jobs", stringData={"word": "second"})
        began = monotonic()
        while scaler.metric("warmscaler_triggers", state="fresh") != 1:
            assert (jobs.value(), jobs.active()) == (7, True)
            assert monotonic() - began < PATIENCE
        took = monotonic() - began
        assert took < WITHIN
        measured(f"Secret rotated to a fresh reading: {took * 1000:.0f} ms")
        redis.cli("DEL", "l")
        wait_until(lambda: not jobs.active(), within=PATIENCE, what="its end")
        for each in ("first", "second"):
            assert each not in scaler.log.read_text()
            assert each not in scaler.page("/status")


def test_what_lacks_its_secret_is_understood_and_says_so_until_it_is_there(
    desk: Desk, scaler: Warmscaler, redis: Redis
) -> None:
    put_in_force(desk, scaler, connections(redis, "later", "others"))
    later, others = (call(scaler, connection=each) for each in ("later", "others"))
    for each, said in (
        (later, f"Secret {desk.namespace}/later: not found"),
        (others, f"Secret {desk.namespace}/others: forbidden"),
    ):
        assert each.stub.GetMetricSpec(each.ref).metricSpecs[0].targetSizeFloat == 5
        with pytest.raises(grpc.RpcError) as refused:
            each.value()
        assert refused.value.code() is grpc.StatusCode.UNAVAILABLE
        assert said in str(refused.value.details())
    desk.apply("Secret", "later", stringData={"wrod": "first"})
    wait_until(lambda: "has no key word" in scaler.page("/status"), within=PATIENCE, what="another reason")
    desk.apply("Secret", "later", stringData={"word": "first"})
    wait_until(lambda: seven(later), within=WITHIN * 2, what="a value")


def test_metadata_can_neither_name_an_address_nor_borrow_a_connection(
    desk: Desk, scaler: Warmscaler, redis: Redis
) -> None:
    desk.apply("Secret", "jobs", stringData={"word": "first"})
    put_in_force(desk, scaler, connections(redis, "jobs"))
    assert call(scaler, connection="jobs").value() == 7
    for wrong, said in (
        ({"connection": "jobs", "address": redis.address}, "'address' is said by the connection 'jobs'"),
        ({"connection": "jobs", "tls": "disable"}, "'tls' is about reaching the source"),
        ({"connection": "nobody"}, "no connection 'nobody' for namespace 'shop'"),
        ({"address": redis.address, "password": "first"}, "egress.allowInline is false"),
    ):
        with pytest.raises(grpc.RpcError, match=said):
            call(scaler, **wrong).value()
