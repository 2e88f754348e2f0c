"""What a kind, a key and the configuration mean, told by the models that read them."""

import json

import pytest

from scaler.errors import ConfigError
from scaler.probes.registry import Catalogue, installed
from scaler.triggers.params import keys_of
from scaler.verbs.explain import OUR_OWN, explained, show_overview, show_topics, topics
from scaler.verbs.output import Output
from tests.config.kinds import KINDS

JAR = Catalogue(kinds=dict(KINDS))  # type: ignore[arg-type]


def test_a_kind_is_explained_by_its_model(capsys: pytest.CaptureFixture[str]) -> None:
    show_topics(explained("jar", topics(JAR)), Output.TABLE)
    assert [line.split(maxsplit=1) for line in capsys.readouterr().out.splitlines()] == [
        ["jar:", "Marbles in a jar."],
        [],
        ["key", "type                       default   description"],
        ["address,", "addresses  list                       required  Where the jar stands."],
        ["patience", "duration                   3s        How long to look."],
        ["password", "secret text                          For the lid."],
        ["threshold", "whole number, more than 0  10        Marbles for one replica."],
        ["weight", "number                     1.5       Of one marble."],
        ["glass", "true or false              true      Whether one can look inside."],
        ["colour", "red | green                red       Which marbles count."],
    ]


def test_a_key_is_explained_wherever_there_is_one() -> None:
    assert [(each.name, [key.keys[0] for key in each.keys]) for each in explained("addresses", topics(JAR))] == [
        ("jar", ["address"])
    ]
    assert [each.name for each in explained("interval", topics(JAR))] == [OUR_OWN]
    assert [key.keys[0] for each in explained("limits", topics(JAR)) for key in each.keys] == [
        "limits.triggers",
        "limits.forgetAfter",
    ]


@pytest.mark.parametrize(
    ("topic", "near"), [("jra", "jar"), ("treshold", "threshold"), ("limits.trigers", "limits.triggers")]
)
def test_what_is_not_known_names_the_nearest(topic: str, near: str) -> None:
    with pytest.raises(ConfigError, match=f"{topic!r}, did you mean '{near}'"):
        explained(topic, topics(JAR))


def test_programs_get_all_of_it(capsys: pytest.CaptureFixture[str]) -> None:
    show_overview(topics(JAR), Output.JSON)
    found = json.loads(capsys.readouterr().out)
    assert [each["name"] for each in found] == ["jar", "every kind", "configuration"]
    assert found[0]["keys"][0]["keys"] == ["address", "addresses"]


def test_every_key_of_every_installed_kind_has_words() -> None:
    catalogue = installed()
    assert not catalogue.broken
    known = {each.name: each for each in topics(catalogue)}
    for name, kind in catalogue.kinds.items():
        assert known[name].description
        assert [key for each in known[name].keys for key in each.keys] == list(keys_of(kind.params))
    wordless = [(name, each.keys) for name, topic in known.items() for each in topic.keys if not each.description]
    assert wordless == []
