"""Processes that stand for election on a real API server: two never write in turns, whatever is done to them."""

import random
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import pytest

from scaler.pool.elector import Timing
from tests.cluster.api import Api, Resource
from tests.cluster.api_proxy import ApiProxy, Hang
from tests.cluster.control_plane import ControlPlane
from tests.cluster.elected import LEASE, RECORD, TIMES, Candidate, Options
from tests.servers.process import wait_until

pytestmark = pytest.mark.requires("cluster")

LEASES = Resource(api="coordination.k8s.io/v1", plural="leases")
TAKEN_WITHIN = TIMES["lease"] + TIMES["retry"] + 1.5  # s after the last renewal; the machine is shared
SLACK = 0.3  # s that a process may need to run when its time has come


@pytest.fixture
def candidates(control_plane: ControlPlane, namespace: str, tmp_path: Path) -> Iterator["Candidates"]:
    """Return who makes candidates; all of them are ended."""
    control_plane.api.apply(
        {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"namespace": namespace, "name": RECORD}, "data": {}}
    )
    options = Options(kubeconfig=str(control_plane.kubeconfig), namespace=namespace, who="", times=TIMES)
    with ExitStack() as ends:
        yield Candidates(options, tmp_path, ends)


class Candidates:
    """Makes candidates, and looks at what all of them wrote."""

    def __init__(self, options: Options, home: Path, ends: ExitStack) -> None:
        self._options = options
        self._home = home
        self._ends = ends
        self.all: list[Candidate] = []

    def add(self, who: str, **options: object) -> Candidate:
        """Start a candidate."""
        told = replace(self._options, who=who, **options)  # type: ignore[arg-type]  # names of options
        self.all.append(self._ends.enter_context(Candidate(self._home / who, told)))
        return self.all[-1]

    def terms(self) -> list[tuple[int, str]]:
        """Return (term, who) of each write that succeeded, in the order in which the API server took them."""
        wrote = sorted((each for candidate in self.all for each in candidate.said("wrote")), key=lambda e: e.version)
        return [(each.term, each.who) for each in wrote]

    def check(self) -> int:
        """See that no leader wrote after its successor, and that a term had one; return how many terms there were."""
        terms = self.terms()
        assert terms == sorted(terms, key=lambda each: each[0]), changes(terms)
        assert len(set(terms)) == len({term for term, _ in terms}), changes(terms)
        return len(set(terms))


def changes(terms: Sequence[tuple[int, str]]) -> list[tuple[int, str]]:
    """Return where the leader changes."""
    return list(terms[:1]) + [after for before, after in pairwise(terms) if before != after]


def test_a_leader_that_cannot_reach_its_lease_stops_writing_before_it_is_taken(
    candidates: Candidates, control_plane: ControlPlane, tmp_path: Path, measured: Callable[[str], None]
) -> None:
    with ApiProxy(control_plane.credentials, tmp_path) as proxy:
        a = candidates.add("a", kubeconfig=str(proxy.kubeconfig()))
        a.wait_writing(within=10.0)
        b = candidates.add("b")
        proxy.wait(proxy.rule(Hang(), path=f"/{LEASE}$"))
        renewed = max(each.at for each in proxy.of("PUT", f"/{LEASE}$") if each.status)
        took = b.wait_writing(within=TAKEN_WITHIN + 2.0) - renewed
        last = max(each.at for each in a.said("wrote")) - renewed
        measured(
            f"Lease unreachable: its leader wrote until {last:.1f} s after its last renewal, another from {took:.1f} s"
        )
        assert last <= TIMES["renew_deadline"] + SLACK
        assert took >= TIMES["lease"]
        proxy.heal()
    assert candidates.check() == 2


def test_a_leader_that_was_stopped_writes_nothing_when_it_goes_on(
    candidates: Candidates, control_plane: ControlPlane, tmp_path: Path
) -> None:
    with ApiProxy(control_plane.credentials, tmp_path) as proxy:
        a = candidates.add("a", kubeconfig=str(proxy.kubeconfig()))
        a.wait_writing(within=10.0)
        b = candidates.add("b")
        a.pause()
        stopped = time.monotonic()
        b.wait_writing(within=TAKEN_WITHIN + 2.0, since=stopped)
        time.sleep(1.0)  # in which the new leader writes, and the old one's next write would be one too many
        a.resume()
        wait_until(lambda: bool(a.said("lost")) or "leads no more" in a.log.read_text(), within=5.0, what="a notices")
        time.sleep(1.0)  # in which nothing is to be written by it
        tried = [each for each in proxy.of("PUT", f"/{RECORD}$") if each.at > stopped + SLACK]
        assert len(tried) <= 1, "one may have been on its way"
        assert max(each.at for each in a.said("wrote")) < stopped + SLACK
    assert candidates.check() == 2


def test_clocks_that_are_wrong_and_run_at_other_speeds_change_nothing(candidates: Candidates) -> None:
    ahead = candidates.add("ahead", skew=3600.0, rate=1.1)
    ahead.wait_writing(within=10.0)
    behind = candidates.add("behind", skew=-3600.0, rate=0.9)
    _wait_in_vain(behind)
    ahead.kill()
    killed = time.monotonic()
    assert behind.wait_writing(within=TAKEN_WITHIN + 2.0, since=killed) - killed <= TAKEN_WITHIN
    ahead.start()  # by its wall clock, the Lease has run out two hours ago
    _wait_in_vain(ahead)
    assert candidates.check() == 2


def _wait_in_vain(candidate: Candidate) -> None:
    """See that a candidate does not take a Lease that is renewed."""
    terms = candidate.said("leads")
    time.sleep(TIMES["lease"] * 1.3)
    assert candidate.said("leads") == terms


def test_a_successor_leads_soon_after_a_kill_and_sooner_after_a_polite_end(
    candidates: Candidates, api: Api, namespace: str, measured: Callable[[str], None]
) -> None:
    a = candidates.add("a", times={})
    a.wait_writing(within=10.0)
    b = candidates.add("b", times={})
    ending = time.monotonic()
    a.stop()
    ended = time.monotonic() - ending
    released = b.wait_writing(within=10.0, since=ending) - ending
    a.start()
    b.kill()
    killed = time.monotonic()
    taken = a.wait_writing(within=20.0, since=killed) - killed
    measured(f"a new leader writes {released:.2f} s after SIGTERM ({ended:.2f} s to end), {taken:.1f} s after SIGKILL")
    assert released <= 2.0
    assert taken <= 15.0
    a.stop()
    said = api.get(LEASES, LEASE, namespace)["spec"]
    assert (said["holderIdentity"], said["leaseTransitions"]) == ("", 2)
    assert Timing().lease < 15.0
    assert candidates.check() == 3


@pytest.mark.timeout(120)
def test_three_that_come_and_go_never_write_in_turns(candidates: Candidates, measured: Callable[[str], None]) -> None:
    chance, seconds = random.Random(11), 20.0
    each = [candidates.add(who) for who in "abc"]
    wait_until(lambda: bool(candidates.terms()), within=10.0, what="one of them leads")
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        leaders = [one for one in each if one.running and one.options.who == candidates.terms()[-1][1]]
        victim = leaders[0] if leaders and chance.random() < 0.8 else chance.choice(each)
        match chance.choice(("stop", "kill", "pause")):
            case "stop":
                victim.stop()
            case "kill":
                victim.kill()
            case _:
                victim.pause()
        time.sleep(chance.uniform(0.3, 4.0))
        victim.resume()
        if not victim.running:
            victim.launch()
        time.sleep(chance.uniform(0.1, 0.7))
    terms = candidates.check()
    measured(f"three candidates, {seconds:.0f} s of ends and pauses: {terms} terms, {len(candidates.terms())} writes")
    assert terms >= 4
