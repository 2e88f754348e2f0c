"""What is changed, scaled away or deleted while warm pods are being handed over."""

import random
import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack

import pytest

from scaler.pool.manifests import TEMPLATE, template_hash
from tests.cluster.account import ACCOUNT
from tests.cluster.api import DEPLOYMENTS, NAMESPACES, PODS
from tests.cluster.control_plane import ControlPlane
from tests.cluster.plots import Field, Plot, Record, Seen, recording
from tests.servers.process import wait_until

pytestmark = [pytest.mark.requires("cluster"), pytest.mark.timeout(150)]

CHANGES = 100
PACE = (0.02, 0.25)  # s between two changes of a template: a warm pod is Ready sooner, or later
MOST = 60
SLOW = {
    "scaleUp": {"policies": [{"type": "Pods", "value": 1, "periodSeconds": 60}]}
}  # there is always work for a claim
NOTICED = 1.0  # s in which a change must have been noticed by a machine that does other things, too


def test_no_pod_of_a_template_known_to_be_old_is_claimed_in_a_hundred_rollouts(
    plot: Plot, measured: Callable[[str], None]
) -> None:
    chance = random.Random(3)
    behavior = {"horizontalPodAutoscalerConfig": {"behavior": SLOW}}
    plot.deploy("moving", cold_start=0.0, maxReplicaCount=MOST, advanced=behavior)
    plot.keep({"moving": 4})
    plot.wait_available(4, "moving")
    plot.wait_streams_of(1)
    first = template_hash(plot.api.get(DEPLOYMENTS, "moving", plot.namespace)["spec"]["template"])
    with recording(plot.api, PODS, plot.namespace) as pods, recording(plot.api, DEPLOYMENTS, plot.namespace) as all_:
        plot.push("moving", replicas=MOST)
        for number in range(CHANGES):
            notes = {"spec": {"template": {"metadata": {"annotations": {"change": f"{number}"}}}}}
            plot.api.patch(DEPLOYMENTS, "moving", plot.namespace, notes)
            time.sleep(chance.uniform(*PACE))
    claims = pods.claims()
    late = [age for each in claims if (age := outdated_for(each, all_.seen, first)) > 0.0]
    measured(
        f"{CHANGES} changes of a template: {len(claims)} claims, {len(late)} of a template that was "
        f"replaced at most {max(late, default=0.0) * 1000:.0f} ms before"
    )
    assert len(claims) >= MOST // 12
    assert max(late, default=0.0) < NOTICED


def outdated_for(claim: Seen, changes: Sequence[Seen], first: str) -> float:
    """Return for how many seconds the template of a claimed pod had been replaced when it was claimed."""
    known = [(0, first, 0.0)]
    for each in changes:
        template = template_hash(each.document["spec"]["template"])
        if template != known[-1][1]:
            known.append((each.version, template, each.at))
    before = [template for version, template, _ in known if version <= claim.version]
    mine = claim.labels[TEMPLATE]
    if mine == before[-1]:
        return 0.0
    replaced_at = known[before.index(mine) + 1][2]
    return max(0.001, claim.at - replaced_at)


ENDS = {"ends-warm": "warm", "ends-bridged": "bridged", "ends-adopting": "adopted", "ends-draining": "draining"}

FICKLE = "fickle"  # whose work is gone as soon as a pod was claimed for it


def test_a_handover_may_lose_its_reason_or_its_deployment_at_any_step(plot: Plot) -> None:
    for name in (*ENDS, FICKLE):
        plot.deploy(name, cold_start=4.0 if name == "ends-adopting" else 2.0)
    with recording(plot.api, PODS, plot.namespace) as pods:
        plot.keep([*ENDS])
        plot.keep(["ends-bridged", "ends-draining"], handoff="bridge")
        plot.keep([FICKLE], handoff="bridge", refill={"rate": 0.01, "burst": 1})
        plot.wait_available(1, *ENDS, FICKLE)
        plot.wait_streams_of(len(ENDS) + 1)
        plot.push(*ENDS, FICKLE)
        left = {**ENDS, FICKLE: "bridged"}
        wait_until(lambda: end_those_that_came(plot, pods, left), within=60.0, what=f"{left}", every=0.05)
        wait_until(lambda: not any(plot.pods(f"{name}-") for name in ENDS), within=30.0, what="no pod left", every=0.3)
        plot.wait_whole({FICKLE: 0})
        plot.wait_available(1, FICKLE)
    assert plot.scaler.running
    assert [plot.told(name) for name in ENDS] == [{}] * len(ENDS)
    claimed = pods.first(FICKLE, "bridged")
    assert claimed is not None
    assert [pod["metadata"]["uid"] for pod in plot.ours(FICKLE)] == [claimed.uid], "it waits again"


def end_those_that_came(plot: Plot, pods: Record, left: dict[str, str]) -> bool:
    """Delete each Deployment whose pod has come to its step, or take its work away; tell whether all have come."""
    for name, stage in tuple(left.items()):
        if pods.first(name, stage) is not None:
            if name == FICKLE:
                plot.stage.at(name).drain()
            else:
                plot.api.delete(DEPLOYMENTS, name, plot.namespace)
            del left[name]
    return not left


DOOMED = {
    "doomed-warm": "warm",
    "doomed-bridged": "bridged",
    "doomed-adopting": "adopted",
    "doomed-draining": "draining",
}


def test_a_namespace_that_ends_at_any_step_is_no_trouble_for_others(
    plots: Field, plot: Plot, control_plane: ControlPlane
) -> None:
    plot.deploy("staying", cold_start=8.0)
    with ExitStack() as stack:
        doomed = {name: stack.enter_context(plots.plot()) for name in DOOMED}
        pods = {name: stack.enter_context(recording(plot.api, PODS, each.namespace)) for name, each in doomed.items()}
        for name, each in doomed.items():
            each.deploy(name, cold_start=4.0 if name == "doomed-adopting" else 2.0)
            each.keep([name], handoff="auto" if name == "doomed-adopting" else "bridge")
        plot.keep({"staying": 1})
        plot.wait_available(1, "staying", *DOOMED)
        plot.wait_streams_of(1 + len(DOOMED))
        for name in DOOMED.keys() - {"doomed-warm"}:
            doomed[name].push(name)
        left = dict(DOOMED)
        wait_until(lambda: end_namespaces_that_came(doomed, pods, left), within=60.0, what=f"{left}", every=0.05)
        plot.push("staying")
        plot.wait_told("staying", lambda told: told["pods"]["bridged"] + told["pods"]["adopted"] == 1, within=10.0)
        gone = lambda: not any(plot.api.find(NAMESPACES, each.namespace) for each in doomed.values())  # noqa: E731
        wait_until(gone, within=60.0, what="they are gone", every=0.3)
        told = lambda: any(each.told(name) for name, each in doomed.items())  # noqa: E731
        wait_until(lambda: not told(), within=10.0, what="nothing is told of them", every=0.3)
    for each in doomed.values():
        refused = [status for status in posts(control_plane, each.namespace) if status >= 400]
        assert len(refused) <= 3 * 3, "asked again at most every ten seconds"


def end_namespaces_that_came(doomed: dict[str, Plot], pods: dict[str, Record], left: dict[str, str]) -> bool:
    """Delete each namespace whose function's pod has come to its step; tell whether all have come."""
    for name, stage in tuple(left.items()):
        if pods[name].first(name, stage) is not None:
            doomed[name].api.delete(NAMESPACES, doomed[name].namespace)
            del left[name]
    return not left


def posts(control_plane: ControlPlane, namespace: str) -> list[int]:
    """Return the status of each answer to our creations of pods in a namespace."""
    return control_plane.api_server.audit.statuses(ACCOUNT, namespace, "pods", "create")
