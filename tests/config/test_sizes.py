"""What the configuration says of a pool's size becomes the rules that decide it, and a change becomes words."""

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from scaler.config.pools import PoolSection, difference, largest, sizing
from scaler.config.reading import load
from scaler.model import Instant
from scaler.policy.warmth import Auto, Fixed, Measured, Period, Scheduled, Sizing, begun, step
from tests.config.kinds import KINDS

NOW, HOUR = Instant(1e6), 3600.0
MONDAY_AT_NINE = datetime(2026, 1, 5, 8, tzinfo=UTC)  # in Berlin

FUNCTIONS = "functions: {namespace: shop, deployment: jar}"
WINDOWS = (
    "{cron: 0 8 * * 1-5, duration: 10h, timeZone: Europe/Berlin, size: 3}, {cron: 0 0 * * *, duration: 1m, size: 5}"
)


def pool(text: str = "") -> PoolSection:
    return pools(jars=text)["jars"]


def pools(**texts: str) -> Any:
    listed = ", ".join(f"{name}: {{{FUNCTIONS}{', ' if text else ''}{text}}}" for name, text in texts.items())
    return load(f"version: 1\npools: {{{listed}}}\n".encode(), KINDS).pools


@pytest.mark.parametrize(
    ("text", "meant", "size"),
    [
        pytest.param("", Fixed(size=1), 1, id="left out"),
        pytest.param("size: {fixed: 0}", Fixed(size=0), 0, id="none"),
        pytest.param("size: {fixed: 7}", Fixed(size=7), 7, id="fixed"),
        pytest.param("size: {auto: {}}", Auto(), 10, id="the defaults of the rules are those of the configuration"),
        pytest.param(
            "size: {auto: {missRatio: 0.01, floor: 2, ceiling: 20, budget: 1.5Gi}}",
            Auto(miss_ratio=0.01, floor=2, ceiling=20, budget=3 * 2**29),
            20,
            id="auto",
        ),
        pytest.param(
            f"size: {{schedule: [{WINDOWS}], otherwise: 1}}",
            Scheduled(
                periods=(
                    Period(begin=Instant(NOW - HOUR), end=Instant(NOW + 9 * HOUR), size=3),
                    Period(begin=Instant(NOW + 16 * HOUR), end=Instant(NOW + 16 * HOUR + 60), size=5),
                    Period(begin=Instant(NOW + 23 * HOUR), end=Instant(NOW + 33 * HOUR), size=3),
                ),
                otherwise=1,
                until=Instant(NOW + 24 * HOUR),
            ),
            5,
            id="schedule",
        ),
        pytest.param(
            "size: {schedule: [{cron: 0 8 * * 0, duration: 1h, size: 0}], otherwise: 4}",
            Scheduled(periods=(), otherwise=4, until=Instant(NOW + 24 * HOUR)),
            4,
            id="a schedule that lowers",
        ),
    ],
)
def test_a_size(text: str, meant: Sizing, size: int) -> None:
    section = pool(text).size
    found = sizing(section, NOW, lambda: MONDAY_AT_NINE)
    if isinstance(found, Scheduled):
        found = replace(found, periods=tuple(sorted(found.periods, key=lambda each: each.begin)))
    assert (found, largest(section)) == (meant, size)


def test_a_schedule_is_about_the_wall_clock_of_now() -> None:
    found = sizing(pool("size: {schedule: [{cron: '* * * * *', duration: 1h, size: 4}]}").size, NOW)
    assert step(begun(0, NOW), found, Measured(), NOW).size == 4


def test_a_size_may_be_confirmed() -> None:
    assert pool().confirm is None
    assert pool("size: {fixed: 50}, confirm: 50").confirm == 50


@pytest.mark.parametrize(
    ("before", "after", "told"),
    [
        pytest.param({"a": "size: {fixed: 3}"}, {"a": "size: {fixed: 3}"}, [], id="nothing"),
        pytest.param({"a": "size: {fixed: 3}"}, {"a": "size: {fixed: 5}"}, ["a: size.fixed 3 -> 5"], id="a size"),
        pytest.param({}, {"a": ""}, ["a: new"], id="new"),
        pytest.param({"b": "", "a": ""}, {"b": ""}, ["a: removed"], id="removed"),
        pytest.param(
            {"a": "size: {fixed: 3}"},
            {"a": "size: {auto: {ceiling: 5}}, confirm: 5"},
            [
                "a: confirm none -> 5",
                "a: size.auto.ceiling none -> 5",
                "a: size.auto.floor none -> 0",
                "a: size.auto.missRatio none -> 0.05",
                "a: size.fixed 3 -> none",
            ],
            id="another rule",
        ),
        pytest.param(
            {"a": f"size: {{schedule: [{WINDOWS}]}}, maxAge: 1h"},
            {"a": f"size: {{schedule: [{WINDOWS.replace('10h', '9h30m')}]}}, maxAge: 90m, refill: {{rate: 0.5}}"},
            ["a: maxAge 3600s -> 5400s", "a: refill.rate 1 -> 0.5", "a: size.schedule[0].duration 36000s -> 34200s"],
            id="times and numbers",
        ),
        pytest.param(
            {"b": "check: {tcp: 80}", "a": "handoff: bridge"},
            {"a": "handoff: adopt", "b": "check: {http: {port: 80, path: /ready}}"},
            [
                "a: handoff bridge -> adopt",
                "b: check.http.path none -> /ready",
                "b: check.http.port none -> 80",
                "b: check.tcp 80 -> none",
            ],
            id="two pools",
        ),
    ],
)
def test_a_difference_is_told(before: dict[str, str], after: dict[str, str], told: list[str]) -> None:
    assert difference(pools(**before), pools(**after)) == told


def test_whose_pods_are_meant_is_part_of_the_difference() -> None:
    before, after = (
        PoolSection.model_validate({"functions": {"namespace": "shop", **found}})
        for found in ({"selector": {"matchLabels": {"app": "jar"}}}, {"openFunction": True})
    )
    assert difference({"a": before}, {"a": after}) == [
        "a: functions.openFunction none -> true",
        "a: functions.selector.matchLabels.app jar -> none",
    ]
