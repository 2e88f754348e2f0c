"""What a study says while it takes long."""

from dataclasses import replace

import pytest

from simulations.model import KnativeRules, World
from simulations.verbs.studies import tell, unquick
from tests.simulations.policies.worlds import function


def test_what_the_quick_engine_leaves_is_named_by_its_reason(capsys: pytest.CaptureFixture[str]) -> None:
    several = [replace(function([1.0], name=f"f{n}"), triggers=function([1.0]).triggers * 2) for n in range(5)]
    knative = replace(function([1.0], name="kn"), knative=KnativeRules())
    world, said = World(functions=(function([1.0]), *several, knative), end=1), set[str]()
    for _ in range(2):
        tell(unquick(world), said)
    assert capsys.readouterr().err.splitlines() == [
        "several triggers: the readable engine, which is slower, simulates f0, f1, f2 and 2 more",
        "Knative's autoscaler: the readable engine, which is slower, simulates kn",
    ]
