"""What the API answers to lists and watches."""

from scaler.net.kube import CONFIG_MAPS, PODS
from tests.conformance import objects
from tests.conformance.asking import Asked, refused, version_of


async def a_list_selects(asked: Asked) -> None:
    for name, labels in {"a": {"app": "x"}, "b": {"app": "y", "tier": "1"}, "c": {"tier": "2"}}.items():
        await asked.make(PODS, objects.pod(name, labels))
    for selector, found in {
        "app=x": "a",
        "app==y": "b",
        "app!=x": "bc",
        "app in (x,y)": "ab",
        "app in (x, y),tier": "b",
        "app notin (x)": "bc",
        "tier": "bc",
        "!app": "c",
        "app,!tier": "a",
        "": "abc",
    }.items():
        assert "".join(await asked.named(PODS, labelSelector=selector)) == found, selector
    assert await asked.named(PODS, fieldSelector="metadata.name=b") == ["b"]
    assert await asked.named(PODS, fieldSelector="status.phase=Pending,metadata.name!=b") == ["a", "c"]
    with refused(400):
        await asked.all(PODS, fieldSelector="metadata.labels=b")
    with refused(400):
        await asked.all(PODS, labelSelector="a in b")


async def a_list_says_its_version_once(asked: Asked) -> None:
    made = await asked.make(PODS, objects.pod("p"))
    listed = await asked.all(PODS)
    assert (listed["kind"], listed["apiVersion"]) == ("PodList", "v1")
    assert version_of(listed) >= version_of(made)
    (item,) = listed["items"]
    assert item == {key: value for key, value in made.items() if key not in {"apiVersion", "kind"}}


async def a_list_in_pages_is_of_one_moment(asked: Asked) -> None:
    for number in range(5):
        await asked.make(CONFIG_MAPS, objects.config_map(f"page-{number}", state="old"))
    first = await asked.all(CONFIG_MAPS, limit="2")
    await asked.merge(CONFIG_MAPS, "page-4", {"data": {"state": "new"}})
    await asked.delete(CONFIG_MAPS, "page-3")
    second = await asked.all(CONFIG_MAPS, limit="500", **{"continue": first["metadata"]["continue"]})
    found = {
        each["metadata"]["name"]: each["data"]["state"]
        for each in first["items"] + second["items"]
        if each["metadata"]["name"].startswith("page")
    }
    assert found == {f"page-{number}": "old" for number in range(5)}
    assert second["metadata"]["resourceVersion"] == first["metadata"]["resourceVersion"]
    assert "continue" not in second["metadata"]


async def a_watch_tells_every_change_in_order(asked: Asked) -> None:
    async with asked.watched(PODS) as heard:
        made = await asked.make(PODS, objects.pod("p", {"a": "b"}))
        changed = await asked.merge(PODS, "p", {"metadata": {"labels": {"a": "c"}}})
        await asked.delete(PODS, "p")
        events = [await heard.next() for _ in range(4)]
    assert [kind for kind, _, _ in events] == ["ADDED", "MODIFIED", "MODIFIED", "DELETED"]
    assert events[0][1:] == (made, made["metadata"]["resourceVersion"])
    assert events[1][1:] == (changed, changed["metadata"]["resourceVersion"])
    assert events[2][1]["metadata"]["deletionGracePeriodSeconds"] == 0, "a pod is marked before it goes"
    last = events[3][1]
    assert (last["metadata"]["uid"], last["metadata"]["labels"]) == (made["metadata"]["uid"], {"a": "c"})
    assert int(events[3][2]) == version_of(last) > int(events[2][2]) > version_of(changed)


async def other_objects_go_without_a_mark(asked: Asked) -> None:
    async with asked.watched(CONFIG_MAPS, fieldSelector="metadata.name=c") as heard:
        await asked.make(CONFIG_MAPS, objects.config_map("c"))
        await asked.delete(CONFIG_MAPS, "c")
        assert await heard.kinds(2) == ["ADDED c", "DELETED c"]


async def a_watch_of_a_selection_sees_objects_come_and_go(asked: Asked) -> None:
    await asked.make(PODS, objects.pod("p", {"app": "out"}))
    async with asked.watched(PODS, labelSelector="app=in") as heard:
        await asked.merge(PODS, "p", {"metadata": {"labels": {"app": "in"}}})
        await asked.merge(PODS, "p", {"metadata": {"labels": {"more": "x"}}})
        moved = await asked.merge(PODS, "p", {"metadata": {"labels": {"app": "out"}}})
        await asked.merge(PODS, "p", {"metadata": {"labels": {"app": "in"}}})
        events = [await heard.next() for _ in range(4)]
    assert [kind for kind, _, _ in events] == ["ADDED", "MODIFIED", "DELETED", "ADDED"]
    _, last, version = events[2]
    assert last["metadata"]["labels"] == {"app": "in", "more": "x"}, "as it was when it was last in"
    assert int(version) == version_of(last) == version_of(moved)


async def a_watch_without_a_version_begins_with_what_is_there(asked: Asked) -> None:
    for name in ("a", "b"):
        await asked.make(PODS, objects.pod(name))
    events = asked.kube.events(PODS.path(asked.namespace), {}, 60)
    seen = [await anext(events), await anext(events)]
    await events.aclose()
    assert {f"{kind} {each['metadata']['name']}" for kind, each, _ in seen} == {"ADDED a", "ADDED b"}


async def a_watch_goes_on_where_another_ended(asked: Asked) -> None:
    made = await asked.make(PODS, objects.pod("a"))
    await asked.make(PODS, objects.pod("b"))
    query = {"resourceVersion": made["metadata"]["resourceVersion"]}
    events = asked.kube.events(PODS.path(asked.namespace), query, 1)
    kinds = [(kind, seen["metadata"].get("name")) async for kind, seen, _ in events]
    assert [each for each in kinds if each[0] != "BOOKMARK"] == [("ADDED", "b")]


CASES = (
    a_list_selects,
    a_list_says_its_version_once,
    a_list_in_pages_is_of_one_moment,
    a_watch_tells_every_change_in_order,
    other_objects_go_without_a_mark,
    a_watch_of_a_selection_sees_objects_come_and_go,
    a_watch_without_a_version_begins_with_what_is_there,
    a_watch_goes_on_where_another_ended,
)
