"""What the controllers do with ReplicaSets, Deployments, Services and owners: the ground of the hand-off."""

from collections.abc import Awaitable, Callable
from typing import Any

from scaler.net.kube import CONFIG_MAPS, DEPLOYMENTS, PODS, REPLICA_SETS, SERVICES, STATEFUL_SETS, Document, Resource
from tests.conformance import objects
from tests.conformance.asking import Asked, refused

ENDPOINT_SLICES = Resource(api="discovery.k8s.io/v1", plural="endpointslices")
COST = "controller.kubernetes.io/pod-deletion-cost"
HASH = "pod-template-hash"
NEVER = 600.0  # s: longer than any case lasts

Fact = Callable[[], Awaitable[Any]]


async def a_replica_set_makes_what_it_wants(asked: Asked) -> None:
    made = await asked.make(REPLICA_SETS, objects.replica_set("r", 3, objects.template({"app": "r"}, scheduled=True)))
    pods = await asked.until(_pods(asked, "app=r", 3), "three pods")
    for pod in pods:
        assert pod["metadata"]["name"].startswith("r-")
        (owner,) = pod["metadata"]["ownerReferences"]
        assert (owner["uid"], owner["controller"], owner["kind"]) == (made["metadata"]["uid"], True, "ReplicaSet")
    status = await asked.until(_status(asked, REPLICA_SETS, "r", readyReplicas=3), "three are ready")
    assert (status["replicas"], status["fullyLabeledReplicas"], status["observedGeneration"]) == (3, 3, 1)
    await asked.merge(REPLICA_SETS, "r", {"spec": {"replicas": 1}})
    await asked.until(_status(asked, REPLICA_SETS, "r", observedGeneration=2, replicas=1), "one is left")
    await asked.until(_pods(asked, "app=r", 1), "one pod")
    await asked.delete(PODS, (await asked.named(PODS, labelSelector="app=r"))[0])
    await asked.until(_status(asked, REPLICA_SETS, "r", readyReplicas=1), "another in its place")


async def an_orphan_that_fits_is_adopted(asked: Asked) -> None:
    await asked.make(REPLICA_SETS, objects.replica_set("r", 0, objects.template({"app": "r"})))
    await asked.until(_status(asked, REPLICA_SETS, "r", observedGeneration=1), "it was seen")
    orphan = await asked.make(PODS, objects.pod("orphan", {"app": "other"}, scheduled=True))
    await asked.until(_ready(asked, "orphan"), "the orphan is ready")
    await asked.merge(REPLICA_SETS, "r", {"spec": {"replicas": 1}})
    await asked.until(_status(asked, REPLICA_SETS, "r", replicas=1, observedGeneration=2), "the cold one is there")
    await asked.merge(PODS, "orphan", {"metadata": {"labels": {"app": "r"}}})
    await asked.until(_manager(asked, "orphan"), "it is adopted")
    await asked.until(_status(asked, REPLICA_SETS, "r", replicas=1, readyReplicas=1), "the cold one went")
    assert await asked.named(PODS, labelSelector="app=r") == ["orphan"]
    assert (await asked.get(PODS, "orphan"))["metadata"]["uid"] == orphan["metadata"]["uid"]


async def an_orphan_is_deleted_where_none_is_wanted(asked: Asked) -> None:
    await asked.make(REPLICA_SETS, objects.replica_set("r", 0, objects.template({"app": "r"})))
    await asked.until(_status(asked, REPLICA_SETS, "r", observedGeneration=1), "it was seen")
    await asked.make(PODS, objects.pod("orphan", {"app": "r"}))
    await asked.gone(PODS, "orphan")


async def anothers_pod_is_left_alone(asked: Asked) -> None:
    owner = await asked.make(CONFIG_MAPS, objects.config_map("owner"))
    await asked.make(PODS, objects.owned(objects.pod("theirs", {"app": "r"}), owner))
    await asked.make(REPLICA_SETS, objects.replica_set("r", 1, objects.template({"app": "r"})))
    await asked.until(_pods(asked, "app=r", 2), "one of its own beside it")
    assert (await _manager(asked, "theirs")())["uid"] == owner["metadata"]["uid"]


async def one_patch_hands_a_pod_over(asked: Asked) -> None:
    owner = await asked.make(CONFIG_MAPS, objects.config_map("owner"))
    made = await asked.make(REPLICA_SETS, objects.replica_set("r", 1, objects.template({"app": "r"})))
    warm = await asked.make(PODS, objects.owned(objects.pod("warm", {"stage": "warm"}, scheduled=True), owner))
    await asked.until(_ready(asked, "warm"), "the warm pod is ready")
    await asked.until(_status(asked, REPLICA_SETS, "r", replicas=1, observedGeneration=1), "the cold one is there")
    await asked.patch(
        PODS,
        "warm",
        ("test", "/metadata/uid", warm["metadata"]["uid"]),
        ("add", "/metadata/labels/app", "r"),
        ("remove", "/metadata/ownerReferences", None),
        ("add", f"/metadata/annotations/{COST.replace('/', '~1')}", "1000"),
    )
    manager = await asked.until(_manager(asked, "warm"), "it is adopted")
    assert manager["uid"] == made["metadata"]["uid"]
    await asked.until(_pods(asked, "app=r", 1), "the cold one went")
    assert await asked.named(PODS, labelSelector="app=r") == ["warm"]


async def a_pod_that_fits_no_more_is_released_and_replaced(asked: Asked) -> None:
    await asked.make(REPLICA_SETS, objects.replica_set("r", 1, objects.template({"app": "r"})))
    (pod,) = await asked.until(_pods(asked, "app=r", 1), "its pod")
    name = pod["metadata"]["name"]
    await asked.merge(PODS, name, {"metadata": {"labels": {"app": "free"}}})

    async def released() -> bool:
        return "ownerReferences" not in (await asked.get(PODS, name))["metadata"]

    await asked.until(released, "it is released")
    await asked.until(_pods(asked, "app=r", 1), "another in its place")


async def the_ready_stay_and_then_the_dear(asked: Asked) -> None:
    """Four pods: one without a node, one not ready, two ready of which one costs more: they go in this order."""
    await asked.make(PODS, objects.pod("nowhere", {"app": "r"}))
    await asked.make(PODS, objects.pod("slow", {"app": "r"}, scheduled=True, ready_after=NEVER))
    for name in ("cheap", "dear"):
        await asked.make(PODS, objects.pod(name, {"app": "r"}, scheduled=True))
        await asked.until(_ready(asked, name), f"{name} is ready")
    await asked.merge(PODS, "dear", {"metadata": {"annotations": {COST: "1000"}}})

    async def placed() -> bool:
        return "nodeName" in (await asked.get(PODS, "slow"))["spec"]

    await asked.until(placed, "the slow one has a node")
    await asked.make(REPLICA_SETS, objects.replica_set("r", 4, objects.template({"app": "r"})))
    await asked.until(_status(asked, REPLICA_SETS, "r", replicas=4, readyReplicas=2), "all are adopted")
    left = {"nowhere", "slow", "cheap", "dear"}
    for number, victim in enumerate(("nowhere", "slow", "cheap", "dear")):
        await asked.merge(REPLICA_SETS, "r", {"spec": {"replicas": 3 - number}})
        await asked.gone(PODS, victim)
        left.discard(victim)
        assert set(await asked.named(PODS, labelSelector="app=r")) == left


async def a_deployment_says_what_it_has_seen(asked: Asked) -> None:
    template = objects.template({"app": "d"}, scheduled=True)
    made = await asked.make(DEPLOYMENTS, objects.deployment("d", 0, template))
    await asked.until(_observed(asked, "d"), "it was seen")
    (new,) = (await asked.all(REPLICA_SETS))["items"]
    about, made_of = new["metadata"], new["spec"]["template"]["metadata"]["labels"]
    assert about["name"] == f"d-{about['labels'][HASH]}"
    assert made_of == {"app": "d", HASH: about["labels"][HASH]} == new["spec"]["selector"]["matchLabels"]
    assert about["annotations"]["deployment.kubernetes.io/revision"] == "1"
    assert about["ownerReferences"][0]["uid"] == made["metadata"]["uid"]
    await asked.merge(DEPLOYMENTS, "d", {"spec": {"replicas": 2}}, "scale")
    await asked.until(_observed(asked, "d", readyReplicas=2, updatedReplicas=2), "two are ready")
    (same,) = (await asked.all(REPLICA_SETS))["items"]
    assert (same["metadata"]["uid"], same["spec"]["replicas"]) == (about["uid"], 2)
    assert same["metadata"]["annotations"]["deployment.kubernetes.io/desired-replicas"] == "2"
    assert same["status"]["observedGeneration"] == same["metadata"]["generation"] == 2


async def a_deployment_rolls(asked: Asked) -> None:
    template = objects.template({"app": "d"}, scheduled=True)
    await asked.make(DEPLOYMENTS, objects.deployment("d", 2, template))
    await asked.until(_observed(asked, "d", readyReplicas=2), "two are ready")
    (old,) = (await asked.all(REPLICA_SETS))["items"]
    await _change_image(asked, "d")
    await asked.until(_observed(asked, "d", replicas=2, updatedReplicas=2, readyReplicas=2), "two of the new kind")
    sets = {each["metadata"]["uid"]: each for each in (await asked.all(REPLICA_SETS))["items"]}
    assert sets.pop(old["metadata"]["uid"])["spec"]["replicas"] == 0
    (new,) = sets.values()
    assert new["metadata"]["annotations"]["deployment.kubernetes.io/revision"] == "2"
    assert (await asked.get(DEPLOYMENTS, "d"))["metadata"]["annotations"]["deployment.kubernetes.io/revision"] == "2"


async def a_paused_deployment_scales_and_does_not_roll(asked: Asked) -> None:
    await asked.make(DEPLOYMENTS, objects.deployment("d", 1, objects.template({"app": "d"}, scheduled=True)))
    await asked.until(_observed(asked, "d", readyReplicas=1), "one is ready")
    await asked.merge(DEPLOYMENTS, "d", {"spec": {"paused": True}})
    await _change_image(asked, "d")
    await asked.merge(DEPLOYMENTS, "d", {"spec": {"replicas": 2}})
    await asked.until(_observed(asked, "d", readyReplicas=2), "two of the old kind")
    assert len((await asked.all(REPLICA_SETS))["items"]) == 1


async def a_recreated_deployment_ends_the_old_first(asked: Asked) -> None:
    template = objects.template({"app": "d"}, scheduled=True)
    await asked.make(DEPLOYMENTS, objects.deployment("d", 2, template, strategy={"type": "Recreate"}))
    await asked.until(_observed(asked, "d", readyReplicas=2), "two are ready")
    await _change_image(asked, "d")
    await asked.until(_observed(asked, "d", replicas=2, updatedReplicas=2, readyReplicas=2), "two of the new kind")


async def a_deleted_deployment_takes_all_with_it(asked: Asked) -> None:
    await asked.make(DEPLOYMENTS, objects.deployment("d", 1, objects.template({"app": "d"})))
    await asked.until(_pods(asked, "app=d", 1), "its pod")
    await asked.delete(DEPLOYMENTS, "d")
    await asked.until(_pods(asked, "app=d", 0), "its pod is gone")
    assert await asked.named(REPLICA_SETS) == []


async def what_is_owned_goes_with_its_last_owner(asked: Asked) -> None:
    first = await asked.make(CONFIG_MAPS, objects.config_map("first"))
    second = await asked.make(CONFIG_MAPS, objects.config_map("second"))
    await asked.make(PODS, objects.owned(objects.pod("one"), first))
    await asked.make(PODS, objects.owned(objects.owned(objects.pod("both"), first), second, controller=False))
    await asked.delete(CONFIG_MAPS, "first")
    await asked.gone(PODS, "one")

    async def has_one_left() -> bool:
        return len((await asked.get(PODS, "both"))["metadata"]["ownerReferences"]) == 1

    await asked.until(has_one_left, "the other has one owner left")
    await asked.delete(CONFIG_MAPS, "second")
    await asked.gone(PODS, "both")


async def what_has_an_owner_that_never_was_goes(asked: Asked) -> None:
    owner = await asked.make(CONFIG_MAPS, objects.config_map("owner"))
    await asked.delete(CONFIG_MAPS, "owner")
    await asked.make(PODS, objects.owned(objects.pod("p"), owner))
    await asked.gone(PODS, "p")


async def a_service_leads_to_what_it_selects(asked: Asked) -> None:
    await asked.make(SERVICES, objects.service("s", serving="x"))
    for name, delay in {"quick": 0.0, "slow": NEVER}.items():
        await asked.make(PODS, objects.pod(name, {"app": name}, scheduled=True, ready_after=delay))
    await asked.until(_ready(asked, "quick"), "one is ready")
    assert await _endpoints(asked, "s")() == {}
    for name in ("quick", "slow"):
        await asked.merge(PODS, name, {"metadata": {"labels": {"serving": "x"}}})

    async def leads() -> bool:
        return (await _endpoints(asked, "s")()).get("quick") is True

    await asked.until(leads, "it leads to the ready one")
    assert (await _endpoints(asked, "s")()).get("slow", False) is False
    await asked.merge(PODS, "quick", {"metadata": {"labels": {"serving": None}}})

    async def leads_no_more() -> bool:
        return "quick" not in await _endpoints(asked, "s")()

    await asked.until(leads_no_more, "it leads to it no more")


async def a_stateful_set_numbers_its_pods_and_takes_no_others(asked: Asked) -> None:
    await asked.make(PODS, objects.pod("orphan", {"app": "s"}))
    made = await asked.make(STATEFUL_SETS, objects.stateful_set("s", 2, objects.template({"app": "s"}, scheduled=True)))
    await asked.until(_status(asked, STATEFUL_SETS, "s", observedGeneration=1, readyReplicas=2), "two are ready")
    assert await asked.named(PODS, labelSelector="app=s") == ["orphan", "s-0", "s-1"]
    first = (await asked.get(PODS, "s-0"))["metadata"]
    assert first["ownerReferences"][0]["uid"] == made["metadata"]["uid"]
    assert first["labels"]["apps.kubernetes.io/pod-index"] == "0"
    await asked.merge(STATEFUL_SETS, "s", {"spec": {"replicas": 1}}, "scale")
    await asked.gone(PODS, "s-1")
    assert await asked.named(PODS, labelSelector="app=s") == ["orphan", "s-0"]
    assert await _manager(asked, "orphan")() is None


async def a_claim_of_what_was_adopted_meanwhile_is_refused(asked: Asked) -> None:
    """Show that a pod which a ReplicaSet took cannot be claimed by who saw it before."""
    warm = await asked.make(PODS, objects.pod("warm", {"app": "r"}))
    await asked.make(REPLICA_SETS, objects.replica_set("r", 1, objects.template({"app": "r"})))
    await asked.until(_manager(asked, "warm"), "it is adopted")
    with refused(422):
        tests = ("test", "/metadata/resourceVersion", warm["metadata"]["resourceVersion"])
        await asked.patch(PODS, "warm", tests, ("add", "/metadata/labels/stage", "bridged"))


async def _change_image(asked: Asked, name: str) -> None:
    template = (await asked.get(DEPLOYMENTS, name))["spec"]["template"]["spec"]
    template["containers"][0]["image"] = "example.org/function:2"
    await asked.merge(DEPLOYMENTS, name, {"spec": {"template": {"spec": {"containers": template["containers"]}}}})


def _pods(asked: Asked, selector: str, count: int) -> Fact:
    """Return the pods of a selector that are not ending once there are exactly so many; for none, True."""

    async def fact() -> list[Document] | bool:
        found = (await asked.all(PODS, labelSelector=selector))["items"]
        staying = [each for each in found if "deletionTimestamp" not in each["metadata"]]
        return (staying or True) if len(staying) == count else False

    return fact


def _status(asked: Asked, resource: Resource, name: str, **wanted: int) -> Fact:
    async def fact() -> Document | None:
        status: Document = (await asked.get(resource, name)).get("status", {})
        return status if all(status.get(key, 0) == value for key, value in wanted.items()) else None

    return fact


def _observed(asked: Asked, name: str, **wanted: int) -> Fact:
    async def fact() -> bool:
        now = await asked.get(DEPLOYMENTS, name)
        seen = now["status"].get("observedGeneration", 0) == now["metadata"]["generation"]
        return seen and all(now["status"].get(key, 0) == value for key, value in wanted.items())

    return fact


def _ready(asked: Asked, name: str) -> Fact:
    async def fact() -> bool:
        conditions = (await asked.get(PODS, name))["status"].get("conditions", [])
        return any(each["type"] == "Ready" and each["status"] == "True" for each in conditions)

    return fact


def _manager(asked: Asked, name: str) -> Fact:
    async def fact() -> Document | None:
        owners = (await asked.get(PODS, name))["metadata"].get("ownerReferences", [])
        return next((each for each in owners if each.get("controller")), None)

    return fact


def _endpoints(asked: Asked, service: str) -> Fact:
    """Return whether each pod behind a service is ready, by name."""

    async def fact() -> dict[str, bool]:
        slices = (await asked.all(ENDPOINT_SLICES, labelSelector=f"kubernetes.io/service-name={service}"))["items"]
        found = [each for one in slices for each in one.get("endpoints") or []]
        return {each["targetRef"]["name"]: each["conditions"]["ready"] for each in found}

    return fact


CASES = (
    a_replica_set_makes_what_it_wants,
    an_orphan_that_fits_is_adopted,
    an_orphan_is_deleted_where_none_is_wanted,
    anothers_pod_is_left_alone,
    one_patch_hands_a_pod_over,
    a_pod_that_fits_no_more_is_released_and_replaced,
    the_ready_stay_and_then_the_dear,
    a_deployment_says_what_it_has_seen,
    a_deployment_rolls,
    a_paused_deployment_scales_and_does_not_roll,
    a_recreated_deployment_ends_the_old_first,
    a_deleted_deployment_takes_all_with_it,
    what_is_owned_goes_with_its_last_owner,
    what_has_an_owner_that_never_was_goes,
    a_service_leads_to_what_it_selects,
    a_stateful_set_numbers_its_pods_and_takes_no_others,
    a_claim_of_what_was_adopted_meanwhile_is_refused,
)
