"""Warm pods as documents, and their patches: whatever a pod carries, each does all that it says, or nothing."""

from functools import partial
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scaler.net.kube import Document
from scaler.pool import manifests
from scaler.pool.manifests import COST, EVICT, HASH_LABEL, OURS, STAGE, Marks, Patch, pod_name, template_hash, warm_pod
from scaler.pool.seen import pod_seen
from simulations.cluster.patches import PatchFailed, patched
from tests.pool.seeing import template, workload

SETTLING = partial(manifests.settling, template={"spec": {}})
LABELS = {"app": "orders", "openfunction.io/serving": "s", "team": "a"}
HIDDEN = frozenset({"app", "openfunction.io/serving"})
SERVING = {"openfunction.io/serving": "s"}
OWNER = workload(template(LABELS))


def born(**notes: str) -> Document:
    """Return a warm pod as the API gives it."""
    pod = warm_pod("orders-warm-1", "p", workload(template(LABELS, notes)), HIDDEN)
    said = {"uid": "u", "resourceVersion": "7", "creationTimestamp": "2026-01-02T03:04:05Z"}
    return {**pod, "metadata": {**pod["metadata"], **said}, "status": {}}


def marks(pod: Document) -> Marks:
    return pod_seen(pod).marks


def labels(pod: Document) -> dict[str, str]:
    """Return what of its labels is not ours."""
    return {key: value for key, value in pod["metadata"]["labels"].items() if key not in OURS}


def stage(pod: Document) -> Any:
    return pod["metadata"]["labels"].get(STAGE)


def test_a_warm_pod_is_of_the_template_and_nobody_finds_it() -> None:
    pod = born(**{"dapr.io/enabled": "false"})
    assert labels(pod) == {"team": "a"}
    assert pod["metadata"]["annotations"] == {"dapr.io/enabled": "false", EVICT: "true"}
    assert pod["spec"] == OWNER["spec"]["template"]["spec"]
    assert pod["metadata"]["labels"][manifests.TEMPLATE] == template_hash(
        template(LABELS, {"dapr.io/enabled": "false"})
    )


def test_what_a_wasm_function_needs_is_kept() -> None:
    pods = template(LABELS, {"module.wasm.image/variant": "compat"}, runtimeClassName="openfunction-crun")
    pod = warm_pod("w", "p", workload(pods), HIDDEN)
    assert pod["spec"]["runtimeClassName"] == "openfunction-crun"
    assert pod["metadata"]["annotations"]["module.wasm.image/variant"] == "compat"


@pytest.mark.parametrize(("kind", "controls"), [("Deployment", True), ("StatefulSet", False)])
def test_the_workload_owns_it_and_a_stateful_set_does_not_control_it(kind: str, controls: bool) -> None:
    (owner,) = warm_pod("w", "p", workload(template(LABELS), kind=kind), HIDDEN)["metadata"]["ownerReferences"]
    assert (owner["kind"], owner["uid"], owner["controller"]) == (kind, "uid of orders", controls)


def test_the_hash_label_of_a_replica_set_changes_nothing_and_everything_else_does() -> None:
    plain = template_hash(template(LABELS))
    assert template_hash(template({**LABELS, HASH_LABEL: "x"})) == plain
    others = [template({**LABELS, "a": "b"}), template(LABELS, {"a": "b"}), template(LABELS, priority=1)]
    assert len({plain, *map(template_hash, others)}) == 4
    assert len(plain) == 10


NAMES = st.from_regex(r"[a-z0-9]([-a-z0-9.]{0,250}[a-z0-9])?", fullmatch=True)


@given(NAMES, st.integers(0, 5))
def test_names_are_stable_valid_and_free(name: str, number: int) -> None:
    taken: set[str] = set()
    for _ in range(number):
        made = pod_name(name, "uid", "t", taken)
        assert made not in taken
        taken.add(made)
    made = pod_name(name, "uid", "t", taken)
    assert made == pod_name(name, "uid", "t", taken)
    assert len(made) <= 253
    assert ".-" not in made.removeprefix(name[:199])
    assert manifests.named_here(made)


def test_a_name_that_is_free_again_is_taken_again() -> None:
    first = pod_name("orders", "u", "t", ())
    second = pod_name("orders", "u", "t", {first})
    assert pod_name("orders", "u", "t", {second}) == first
    assert len({first, second, pod_name("orders", "u", "t2", ()), pod_name("orders", "u2", "t", ())}) == 4


PATCHES: dict[str, Any] = {
    "bridging": lambda each: manifests.bridging(each, SERVING),
    "draining": lambda each: manifests.draining(each, HIDDEN),
    "recycling": manifests.recycling,
    "adoption": lambda each: manifests.adoption(each, LABELS, "h"),
    "reclaiming": lambda each: manifests.reclaiming(each, OWNER, HIDDEN, SERVING),
    "settling": SETTLING,
}


@pytest.mark.parametrize("patch", PATCHES.values(), ids=PATCHES)
@pytest.mark.parametrize("changed", ["uid", "resourceVersion"])
def test_every_patch_is_refused_for_another_pod_or_another_state(patch: Any, changed: str) -> None:
    pod = born()
    made: Patch = patch(marks(pod))
    pod["metadata"][changed] = "9"
    with pytest.raises(PatchFailed):
        patched(pod, made)


@given(
    st.dictionaries(st.sampled_from([*LABELS, HASH_LABEL, "x/y~z"]), st.just("v")),
    st.dictionaries(st.sampled_from([COST, EVICT, "a", "b"]), st.just("v")),
)
def test_every_patch_fits_whatever_a_pod_carries(more: dict[str, str], notes: dict[str, str]) -> None:
    for patch in PATCHES.values():
        pod = born()
        pod["metadata"]["labels"] |= more
        pod["metadata"].pop("annotations")
        if notes:
            pod["metadata"]["annotations"] = dict(notes)
        after = patched(pod, patch(marks(pod)))
        assert after["metadata"].get("annotations", {}).keys() >= {"a", "b"} & notes.keys()


def test_keys_are_escaped() -> None:
    pod = born()
    pod["metadata"]["labels"]["x~y/z"] = "v"
    after = patched(pod, manifests.draining(marks(pod), ["x~y/z"]))
    assert "x~y/z" not in labels(after)
    assert labels(patched(pod, manifests.bridging(marks(pod), {"a~b/c": "d"})))["a~b/c"] == "d"


def test_a_whole_life() -> None:
    pod = born()
    bridged = patched(pod, manifests.bridging(marks(pod), SERVING))
    assert (stage(bridged), labels(bridged)) == ("bridged", {"team": "a", **SERVING})
    assert bridged["metadata"]["annotations"] == {EVICT: "false"}
    drained = patched(bridged, manifests.draining(marks(bridged), HIDDEN))
    assert (stage(drained), labels(drained)) == ("draining", {"team": "a"})
    assert patched(drained, manifests.recycling(marks(drained)))["metadata"] == pod["metadata"]
    given_ = patched(bridged, manifests.adoption(marks(bridged), LABELS, "h"))
    assert (stage(given_), labels(given_)) == ("adopted", {**LABELS, HASH_LABEL: "h"})
    assert "ownerReferences" not in given_["metadata"]
    assert given_["metadata"]["annotations"][COST] == "1000"
    back = patched(given_, manifests.reclaiming(marks(given_), OWNER, HIDDEN, SERVING))
    assert back["metadata"] == bridged["metadata"]
    settled = patched(given_, SETTLING(marks(given_)))
    assert settled["metadata"]["labels"] == {**LABELS, HASH_LABEL: "h"}
    assert not settled["metadata"].get("annotations")


def test_what_the_template_says_of_our_annotations_counts_again_in_the_end() -> None:
    notes = {EVICT: "false", COST: "7"}
    said = template(LABELS, notes)
    warm = warm_pod("orders-warm-0123456789", "p", workload(said), HIDDEN)
    warm["metadata"] |= {"uid": "u", "resourceVersion": "1", "creationTimestamp": "2026-01-02T03:04:05Z"}
    given_ = patched(warm, manifests.adoption(marks(warm), LABELS, "hash"))
    assert given_["metadata"]["annotations"] == {EVICT: "true", COST: "1000"}
    assert patched(given_, manifests.settling(marks(given_), said))["metadata"]["annotations"] == notes
