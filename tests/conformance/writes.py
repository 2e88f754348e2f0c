"""What the API answers to writes."""

import asyncio

from scaler.errors import ApiRefused
from scaler.net.kube import CONFIG_MAPS, DEPLOYMENTS, LEASES, PODS, REPLICA_SETS
from tests.conformance import objects
from tests.conformance.asking import Asked, refused, version_of

OTHER_UID = "11111111-2222-4333-8444-555555555555"
STAGE = "/metadata/labels/warmscaler.dev~1stage"


async def a_name_is_taken_once(asked: Asked) -> None:
    made = await asked.make(PODS, objects.pod("one"))
    about = made["metadata"]
    assert (about["namespace"], about["generation"], made["status"]["phase"]) == (asked.namespace, 1, "Pending")
    assert about["uid"]
    assert about["creationTimestamp"].endswith("Z")
    with refused(409):
        await asked.make(PODS, objects.pod("one"))
    assert version_of(await asked.make(CONFIG_MAPS, objects.config_map("two"))) > version_of(made)


async def a_name_can_be_made_up(asked: Asked) -> None:
    nameless = objects.pod("x")
    nameless["metadata"] = {"generateName": "made-up-"}
    names = {(await asked.make(PODS, nameless))["metadata"]["name"] for _ in range(2)}
    assert {len(name) for name in names} == {len("made-up-") + 5}
    assert len(names) == 2


async def what_is_wrong_is_not_made(asked: Asked) -> None:
    for status, about in [
        (422, {"name": "Upper_Case"}),
        (422, {"name": "label", "labels": {"app": "no spaces"}}),
        (400, {"name": "label", "labels": {"app": 1}}),
        (422, {}),
        (400, {"name": "elsewhere", "namespace": "kube-system"}),
        (422, {"name": "owned", "ownerReferences": [{"apiVersion": "v1", "kind": "Pod", "name": "x"}]}),
    ]:
        made = objects.pod("x")
        made["metadata"] = about
        with refused(status):
            await asked.make(PODS, made)
    with refused(422):
        await asked.make(DEPLOYMENTS, objects.deployment("d", -1, objects.template({"app": "d"})))
    wrong = objects.deployment("d", 1, objects.template({"app": "d"}))
    wrong["spec"]["selector"] = {"matchLabels": {"app": "other"}}
    with refused(422):
        await asked.make(DEPLOYMENTS, wrong)


async def two_controllers_cannot_own_one_pod(asked: Asked) -> None:
    first = await asked.make(CONFIG_MAPS, objects.config_map("first"))
    second = await asked.make(CONFIG_MAPS, objects.config_map("second"))
    both = objects.owned(objects.owned(objects.pod("p"), first), second)
    with refused(422):
        await asked.make(PODS, both)
    await asked.make(PODS, objects.owned(objects.owned(objects.pod("p"), first), second, controller=False))


async def what_is_not_there_is_not_found(asked: Asked) -> None:
    with refused(404):
        await asked.get(PODS, "absent")
    with refused(404):
        await asked.patch(PODS, "absent", ("add", "/metadata/labels", {}))
    with refused(404):
        await asked.merge(PODS, "absent", {})
    with refused(404):
        await asked.delete(PODS, "absent")
    with refused(404):
        await asked.put(PODS, objects.pod("absent") | {"metadata": {"name": "absent", "resourceVersion": "1"}})
    with refused(404):
        await asked.kube.call("GET", f"/api/v1/namespaces/{asked.namespace}/nonsenses")


async def a_replacement_names_the_state_that_it_replaces(asked: Asked) -> None:
    made = await asked.make(CONFIG_MAPS, objects.config_map("c", a="1"))
    newer = await asked.put(CONFIG_MAPS, made | {"data": {"a": "2"}})
    with refused(409):
        await asked.put(CONFIG_MAPS, made | {"data": {"a": "3"}})
    about = newer["metadata"]
    with refused(409):
        await asked.put(CONFIG_MAPS, newer | {"metadata": about | {"uid": OTHER_UID}})
    blind = {key: value for key, value in about.items() if key not in {"resourceVersion", "uid"}}
    assert (await asked.put(CONFIG_MAPS, newer | {"metadata": blind, "data": {"a": "4"}}))["data"] == {"a": "4"}


async def a_lease_cannot_be_replaced_blindly(asked: Asked) -> None:
    made = await asked.make(LEASES, objects.lease("l", "me"))
    blind = {key: value for key, value in made["metadata"].items() if key != "resourceVersion"}
    with refused(422):
        await asked.put(LEASES, made | {"metadata": blind})
    await asked.put(LEASES, made | {"spec": {**made["spec"], "holderIdentity": "you"}})
    with refused(409):
        await asked.put(LEASES, made)


async def a_claim_is_refused_if_anything_has_changed(asked: Asked) -> None:
    made = await asked.make(PODS, objects.pod("p", {"warmscaler.dev/stage": "warm"}))
    uid, version = made["metadata"]["uid"], made["metadata"]["resourceVersion"]
    for wrong in [("/metadata/uid", OTHER_UID), ("/metadata/resourceVersion", str(int(version) - 1))]:
        with refused(422):
            await asked.patch(PODS, "p", ("test", *wrong), ("replace", STAGE, "bridged"))
    assert await asked.get(PODS, "p") == made
    tests = [("test", "/metadata/uid", uid), ("test", "/metadata/resourceVersion", version)]
    claimed = await asked.patch(
        PODS, "p", *tests, ("replace", STAGE, "bridged"), ("add", "/metadata/labels/openfunction.io~1serving", "s")
    )
    assert claimed["metadata"]["labels"] == {"warmscaler.dev/stage": "bridged", "openfunction.io/serving": "s"}
    assert version_of(claimed) > version_of(made)
    with refused(422):
        await asked.patch(PODS, "p", *tests, ("replace", STAGE, "draining"))


async def of_two_claims_one_succeeds(asked: Asked) -> None:
    for number in range(10):
        made = await asked.make(PODS, objects.pod(f"p{number}", {"warmscaler.dev/stage": "warm"}))
        tests = [("test", "/metadata/resourceVersion", made["metadata"]["resourceVersion"])]
        both = [asked.patch(PODS, f"p{number}", *tests, ("replace", STAGE, who)) for who in ("one", "other")]
        done = await asyncio.gather(*both, return_exceptions=True)
        # The real server may find out late, as it writes: then it says conflict.
        assert sorted(type(each) is dict for each in done) == [False, True]
        assert {each.status for each in done if isinstance(each, ApiRefused)} <= {409, 422}


async def a_patch_that_does_not_fit_changes_nothing(asked: Asked) -> None:
    made = await asked.make(PODS, objects.pod("p"))
    for operation in [
        ("remove", "/metadata/annotations/absent", None),
        ("add", "/metadata/labels/first", "x"),  # there are no labels at all
        ("test", "/metadata/labels/first", "x"),
        ("test", "/metadata/labels/first", None),
        ("nonsense", "/metadata/annotations/here", "x"),
        ("add", "/spec/absent/deeper", "x"),
        ("remove", "/metadata/ownerReferences/0", None),
    ]:
        with refused(422):
            await asked.patch(PODS, "p", ("add", "/metadata/annotations/here", "x"), operation)
    assert await asked.get(PODS, "p") == made
    changed = await asked.patch(PODS, "p", ("test", "/metadata/labels", None), ("add", "/metadata/labels", {"a": "b"}))
    assert changed["metadata"]["labels"] == {"a": "b"}
    replaced = await asked.patch(
        PODS, "p", ("test", "/metadata/labels/c", None), ("replace", "/metadata/labels/c", "d")
    )
    assert replaced["metadata"]["labels"] == {"a": "b", "c": "d"}, "other than the standard says"


async def a_patch_for_another_state_or_object_is_a_conflict(asked: Asked) -> None:
    made = await asked.make(PODS, objects.pod("p", {"a": "b"}))
    await asked.merge(PODS, "p", {"metadata": {"labels": {"a": "c"}}})
    with refused(409):
        stale = {"resourceVersion": made["metadata"]["resourceVersion"], "labels": {"a": "d"}}
        await asked.merge(PODS, "p", {"metadata": stale})
    with refused(422):
        await asked.merge(PODS, "p", {"metadata": {"uid": OTHER_UID, "labels": {"a": "d"}}})
    with refused(400):
        await asked.merge(PODS, "p", {"metadata": {"name": "q"}})
    with refused(422):
        await asked.merge(PODS, "p", {"metadata": {"labels": {"a": 1}}})


async def a_patch_that_changes_nothing_is_no_write(asked: Asked) -> None:
    made = await asked.make(PODS, objects.pod("p", {"a": "b"}))
    assert await asked.merge(PODS, "p", {"metadata": {"labels": {"a": "b"}}}) == made
    assert await asked.patch(PODS, "p", ("replace", "/metadata/labels/a", "b")) == made


async def none_removes_and_empty_is_absent(asked: Asked) -> None:
    made = await asked.make(PODS, objects.pod("p", {"a": "b", "c": "d"}))
    assert made["metadata"]["labels"] == {"a": "b", "c": "d"}
    less = await asked.merge(PODS, "p", {"metadata": {"labels": {"a": None, "absent": None}}})
    assert less["metadata"]["labels"] == {"c": "d"}
    none = await asked.patch(PODS, "p", ("remove", "/metadata/labels/c", None))
    assert "labels" not in none["metadata"]


async def a_pods_spec_stays(asked: Asked) -> None:
    await asked.make(PODS, objects.pod("p"))
    with refused(422):
        await asked.merge(PODS, "p", {"spec": {"priority": 5}})
    with refused(422):
        await asked.merge(PODS, "p", {"spec": {"nodeName": "here"}})
    changed = await asked.patch(PODS, "p", ("replace", "/spec/containers/0/image", "example.org/function:2"))
    assert changed["metadata"]["generation"] == 2
    with refused(422):
        await asked.merge(PODS, "p", {"metadata": {"labels": {"a": "no spaces"}}})


async def a_deletion_can_name_what_it_deletes(asked: Asked) -> None:
    made = await asked.make(PODS, objects.pod("p"))
    about = made["metadata"]
    for wrong in [
        {"uid": OTHER_UID},
        {"resourceVersion": str(version_of(made) - 1)},
        {"uid": OTHER_UID, "resourceVersion": about["resourceVersion"]},
    ]:
        with refused(409):
            await asked.delete(PODS, "p", preconditions=wrong)
    right = {"uid": about["uid"], "resourceVersion": about["resourceVersion"]}
    gone = await asked.delete(PODS, "p", preconditions=right)
    assert (gone["kind"], gone["metadata"]["name"]) == ("Pod", "p")
    with refused(404):
        await asked.get(PODS, "p")
    again = await asked.make(PODS, objects.pod("p"))
    assert again["metadata"]["uid"] != about["uid"]


async def a_deletion_says_success(asked: Asked) -> None:
    made = await asked.make(CONFIG_MAPS, objects.config_map("c"))
    said = await asked.delete(CONFIG_MAPS, "c")
    assert (said["kind"], said["status"]) == ("Status", "Success")
    assert said["details"]["uid"] == made["metadata"]["uid"]


async def a_finalizer_keeps_what_was_deleted(asked: Asked) -> None:
    made = objects.config_map("c")
    made["metadata"]["finalizers"] = ["example.org/keep"]
    await asked.make(CONFIG_MAPS, made)
    kept = await asked.delete(CONFIG_MAPS, "c")
    assert kept["metadata"]["deletionTimestamp"]
    await asked.merge(CONFIG_MAPS, "c", {"metadata": {"finalizers": None}})
    with refused(404):
        await asked.get(CONFIG_MAPS, "c")


async def a_scheduled_pod_is_given_time_to_end(asked: Asked) -> None:
    # The finalizer holds what a node would let go at once.
    made = objects.pod("p", {"app": "p"}, scheduled=True)
    made["metadata"]["finalizers"] = ["example.org/keep"]
    await asked.make(PODS, made)

    async def runs() -> bool:
        return (await asked.get(PODS, "p"))["status"]["phase"] == "Running"

    await asked.until(runs, "the pod runs")
    ending = await asked.delete(PODS, "p")
    assert ending["metadata"]["deletionGracePeriodSeconds"] == objects.GRACE
    assert ending["metadata"]["deletionTimestamp"] > ending["metadata"]["creationTimestamp"]
    assert (await asked.merge(PODS, "p", {"metadata": {"labels": {"app": "q"}}}))["metadata"]["labels"] == {"app": "q"}
    await asked.merge(PODS, "p", {"metadata": {"finalizers": None}})
    await asked.gone(PODS, "p")


async def a_generation_counts_what_is_wanted(asked: Asked) -> None:
    made = await asked.make(REPLICA_SETS, objects.replica_set("r", 0, objects.template({"app": "r"})))
    assert made["metadata"]["generation"] == 1
    noted = await asked.merge(REPLICA_SETS, "r", {"metadata": {"annotations": {"a": "b"}}})
    assert noted["metadata"]["generation"] == 1
    scaled = await asked.merge(REPLICA_SETS, "r", {"spec": {"replicas": 1}})
    assert scaled["metadata"]["generation"] == 2
    told = await asked.merge(REPLICA_SETS, "r", {"spec": {"replicas": 5}, "status": {"replicas": 7}}, "status")
    assert (told["metadata"]["generation"], told["spec"]["replicas"]) == (2, 1)
    made = await asked.make(DEPLOYMENTS, objects.deployment("d", 0, objects.template({"app": "d"}), paused=True))
    noted = await asked.merge(DEPLOYMENTS, "d", {"metadata": {"annotations": {"a": "b"}}})
    assert noted["metadata"]["generation"] == made["metadata"]["generation"] + 1
    labelled = await asked.merge(DEPLOYMENTS, "d", {"metadata": {"labels": {"a": "b"}}})
    assert labelled["metadata"]["generation"] == noted["metadata"]["generation"]


async def a_status_has_a_path_of_its_own(asked: Asked) -> None:
    await asked.make(PODS, objects.pod("p"))
    await asked.merge(PODS, "p", {"status": {"message": "not so"}})
    told = await asked.merge(PODS, "p", {"status": {"message": "so"}}, "status")
    assert told["status"]["message"] == "so"
    assert (await asked.merge(PODS, "p", {"metadata": {"labels": {"a": "b"}}}))["status"]["message"] == "so"
    with refused(404):
        await asked.merge(CONFIG_MAPS, "c", {}, "status")


async def a_scale_is_the_replicas_and_nothing_else(asked: Asked) -> None:
    made = await asked.make(DEPLOYMENTS, objects.deployment("d", 0, objects.template({"app": "d"})))
    scale = await asked.get(DEPLOYMENTS, "d", "scale")
    assert (scale["kind"], scale["spec"].get("replicas", 0), scale["status"]["selector"]) == ("Scale", 0, "app=d")
    assert scale["metadata"]["uid"] == made["metadata"]["uid"]
    assert (await asked.merge(DEPLOYMENTS, "d", {"spec": {"replicas": 2}}, "scale"))["spec"] == {"replicas": 2}
    assert (await asked.get(DEPLOYMENTS, "d"))["spec"]["replicas"] == 2
    with refused(409):
        stale = scale | {"metadata": scale["metadata"] | {"resourceVersion": str(version_of(made) - 1)}}
        await asked.put(DEPLOYMENTS, stale | {"spec": {"replicas": 3}}, "scale")
    with refused(422):
        await asked.merge(DEPLOYMENTS, "d", {"spec": {"replicas": -1}}, "scale")


async def what_is_applied_is_made_or_changed(asked: Asked) -> None:
    wanted = objects.config_map("c", a="1")
    wanted["metadata"]["namespace"] = asked.namespace
    made = await asked.kube.apply(CONFIG_MAPS, wanted, manager="tests")
    again = await asked.kube.apply(CONFIG_MAPS, wanted, manager="tests")
    assert version_of(again) == version_of(made)
    changed = await asked.kube.apply(CONFIG_MAPS, wanted | {"data": {"a": "2"}}, manager="tests")
    assert (changed["data"], changed["metadata"]["uid"]) == ({"a": "2"}, made["metadata"]["uid"])


CASES = (
    a_name_is_taken_once,
    a_name_can_be_made_up,
    what_is_wrong_is_not_made,
    two_controllers_cannot_own_one_pod,
    what_is_not_there_is_not_found,
    a_replacement_names_the_state_that_it_replaces,
    a_lease_cannot_be_replaced_blindly,
    a_claim_is_refused_if_anything_has_changed,
    of_two_claims_one_succeeds,
    a_patch_that_does_not_fit_changes_nothing,
    a_patch_for_another_state_or_object_is_a_conflict,
    a_patch_that_changes_nothing_is_no_write,
    none_removes_and_empty_is_absent,
    a_pods_spec_stays,
    a_deletion_can_name_what_it_deletes,
    a_deletion_says_success,
    a_finalizer_keeps_what_was_deleted,
    a_scheduled_pod_is_given_time_to_end,
    a_generation_counts_what_is_wanted,
    a_status_has_a_path_of_its_own,
    a_scale_is_the_replicas_and_nothing_else,
    what_is_applied_is_made_or_changed,
)
