"""KEDA and the autoscaler of the simulator, beside the real ones with the real service, over the same demand.

Both sides must take the same steps in the same order, made by the same one of the two. What KEDA does must lie within a
poll of the real thing, and the time that a check takes on a busy machine: its checks are dated by what it wrote. What
the autoscaler does may be one of its looks apart: the simulated one looks at the same instants, but what it then hears
may be some tenths of a second older or younger.
"""

import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import pytest
from redis import Redis as Client

from tests.cluster import manifests
from tests.cluster.api import SCALED_OBJECTS, Api
from tests.cluster.control_plane import ControlPlane, condition
from tests.cluster.keda import Keda
from tests.cluster.truth.objects import CASES, END, FLAGS, POLL, Case, scaled_object
from tests.cluster.truth.replayed import Recorded, Timeline, by, looks_apart, simulated
from tests.cluster.truth.syncs import ScaleAudit, changes, looks
from tests.cluster.truth.timelines import Step, distance, told
from tests.cluster.warmscaler import Warmscaler
from tests.servers.process import wait_until
from tests.servers.redis import Redis

pytestmark = [pytest.mark.requires("cluster", "redis"), pytest.mark.timeout(400)]

PLACE = "truth"
PAUSED = "autoscaling.keda.sh/paused"
WRITE = 1.0  # s for a check and what it writes, on a busy machine: half a poll
SAME = {"KEDA": WRITE, "HPA": 0.0}
MOST_APART = {"KEDA": POLL + WRITE, "HPA": 1.0}
UNITS = {"KEDA": "s", "HPA": "syncs"}


@pytest.fixture(scope="module")
def recorded(redis_server: Redis, tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Recorded]]:
    """Run all cases at the same time on a control plane, a KEDA and a service of their own."""
    home = tmp_path_factory.mktemp("truth")
    plane = ControlPlane(home / "plane", hpa=FLAGS)
    audit = plane.api_server.audit = ScaleAudit(home / "plane" / "kube-apiserver")
    with plane, Keda(home / "keda", plane), _service(home, plane) as scaler:
        yield _Play(plane.api, redis_server, scaler).recorded(audit)


def _service(home: Path, plane: ControlPlane) -> Warmscaler:
    return Warmscaler(home / "warmscaler", flags=[f"--kubeconfig={plane.kubeconfig}"])


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_the_simulated_controllers_scale_as_the_real_ones(recorded: dict[str, Recorded], case: Case) -> None:
    real, model = recorded[case.name].changes, simulated(case, recorded[case.name])
    assert distance(real, model).apart is not None, told(case.name, real, model)
    for who, apart in _apart(recorded[case.name], real, model).items():
        assert apart is not None
        assert max(apart, default=0.0) <= MOST_APART[who], told(case.name, real, model)
        assert sum(each > SAME[who] for each in apart) <= len(apart) / 2, told(case.name, real, model)


@pytest.mark.parametrize("who", ["KEDA", "HPA"])
def test_nearly_all_steps_are_at_the_same_instant(
    recorded: dict[str, Recorded], measured: Callable[[str], None], who: str
) -> None:
    """A poll or a look lies between them only where something changed at the very instant of one."""
    apart = [
        each
        for case in CASES
        for each in _apart(recorded[case.name], recorded[case.name].changes, simulated(case, recorded[case.name]))[who]
        or ()
    ]
    late = sum(each > SAME[who] for each in apart)
    measured(
        f"{len(CASES)} ScaledObjects: {len(apart)} steps of {who}, {late} of them not at the same instant, "
        f"{max(apart):.2f} {UNITS[who]} apart at most, {sorted(apart)[len(apart) // 2]:.2f} in the middle"
    )
    assert len(apart) >= 2 * len(CASES)
    assert late <= len(apart) / 5


def _apart(one: Recorded, real: Timeline, model: Timeline) -> dict[str, tuple[float, ...] | None]:
    """Say how far apart the two sides are: KEDA's steps in seconds, the autoscaler's in looks."""
    return {
        "KEDA": distance(by("KEDA", real), by("KEDA", model)).apart,
        "HPA": looks_apart(one.looks, real, model),
    }


class _Play:
    """All cases on a stage."""

    def __init__(self, api: Api, redis: Redis, scaler: Warmscaler) -> None:
        self.api = api
        self.redis = redis
        self.scaler = scaler
        self.lengths: dict[str, list[tuple[float, int]]] = {}
        self.paused: dict[str, list[float]] = {}

    def recorded(self, audit: ScaleAudit) -> dict[str, Recorded]:
        """Deploy, play the script to its end, and tell what happened."""
        self._deploy()
        begun = self._perform()
        events = audit.events()
        return {
            case.name: Recorded(
                lengths=[
                    [(at - begun, length) for at, length in self.lengths[case.queue(number)]]
                    for number in range(len(case.lists))
                ],
                looks=[at - begun for at in looks(case.name, events)],
                changes=[
                    Step(step.at - begun, step.value)
                    for step in changes(case.name, events)
                    if 0 < step.at - begun < END
                ],
                paused=self._paused(case, begun),
            )
            for case in CASES
        }

    def _paused(self, case: Case, begun: float) -> tuple[float, float] | None:
        at = [each - begun for each in self.paused.get(case.name, ())]
        return (at[0], at[1]) if at else None

    def _deploy(self) -> None:
        self.api.apply(manifests.namespace(PLACE))
        for case in CASES:
            self.api.apply(manifests.deployment(PLACE, case.name, replicas=case.replicas))
            self.api.apply(scaled_object(PLACE, case, self.scaler.address, self.redis.address))
        pushed = sum(trigger.push for case in CASES for trigger in case.scaled.triggers)
        wait_until(self._ready, within=60.0, what="every ScaledObject ready", every=0.2)
        wait_until(lambda: self.scaler.streams() == pushed, within=60.0, what=f"{pushed} streams", every=0.2)

    def _ready(self) -> bool:
        return all(condition(each, "Ready") == "True" for each in self.api.all(SCALED_OBJECTS, PLACE))

    def _perform(self) -> float:
        """Do what the script says, each at its time; return when it began."""
        acts: list[tuple[float, Callable[[], None]]] = []
        with Client(host=self.redis.host, port=self.redis.port, socket_timeout=5.0) as client:
            for case in CASES:
                acts += self._acts(case, client)
            begun = time.time()
            for at, act in sorted(acts, key=lambda each: each[0]):
                time.sleep(max(0.0, begun + at - time.time()))  # the script's own time, not a wait for anything
                act()
            time.sleep(max(0.0, begun + END - time.time()))
        return begun

    def _acts(self, case: Case, client: Client) -> Iterator[tuple[float, Callable[[], None]]]:
        for number, script in enumerate(case.lists):
            for at, length in script:
                yield at, partial(self._set, client, case.queue(number), length)
        for at, value in zip(case.paused or (), ("true", None), strict=False):
            yield at, partial(self._pause, case.name, value)

    def _set(self, client: Client, queue: str, length: int) -> None:
        """Make a list as long as that, in one go."""
        with client.pipeline(transaction=True) as pipeline:
            pipeline.delete(queue)
            if length:
                pipeline.rpush(queue, *range(length))
            pipeline.execute()
        self.lengths.setdefault(queue, []).append((time.time(), length))

    def _pause(self, name: str, value: str | None) -> None:
        self.api.patch(SCALED_OBJECTS, name, PLACE, {"metadata": {"annotations": {PAUSED: value}}})
        self.paused.setdefault(name, []).append(time.time())
