"""What is planned from a view: a row for each rule, and what holds for every view that there can be."""

from dataclasses import replace
from typing import Final

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scaler.model import Instant
from scaler.pool.plan import UNWELL, Adopt, Claim, Create, Delete, Drain, Recycle, plan, serving
from scaler.pool.view import UNCLAIMED, Handoff, PoolView, Replicas, Rules, Stage, WarmPod
from tests.pool.views import CURRENT, LONG, NOW, OLD, adopting, carried_out, live, pod, told, view

W, A, F, B, D, G = Stage.WARMING, Stage.AVAILABLE, Stage.FAILED, Stage.BRIDGED, Stage.DRAINING, Stage.ADOPTED
ONE, TWO = Rules(size=1), Rules(size=2)
NONE = Rules(size=0)
RECENT = Instant(NOW - 5.0)
ANCIENT = Instant(NOW - 90_000.0)

Row = tuple[PoolView, Rules, list[str]]

CLAIMS: dict[str, Row] = {
    "what is wanted is claimed, and refilled only when the claim is answered": (
        view(pod(), wanted=1), ONE, ["claim a"]),
    "a claim that is under way is not made again": (view(pod(stage=B, busy=True), wanted=1), ONE, []),
    "a claim that is answered is refilled": (view(pod(stage=B), wanted=1), ONE, ["create"]),
    "no more is claimed than is wanted": (
        view(pod("a"), pod("b", born=RECENT), wanted=1), TWO, ["claim a"]),
    "ready replicas need no bridge": (view(pod(), wanted=2, replicas=Replicas(asked=2, ready=2)), ONE, []),
    "replicas that are not ready are bridged": (
        view(pod(), wanted=1, replicas=Replicas(asked=1)), ONE, ["claim a"]),
    "a bridge that is unready for now is bridged by another": (
        view(pod("a"), pod("b", B, ready=False, since=RECENT), wanted=1), ONE, ["claim a"]),
    "what was handed over counts though it is not taken yet": (
        view(pod("a"), pod("b", G, since=RECENT), wanted=1), ONE, []),
    "what is leaving serves nobody": (
        view(pod("a"), pod("b", B, leaving=True), wanted=1), ONE, ["claim a"]),
    "a pod of another template is never claimed": (
        view(pod(template=OLD), wanted=1), Rules(size=1, surge=1), ["create"]),
    "a pod that is only too old may be claimed": (view(pod(born=ANCIENT), wanted=1), ONE, ["claim a"]),
    "a pod that is not available is not claimed": (view(pod(stage=W), wanted=1), ONE, []),
    "a pod that is being drained comes back first": (
        view(pod("a"), pod("b", D, since=RECENT), wanted=1), ONE, ["claim b"]),
    "the oldest is claimed first": (
        view(pod("b", born=RECENT), pod("c"), wanted=1), TWO, ["claim c"]),
    "what is unknown wants nothing": (view(pod(), wanted=None), ONE, []),
}  # fmt: skip

ADOPTIONS: dict[str, Row] = {
    "a bridge is adopted once its ReplicaSet wants one more": (
        view(pod(stage=B), wanted=1, replicas=adopting(asked=1, wants=1)), NONE, ["adopt a"]),
    "not before the controller has observed that": (
        view(pod(stage=B), wanted=1, replicas=adopting(asked=1, wants=1, observed=False)), NONE, []),
    "not where only bridges are allowed": (
        view(pod(stage=B), wanted=1, replicas=Replicas(asked=1, wants=1, observed=True)), NONE, []),
    "not where the ReplicaSet has what it wants": (
        view(pod(stage=B, since=RECENT), wanted=1, replicas=adopting(asked=1, wants=1, ready=1, covered=1)), NONE, []),
    "not while the Deployment is asked for less": (
        view(pod(stage=B), wanted=1, replicas=adopting(asked=0, wants=1)), NONE, []),
    "not a bridge of another template": (
        view(pod(stage=B, template=OLD), wanted=1, replicas=adopting(asked=1, wants=1)), NONE, []),
    "not a bridge that is unready": (
        view(pod(stage=B, ready=False, since=RECENT), wanted=0, replicas=adopting(asked=1, wants=1)), NONE, []),
    "as many as there is room for, the oldest first": (
        view(pod("a", B, born=RECENT), pod("b", B), wanted=2, replicas=adopting(asked=2, wants=2, covered=1)),
        NONE, ["adopt b"]),
    "what was not taken in its time is taken back": (
        view(pod(stage=G), wanted=1, replicas=adopting(asked=1, wants=1, covered=1)), NONE, ["reclaim a"]),
    "what may still be taken is waited for": (view(pod(stage=G, since=RECENT), wanted=1), NONE, []),
    "what was taken is settled after its guard": (
        view(pod(stage=G, owned=True), wanted=1, replicas=Replicas(asked=1, ready=1)), NONE, ["settle a"]),
    "and not before": (
        view(pod(stage=G, owned=True, since=RECENT), wanted=1, replicas=Replicas(asked=1, ready=1)), NONE, []),
    "what was handed over and is being deleted is let go": (view(pod(stage=G, leaving=True)), NONE, []),
}  # fmt: skip

DRAINS: dict[str, Row] = {
    "a bridge is drained once cold replicas have settled": (
        view(pod(stage=B), wanted=1, replicas=Replicas(asked=1, ready=1, settled=1)), NONE, ["drain a"]),
    "not while clients may not know them": (
        view(pod(stage=B), wanted=1, replicas=Replicas(asked=1, ready=1)), NONE, []),
    "not before it has lingered": (view(pod(stage=B, since=RECENT), wanted=0), NONE, []),
    "nobody wants it": (view(pod(stage=B), wanted=0), NONE, ["drain a"]),
    "it stands in for a replica that is asked for and not ready": (
        view(pod(stage=B), wanted=0, replicas=Replicas(asked=1)), NONE, []),
    "while nobody knows what is wanted it stays": (
        view(pod(stage=B), wanted=None, replicas=Replicas(asked=0)), NONE, []),
    "an unwell one goes even then": (view(pod(stage=B, ready=False), wanted=None), NONE, ["drain a"]),
    "one that is unwell for a moment stays": (
        view(pod(stage=B, ready=False, since=RECENT), wanted=None), NONE, []),
    "one of an older template goes first": (
        view(pod("a", B), pod("b", B, template=OLD), wanted=1), NONE, ["drain b"]),
    "one that is being changed is left alone": (view(pod(stage=B, busy=True), wanted=0), NONE, []),
}  # fmt: skip

STOCK: dict[str, Row] = {
    "an empty pool is filled": (view(), TWO, ["create", "create"]),
    "as far as tokens go": (view(tokens=1), TWO, ["create"]),
    "not while it is held": (view(hold="no proxy"), TWO, []),
    "what was asked for counts": (view(creating=1), TWO, ["create"]),
    "what warms counts": (view(pod(stage=W)), ONE, []),
    "what is leaving counts": (view(pod(leaving=True)), ONE, []),
    "what failed is deleted, and counts until it is gone": (view(pod(stage=F)), ONE, ["delete a"]),
    "what does not start in its time has failed": (
        view(pod(stage=W, since=Instant(NOW - 600.0))), ONE, ["delete a"]),
    "what is above the size goes, the newest first": (
        view(pod("a"), pod("b", born=RECENT), pod("c")), TWO, ["delete b"]),
    "what still warms goes before what is available": (
        view(pod("a", W), pod("b", born=RECENT)), ONE, ["delete a"]),
    "a deletion that is under way makes no other one needed": (
        view(pod("a"), pod("b", busy=True, leaving=True)), ONE, []),
    "a pod of an older template is replaced by surge": (view(pod(template=OLD)), ONE, ["create"]),
    "it goes when its successor is available": (view(pod("a", template=OLD), pod("b")), ONE, ["delete a"]),
    "not while that warms": (view(pod("a", template=OLD), pod("b", W)), ONE, []),
    "without surge it goes first": (view(pod(template=OLD)), Rules(size=1, surge=0), ["delete a"]),
    "but not while nothing can come": (view(pod(template=OLD), hold="quota"), Rules(size=1, surge=0), []),
    "old ones are replaced one after the other": (
        view(pod("a", template=OLD), pod("b", template=OLD), pod("c")), TWO, ["delete a"]),
    "and the next one only when the last one is gone": (
        view(pod("a", template=OLD, leaving=True), pod("b", template=OLD), pod("c")), TWO, []),
    "a pod is too old at the very instant": (
        view(pod("a", born=Instant(NOW - 86_400.0)), pod("b")), ONE, ["delete a"]),
    "a drained pod is recycled where there is room": (view(pod(stage=D)), ONE, ["recycle a"]),
    "and deleted where there is none": (view(pod("a", D), pod("b")), ONE, ["delete a"]),
    "and deleted where it is outdated": (view(pod(stage=D, template=OLD)), ONE, ["delete a", "create"]),
    "and deleted where it is not ready": (view(pod(stage=D, ready=False)), ONE, ["delete a", "create"]),
    "it is left alone for a while": (view(pod("a", D, since=RECENT), pod("b")), ONE, []),
    "a pod whose claim may be refused holds its place": (
        view(pod("a", D), pod("b", B, busy=True), wanted=1), ONE, ["delete a"]),
    "a size of 0 empties the pool": (view(pod()), NONE, ["delete a"]),
}  # fmt: skip

ROWS: Final = {**CLAIMS, **ADOPTIONS, **DRAINS, **STOCK}


@pytest.mark.parametrize(("seen", "rules", "does"), ROWS.values(), ids=ROWS)
def test_a_rule(seen: PoolView, rules: Rules, does: list[str]) -> None:
    assert told(plan(seen, rules)) == does


def test_what_has_no_warm_pod_is_missing() -> None:
    assert plan(view(pod(), wanted=3), ONE).missing == 2
    assert plan(view(pod(), wanted=None), ONE).missing == 0


# -- for every view --------------------------------------------------------------------------------------------------

INSTANTS: Final = st.sampled_from(
    [Instant(NOW - ago) for ago in (0.0, 5.0, 15.0, 30.0, 31.0, 300.0, 600.0, 86_400.0, 90_000.0)]
)


@st.composite
def pods(draw: st.DrawFn, number: int) -> WarmPod:
    stage = draw(st.sampled_from(Stage))
    born = draw(INSTANTS)
    return WarmPod(
        name=f"p{number}",
        uid=f"u{number}",
        version="1",
        stage=stage,
        template=draw(st.sampled_from([CURRENT, CURRENT, OLD])),
        ready=draw(st.booleans()) if stage in {B, D, G} else stage is A,
        since=max(born, draw(INSTANTS)),
        born=born,
        busy=draw(st.integers(0, 4)) == 0,
        owned=stage is G and draw(st.booleans()),
        leaving=draw(st.integers(0, 5)) == 0,
    )


@st.composite
def replicas(draw: st.DrawFn, given: int) -> Replicas:
    ready = draw(st.integers(0, 4))
    return Replicas(
        asked=draw(st.integers(0, 5)),
        ready=ready,
        settled=draw(st.integers(0, ready)),
        handoff=draw(st.sampled_from(Handoff)),
        wants=draw(st.integers(0, 5)),
        observed=draw(st.booleans()),
        covered=draw(st.integers(0, ready)) + given,
    )


@st.composite
def views(draw: st.DrawFn) -> PoolView:
    present = tuple(draw(pods(number)) for number in range(draw(st.integers(0, 7))))
    given = sum(each.stage is G and not each.owned and not each.leaving for each in present)
    return PoolView(
        now=NOW,
        template=CURRENT,
        pods=present,
        creating=draw(st.integers(0, 2)),
        wanted=draw(st.none() | st.integers(0, 6)),
        replicas=draw(replicas(given)),
        tokens=draw(st.integers(0, 5)),
        hold=draw(st.sampled_from(["", "", "held"])),
    )


EXAMPLES: Final = 250
RULES: Final = st.builds(Rules, size=st.integers(0, 4), surge=st.integers(0, 2))


@settings(max_examples=EXAMPLES)
@given(views(), RULES)
def test_claims_exceed_neither_the_demand_nor_the_pods(seen: PoolView, rules: Rules) -> None:
    made = plan(seen, rules)
    claims = [each.pod for each in made.actions if isinstance(each, Claim)]
    assert len(claims) + made.missing == max(0, (seen.wanted or 0) - serving(seen))
    assert len({each.uid for each in claims}) == len(claims)
    assert all(each.stage in {A, D} and each.ready and each.template == CURRENT for each in claims)


@settings(max_examples=EXAMPLES)
@given(views(), RULES)
def test_nothing_happens_to_busy_or_leaving_pods_and_no_pod_meets_two_actions(seen: PoolView, rules: Rules) -> None:
    touched = [each.pod for each in plan(seen, rules).actions if not isinstance(each, Create)]
    assert not any(each.busy or each.leaving for each in touched)
    assert len({each.uid for each in touched}) == len(touched)


@settings(max_examples=EXAMPLES)
@given(views(), RULES)
def test_a_pod_that_was_claimed_is_deleted_only_after_it_was_drained(seen: PoolView, rules: Rules) -> None:
    for each in plan(seen, rules).actions:
        if isinstance(each, Delete):
            assert each.pod.stage in UNCLAIMED | {D}
            assert each.pod.stage is not D or NOW - each.pod.since >= rules.drain


@settings(max_examples=EXAMPLES)
@given(views(), RULES)
def test_the_stock_never_exceeds_its_bound(seen: PoolView, rules: Rules) -> None:
    bound, actions = rules.size + rules.surge, plan(seen, rules).actions
    adds = [each for each in actions if isinstance(each, Create | Recycle)]
    unanswered = sum(each.stage is B and each.busy for each in seen.pods)
    assert not adds or live(seen) + unanswered + len(adds) <= bound
    assert live(carried_out(seen, plan(seen, rules))) <= max(bound, live(seen))
    if live(seen) >= bound:
        assert not adds


@settings(max_examples=EXAMPLES)
@given(views(), RULES)
def test_no_warm_pod_is_created_while_another_is_deleted(seen: PoolView, rules: Rules) -> None:
    actions = plan(seen, rules).actions
    deletes = any(isinstance(each, Delete) and each.pod.stage in UNCLAIMED for each in actions)
    assert not (deletes and any(isinstance(each, Create | Recycle) for each in actions))
    assert sum(isinstance(each, Create) for each in actions) <= (0 if seen.hold else seen.tokens)


@settings(max_examples=EXAMPLES)
@given(views(), RULES)
def test_adoptions_are_of_the_current_template_observed_and_have_room(seen: PoolView, rules: Rules) -> None:
    adopted = [each.pod for each in plan(seen, rules).actions if isinstance(each, Adopt)]
    assert all(each.template == CURRENT and each.ready and each.stage is B for each in adopted)
    if adopted:
        own = seen.replicas
        assert own.observed
        assert own.handoff is Handoff.ADOPT
        assert own.covered + len(adopted) <= min(own.wants, own.asked)


@settings(max_examples=EXAMPLES)
@given(views(), RULES)
def test_drains_leave_what_is_needed(seen: PoolView, rules: Rules) -> None:
    drained = [each.pod for each in plan(seen, rules).actions if isinstance(each, Drain)]
    well = [each for each in drained if each.ready]
    assert all(NOW - each.since >= UNWELL for each in drained if not each.ready)
    if seen.wanted is None:
        assert not well
    after = carried_out(seen, plan(seen, rules))
    if well:
        bridges = sum(each.stage in {B, G} and not each.owned and not each.leaving for each in after.pods)
        assert seen.replicas.settled + bridges >= max(seen.wanted or 0, seen.replicas.asked)
        assert not any(isinstance(each, Claim) for each in plan(seen, rules).actions)


@settings(max_examples=EXAMPLES)
@given(views(), RULES)
def test_plans_come_to_an_end(seen: PoolView, rules: Rules) -> None:
    for _ in range(6):
        made = plan(seen, rules)
        if not made.actions:
            break
        seen = carried_out(seen, made)
    assert not plan(seen, rules).actions, told(plan(seen, rules))


@settings(max_examples=EXAMPLES)
@given(views(), RULES)
def test_the_same_view_gives_the_same_plan_and_a_later_look(seen: PoolView, rules: Rules) -> None:
    made = plan(seen, rules)
    assert made == plan(replace(seen), replace(rules))
    assert made.again_at is None or made.again_at > seen.now


@settings(max_examples=EXAMPLES)
@given(st.integers(0, 6) | st.none(), replicas(0), RULES)
def test_an_empty_pool_does_nothing_but_create(wanted: int | None, own: Replicas, rules: Rules) -> None:
    made = plan(view(wanted=wanted, replicas=own), rules)
    assert set(told(made)) <= {"create"}
    assert plan(view(wanted=wanted, replicas=own, hold="broken"), rules).actions == ()


@settings(max_examples=EXAMPLES)
@given(views(), RULES)
def test_the_next_look_is_no_later_than_something_to_do(seen: PoolView, rules: Rules) -> None:
    """A view in which nothing was to do has nothing to do until then, either."""
    for _ in range(6):
        seen = carried_out(seen, plan(seen, rules))
    made = plan(seen, rules)
    end = made.again_at if made.again_at is not None else Instant(NOW + 200_000.0)
    before = replace(seen, now=Instant(NOW + (end - NOW) * 0.999))
    assert not [each for each in plan(before, rules).actions if not isinstance(each, Create)]


@pytest.mark.parametrize("stage", Stage)
def test_every_stage_has_its_next_look(stage: Stage) -> None:
    again = plan(view(pod(stage=stage, since=NOW, born=NOW), wanted=None), Rules(size=5)).again_at
    assert again is not None
    assert again > NOW
    assert plan(view(pod(stage=stage, since=LONG, leaving=True), wanted=None), Rules(size=5)).again_at is None
