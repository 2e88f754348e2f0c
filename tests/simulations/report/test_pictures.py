import json
from dataclasses import replace
from math import inf, nan
from typing import Any

import pytest

from simulations.figures import Cause, Move
from simulations.report import Bound, Study
from simulations.report.pictures import Picture, pictures
from simulations.report.pictures.timeline import MOVES as MOST_MOVES
from tests.simulations.report.sample import MOVES, case, full, lived, outcome, study
from tests.simulations.sample import HOUR


def _drawn(made: Study) -> dict[str, Picture]:
    return {each.key: each for each in pictures(made)}


def _view(made: Study, key: str, view: int = 0) -> Any:
    return list(_drawn(made)[key].views.values())[view]


def test_everything_is_drawn_where_there_is_everything() -> None:
    assert list(_drawn(full())) == ["pareto", "timeline", "waits", "regret", "sensitivity"]


def test_a_picture_that_would_say_nothing_is_not_there() -> None:
    assert pictures(study(case("a"))) == ()
    assert list(_drawn(study(case("a"), case("b")))) == ["pareto"]
    assert list(_drawn(study(outcome=outcome(replace(lived(), timeline=None))))) == []


@pytest.mark.parametrize("value", [nan, inf])
def test_what_cannot_be_drawn_is_a_gap(value: float) -> None:
    broken = case("a")
    broken = replace(broken, seeds=(replace(broken.seeds[0], wait_p99=value, wait_poll=value),))
    made = study(broken, case("b"), present="a", oracle=(Bound(missed_ratio=0.0, warm_gib_s=value),))
    json.dumps([each.views for each in pictures(made)], allow_nan=False)


def test_the_present_and_the_recommended_are_points_of_their_own() -> None:
    made = study(case("a", (9.0,)), case("b", (1.0,), 3.0), case("c", (20.0,), 9.0), present="a", recommended="b")
    groups = {trace["name"]: trace for trace in _view(made, "pareto")["data"] if "name" in trace}
    assert {name: (each["x"], each["y"]) for name, each in groups.items()} == {
        "beaten by another one": ([9.0], [20.0]),
        "at present": ([2.0], [9.0]),
        "recommended": ([3.0], [1.0]),
    }
    assert groups["recommended"]["marker"]["symbol"] == "star"


def test_intervals_are_bars_that_do_not_go_below_zero() -> None:
    made = study(case("a", (0.0, 4.0)), case("b", (1.0, 1.0), 3.0))
    bars = [trace["error_y"] for trace in _view(made, "pareto")["data"] if "error_y" in trace]
    assert [(bar["visible"], bar["arrayminus"][0]) for bar in bars] == [(True, 2.0)]


def test_every_change_of_the_replicas_has_its_reason() -> None:
    made = study(outcome=outcome(lived(moves=MOVES)))
    marks = [trace for trace in _view(made, "timeline")["data"] if trace["yaxis"] == "y4"]
    assert [(trace["name"], trace["customdata"]) for trace in marks] == [
        ("KEDA wakes", ["0 → 1: a trigger is active: out of zero or idle"]),
        ("KEDA puts to sleep", ["4 → 0: inactive for longer than the cooldown"]),
        ("HPA up", ["1 → 4: no faster scale-up is allowed"]),
    ]
    assert marks[0]["x"] == [5 / 60]


def test_every_cause_has_its_place_in_the_strip() -> None:
    moves = [Move(at=1, before=0, after=1, cause=cause, why="x") for cause in Cause]
    marks = [t for t in _view(study(outcome=outcome(lived(moves=moves))), "timeline")["data"] if t["yaxis"] == "y4"]
    assert len(marks) == len(Cause)


def test_of_very_many_changes_a_sample_is_drawn_and_said_to_be_one() -> None:
    made = study(outcome=outcome(lived(moves=MOVES[:1] * (3 * MOST_MOVES))))
    marks = [trace for trace in _view(made, "timeline")["data"] if trace["yaxis"] == "y4"]
    assert 0 < len(marks[0]["x"]) <= MOST_MOVES
    assert "a sample is drawn" in _drawn(made)["timeline"].note


def test_a_timeline_is_of_the_calendar_where_that_matters() -> None:
    made = study(outcome=outcome(), wall=1.75e9)
    layout, first = _view(made, "timeline")["layout"], _view(made, "timeline")["data"][0]
    assert (layout["xaxis"]["type"], first["x0"], first["dx"]) == ("date", "2025-06-15 15:07:40.000000", 60_000.0)


def test_the_busiest_of_a_thousand_functions_are_drawn() -> None:
    functions = [replace(lived(f"f{n}", bins=3), arrived=n) for n in range(1000)]
    picture = _drawn(study(outcome=outcome(*functions)))["timeline"]
    assert list(picture.views)[:2] == ["f999", "f998"]
    assert "988 others are not drawn" in picture.note


def test_the_wait_is_split_by_what_it_was_for() -> None:
    made = study(case("a", blamed=(100_000_000, 0, 0, 0, 300_000_000, 0)))
    assert [(trace["name"], trace["x"]) for trace in _view(made, "waits")["data"]] == [
        ("KEDA's next poll", [1.0]),
        ("its turn", [3.0]),
    ]


def _swept(**keys: tuple[int, ...]) -> Study:
    names, values = list(keys), [()]
    for each in keys.values():
        values = [(*before, value) for before in values for value in each]  # type: ignore[misc]
    cases = [case(str(value), (float(sum(value)),), settings=dict(zip(names, value, strict=True))) for value in values]
    return study(*cases)


def test_one_setting_is_a_curve_in_its_order() -> None:
    plot = _view(_swept(size=(10, 9, 30)), "sensitivity")
    assert (plot["data"][0]["x"], plot["data"][0]["y"]) == (["9", "10", "30"], [9.0, 10.0, 30.0])


def test_two_settings_are_a_heat_map() -> None:
    plot = _view(_swept(size=(1, 2), cooldown=(30, 60)), "sensitivity")
    assert plot["data"][0]["z"] == [[31.0, 32.0], [61.0, 62.0]]


def test_more_settings_are_a_tornado_with_the_widest_on_top() -> None:
    plot = _view(_swept(size=(1, 2), cooldown=(30, 60), poll=(5, 9)), "sensitivity")
    assert plot["layout"]["yaxis"]["ticktext"] == ["size", "poll", "cooldown"]
    assert plot["data"][0]["x"] == [1.0, 4.0, 30.0]


def test_regret_is_drawn_from_the_smallest_on() -> None:
    kept = [case(name, hits=1, warm_time=hours * HOUR) for name, hours in (("a", 3), ("b", 1))]
    made = study(*kept, case("none"), oracle=(Bound(missed_ratio=0.0, warm_gib_s=0.0),))
    plot = _view(made, "regret")
    assert (plot["layout"]["yaxis"]["ticktext"], plot["data"][0]["x"]) == (["b", "a"], [1.0, 3.0])
    assert "1 policies are not drawn" in _drawn(made)["regret"].note
