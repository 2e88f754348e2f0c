"""Each step of a hand-over as the API server saw it: many functions at once, one record of what happened to their pods.

The story below is lived through once; the tests then read the record.
"""

import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import pytest

from scaler.pool.functions import selects
from scaler.pool.manifests import COST, EVICT, OURS, template_hash
from tests.cluster.account import ACCOUNT
from tests.cluster.api import DEPLOYMENTS, PODS, Document, Resource
from tests.cluster.audit import Call
from tests.cluster.control_plane import ControlPlane
from tests.cluster.plots import Field, Plot, Record, Seen, recording
from tests.cluster.pools import owner, ready, service, stage_of
from tests.servers.process import wait_until

pytestmark = [pytest.mark.requires("cluster"), pytest.mark.timeout(240)]

SLICES = Resource(api="discovery.k8s.io/v1", plural="endpointslices")
RUNTIME = "openfunction-crun"
STEPPED = ("back", "full", "taken", "stateful", "recreate", "paused")
SLOW = {"refill": {"rate": 0.01, "burst": 1}}  # none comes in the place of one that is claimed
SERVED_WITHIN = 3.0  # s from an event to the EndpointSlice, by a machine that does other things, too


def rich(deployment: Document) -> None:
    """Let the pods say all that WasmEdge, Dapr and probes need."""
    template = deployment["spec"]["template"]
    template["metadata"]["labels"] = {**template["metadata"]["labels"], "tier": "front", "team": "blue"}
    template["metadata"]["annotations"] |= {"module.wasm.image/variant": "compat-smart", "dapr.io/enabled": "false"}
    probe = {"httpGet": {"path": "/", "port": 8080}, "periodSeconds": 7}
    template["spec"]["containers"][0] |= {"readinessProbe": probe, "resources": {"requests": {"memory": "8Mi"}}}
    template["spec"]["runtimeClassName"] = RUNTIME


def stateful(deployment: Document) -> None:
    """Make a StatefulSet of it."""
    deployment["kind"] = "StatefulSet"
    deployment["spec"]["serviceName"] = deployment["metadata"]["name"]


def recreate(deployment: Document) -> None:
    """Let a rollout end all old pods first."""
    deployment["spec"]["strategy"] = {"type": "Recreate"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Story:
    """What became of all of them, and what was told meanwhile."""

    plot: Plot
    pods: Record
    slices: Record
    told: Mapping[str, Document]
    pushed: float
    calls: tuple[Call, ...]

    def handed(self, name: str) -> list[Seen]:
        """Return the life of the first pod of a function that was claimed."""
        first = self.pods.first(name, "bridged")
        assert first is not None, name
        return self.pods.lives(name)[first.uid]

    def around(self, name: str, stage: str) -> tuple[Document, Document]:
        """Return that pod before and after it came to a stage."""
        life = [each.document for each in self.handed(name)]
        number = next(number for number, pod in enumerate(life) if stage_of(pod) == stage)
        return life[number - 1], life[number]

    def writes(self, pod: Document) -> list[Call]:
        """Return what we wrote to a pod, and the server took."""
        name, least = pod["metadata"]["name"], 300
        return [each for each in self.calls if each.name == name and each.status < least and "patch" in verbs(each)]


def verbs(call: Call) -> set[str]:
    """Return what a call did."""
    return {right.verb for right in call.rights}


def deploy(plot: Plot) -> None:
    """Deploy what the story is about."""
    api, namespace = plot.api, plot.namespace
    runtime = {"apiVersion": "node.k8s.io/v1", "kind": "RuntimeClass", "metadata": {"name": RUNTIME}, "handler": "crun"}
    api.apply(runtime)
    guard = {"maxUnavailable": 0, "selector": {"matchLabels": {"app": "taken"}}}
    about = {"namespace": namespace, "name": "taken"}
    api.apply({"apiVersion": "policy/v1", "kind": "PodDisruptionBudget", "metadata": about, "spec": guard})
    both = (service(namespace, "taken"), service(namespace, "taken-front", app="taken", tier="front"))
    other = service(namespace, "taken-not", app="taken", tier="back")
    plot.deploy("taken", change=rich, services=(*both, other), cold_start=6.0)
    changes: dict[str, Callable[[Document], None]] = {"stateful": stateful, "recreate": recreate}
    for name in ("back", "full", "stateful", "recreate", "paused"):
        plot.deploy(name, change=changes.get(name, lambda _: None), cold_start=2.0)
    plot.deploy("alone", services=(), scaled=False)
    plot.deploy("unmeant", services=(service(namespace, "unmeant", app="unmeant", color="red"),), scaled=False)
    plot.deploy("orphan", services=(), scaled=False)


@pytest.fixture(scope="module")
def story(plots: Field, control_plane: ControlPlane) -> Iterator[Story]:
    """Live through it: all are woken once, and every step is taken."""
    with plots.plot() as plot:
        deploy(plot)
        with (
            recording(plot.api, PODS, plot.namespace) as pods,
            recording(plot.api, SLICES, plot.namespace) as slices,
        ):
            plot.keep(["taken", "stateful", "recreate", "paused", "alone", "unmeant"], **SLOW)
            plot.keep(["back"], handoff="bridge", **SLOW)
            plot.keep(["full"], handoff="bridge")
            plot.keep(["orphan"], handoff="adopt")
            plot.wait_available(1, *STEPPED)
            plot.api.patch(DEPLOYMENTS, "paused", plot.namespace, {"spec": {"paused": True}})
            plot.wait_streams_of(len(STEPPED))
            plot.wait_told("paused", lambda told: told["not_adopted_since"])
            pushed = time.monotonic()
            plot.push(*STEPPED)
            names = (*STEPPED, "alone", "unmeant", "orphan")
            told = {name: plot.told(name) for name in names}
            wait_until(lambda: all(over(pods, name) for name in STEPPED), within=90.0, what="all over", every=0.3)
        calls = tuple(
            each for each in control_plane.api_server.audit.calls(ACCOUNT) if each.namespace == plot.namespace
        )
        yield Story(plot=plot, pods=pods, slices=slices, told=told, pushed=pushed, calls=calls)


def over(pods: Record, name: str) -> bool:
    """Tell whether the first pod that a function was given is through with it."""
    first = pods.first(name, "bridged")
    if first is None:
        return False
    last = pods.lives(name)[first.uid][-1]
    if name == "taken":
        return not stage_of(last.document)
    return last.kind == "DELETED" if name == "full" else stage_of(last.document) == "warm"


def test_a_bridge_serves_within_moments_of_the_event(story: Story, measured: Callable[[str], None]) -> None:
    served: dict[str, float] = {}
    for name in STEPPED:
        address = story.handed(name)[-1].document["status"]["podIP"]
        served[name] = min(each.at for each in story.slices.of(name) if serves(each, address)) - story.pushed
    times = sorted(served.values())
    measured(f"from a push to the EndpointSlice, {len(times)} at once: {times[0]:.2f} to {times[-1]:.2f} s")
    assert times[-1] < SERVED_WITHIN, served


def serves(slice_: Seen, address: str) -> bool:
    """Tell whether an EndpointSlice lets clients find an address."""
    return any(
        address in each["addresses"] and each["conditions"]["ready"] for each in slice_.document["endpoints"] or ()
    )


def test_a_warm_pod_is_the_template_whole_and_nobody_takes_it_for_a_replica(story: Story) -> None:
    pod, _ = story.around("taken", "bridged")
    deployment = story.plot.api.get(DEPLOYMENTS, "taken", story.plot.namespace)
    template, labels = deployment["spec"]["template"], pod["metadata"]["labels"]
    assert includes(pod["spec"], template["spec"]), "the API server adds, and nothing is left out"
    assert pod["spec"]["runtimeClassName"] == RUNTIME
    assert template["metadata"]["annotations"].items() <= pod["metadata"]["annotations"].items()
    assert pod["metadata"]["annotations"][EVICT] == "true"
    assert {key: value for key, value in labels.items() if key not in OURS} == {"team": "blue"}
    assert labels["warmscaler.dev/template"] == template_hash(template)
    assert not selects(deployment["spec"]["selector"]["matchLabels"], labels), "nor its Services, nor its PDB"
    (reference,) = pod["metadata"]["ownerReferences"]
    assert (reference["kind"], reference["uid"], reference["controller"]) == (
        "Deployment",
        deployment["metadata"]["uid"],
        True,
    )


def includes(whole: Any, part: Any) -> bool:
    """Tell whether ``part`` is in ``whole``, which may say more in every object."""
    if isinstance(part, dict):
        return isinstance(whole, dict) and all(key in whole and includes(whole[key], part[key]) for key in part)
    if isinstance(part, list):
        return len(whole) >= len(part) and all(includes(a, b) for a, b in zip(whole, part, strict=False))
    return bool(whole == part)


def test_a_claim_is_one_write_that_gives_what_the_services_select_and_nothing_else(story: Story) -> None:
    given = {"taken": {"app": "taken", "tier": "front"}}
    for name in STEPPED:
        before, after = story.around(name, "bridged")
        gained = after["metadata"]["labels"].items() - before["metadata"]["labels"].items()
        assert dict(gained) == {**given.get(name, {"app": name}), "warmscaler.dev/stage": "bridged"}
        assert before["metadata"]["labels"].keys() <= after["metadata"]["labels"].keys()
        assert after["metadata"]["annotations"][EVICT] == "false"
        assert after["metadata"]["ownerReferences"] == before["metadata"]["ownerReferences"]
        assert len(story.writes(after)) == (2 if name == "full" else 3), "claim, drain, recycle; claim, adopt, settle"


def test_an_adopted_pod_is_a_replica_in_the_end_and_bears_no_mark(story: Story) -> None:
    _, adopted = story.around("taken", "adopted")
    assert adopted["metadata"]["annotations"][COST] == "1000"
    assert not adopted["metadata"].get("ownerReferences")
    assert any(owner(each.document) == "ReplicaSet" and stage_of(each.document) for each in story.handed("taken"))
    last = story.handed("taken")[-1].document
    (replica,) = story.plot.replicas("taken")
    assert replica["metadata"]["uid"] == last["metadata"]["uid"]
    assert ready(last)
    assert not {*OURS} & last["metadata"]["labels"].keys()
    assert not {COST, EVICT} & last["metadata"]["annotations"].keys()


@pytest.mark.parametrize("name", ["back", "stateful", "recreate", "paused"])
def test_a_bridge_is_left_when_the_cold_replica_serves_and_waits_again(story: Story, name: str) -> None:
    _, draining = story.around(name, "draining")
    assert "app" not in draining["metadata"]["labels"], "no Service finds it"
    life = [stage_of(each.document) for each in story.handed(name)]
    assert "adopted" not in life
    assert life[-1] == "warm"
    assert story.handed(name)[-1].document["metadata"]["annotations"][EVICT] == "true"
    marked = [life for life in story.pods.lives(name).values() if stage_of(life[0].document)]
    assert len(marked) == 1, "it came back into its own place: no other pod was created"
    assert cold_ready_at(story, name) < first_in(story.handed(name), "draining").at


def test_a_bridge_that_comes_back_to_a_full_pool_is_deleted(story: Story) -> None:
    last = story.handed("full")[-1]
    assert (last.kind, stage_of(last.document)) == ("DELETED", "draining")
    assert len(story.plot.ours("full")) == 1


def cold_ready_at(story: Story, name: str) -> float:
    """Return when the first replica that is not ours was Ready."""
    return next(each.at for each in story.pods.of(name) if ready(each.document) and not {*OURS} & each.labels.keys())


def first_in(life: list[Seen], stage: str) -> Seen:
    """Return the first event in a stage."""
    return next(each for each in life if stage_of(each.document) == stage)


def test_what_is_in_the_way_of_an_adoption_or_of_all_is_said(story: Story) -> None:
    told = story.told
    assert {name: told[name]["not_adopted_since"] for name in STEPPED} == {
        "back": "handoff is bridge",
        "full": "handoff is bridge",
        "taken": None,
        "stateful": "a StatefulSet takes no pods",
        "recreate": "its strategy is Recreate",
        "paused": "it is paused",
    }
    for name in ("alone", "unmeant"):
        assert "no Service selects its pods" in told[name]["problem"]
        assert told[name]["pods"]["available"] == 0
        assert story.plot.ours(name) == []
    assert len(story.plot.ours("orphan")) == 1


def test_a_rollout_under_way_leaves_bridges_alone(plot: Plot) -> None:
    plot.deploy("rolling", scaled=False)
    plot.api.patch(DEPLOYMENTS, "rolling", plot.namespace, {"spec": {"replicas": 1}})
    plot.keep(["rolling"])
    plot.wait_available(1, "rolling")
    plot.wait_whole({"rolling": 1})
    slow = {"pod-ready.stage.kwok.x-k8s.io/delay": "600s", "pod-ready.stage.kwok.x-k8s.io/jitter-delay": "600s"}
    change = {"spec": {"template": {"metadata": {"annotations": slow}}}}
    plot.api.patch(DEPLOYMENTS, "rolling", plot.namespace, change)
    told = plot.wait_told("rolling", lambda told: told["not_adopted_since"] == "it is rolling out")
    assert told["handoff"] == "bridge"
