"""The HPA's rules once more, as plainly as they can be put: one mutable object, no records, no sharing of code.

The model is compared with it over random lives (test_sync.py). It is written from the rules' description, not from the
model; whoever changes one of the two has to say why the other was wrong.
"""

import math
from collections.abc import Callable, Sequence
from typing import Any


class PlainHpa:
    """One HPA; times are whole milliseconds.

    ``config``: min, max, edge, tolerance, downscale (seconds), and behavior: ``None``, or two dicts (up, down) of
    window (seconds), select and policies (kind, value, seconds).
    """

    def __init__(self, config: dict[str, Any]) -> None:
        self.config = config
        self.met = False
        self.recommendations: list[list[int]] = []
        self.events: dict[str, list[list[int]]] = {"up": [], "down": []}

    def sync(self, now: int, spec: int, pods: tuple[int, int], metrics: Sequence[tuple[str, int, int | None]]) -> int:
        """Return the new ``spec.replicas``; ``pods`` exist and are ready, ``metrics`` are (kind, target, total)."""
        low, high = self.config["min"], self.config["max"]
        if not self.met:
            self.met, self.recommendations = True, [[now, spec]]
        if spec == 0 and low != 0:
            return 0
        if spec > high or spec < low:
            desired: int = high if spec > high else low
        else:
            raw = self.wanted(spec, pods, metrics)
            if raw is None:
                return spec
            desired = self.legacy(now, spec, raw) if self.config["behavior"] is None else self.modern(now, spec, raw)
        if desired != spec and self.config["behavior"] is not None:
            self.remember_event(now, desired - spec)
        return desired

    def wanted(self, spec: int, pods: tuple[int, int], metrics: Sequence[tuple[str, int, int | None]]) -> int | None:
        asked = [self.one(spec, pods, metric) for metric in metrics]
        good = [proposal for proposal in asked if proposal is not None]
        if not good or (len(good) < len(asked) and max(good) < spec):
            return None
        return max(0, *good)

    def one(self, spec: int, pods: tuple[int, int], metric: tuple[str, int, int | None]) -> int | None:
        (status, ready), (kind, target, total) = pods, metric
        if total is None:
            return None
        ratio = total / target
        if kind == "AverageValue":
            if status != 0 and self.close(total / (float(target) * status)):
                return status
            return math.ceil(ratio)
        if spec == 0:
            return math.ceil(ratio)
        if self.close(ratio):
            return spec
        return math.ceil(ratio * ready) if status else None

    def close(self, ratio: float) -> bool:
        tolerance: float = self.config["tolerance"]
        if self.config["edge"] == "abs":
            return abs(1.0 - ratio) <= tolerance
        return 1.0 - tolerance <= ratio <= 1.0 + tolerance

    def legacy(self, now: int, spec: int, raw: int) -> int:
        window = self.config["downscale"] * 1000
        stable = max([raw, *(value for at, value in self.recommendations if now - at <= window)])
        self.remember(now, raw, lambda at: now - at > window)
        low, high = self.config["min"], min(self.config["max"], max(2 * spec, 4))
        return low if stable < low else min(stable, high)

    def modern(self, now: int, spec: int, raw: int) -> int:
        up, down = self.config["behavior"]
        up_window = up["window"] * 1000
        down_window = (self.config["downscale"] if down["window"] is None else down["window"]) * 1000
        lowest = min([raw, *(value for at, value in self.recommendations if now - at < up_window)])
        highest = max([raw, *(value for at, value in self.recommendations if now - at < down_window)])
        self.remember(now, raw, lambda at: now - at > up_window and now - at > down_window)
        stable = min(max(spec, lowest), highest)
        if stable > spec:
            return min(stable, self.config["max"], max(spec, self.fastest(now, spec, up, 1)))
        if stable < spec:
            return max(stable, self.config["min"], min(spec, self.fastest(now, spec, down, -1)))
        return stable

    def remember(self, now: int, raw: int, too_old: Callable[[int], bool]) -> None:
        old = [slot for slot, (at, _) in enumerate(self.recommendations) if too_old(at)]
        if old:
            self.recommendations[old[-1]] = [now, raw]
        else:
            self.recommendations.append([now, raw])

    def fastest(self, now: int, spec: int, rules: dict[str, Any], sign: int) -> int:
        if rules["select"] == "Disabled":
            return spec
        limits = []
        for kind, value, period in rules["policies"]:
            start = spec
            start -= sum(change for at, change, _ in self.events["up"] if now - at < period * 1000)
            start += sum(change for at, change, _ in self.events["down"] if now - at < period * 1000)
            if kind == "Pods":
                limits.append(start + sign * value)
            elif sign > 0:
                limits.append(math.ceil(start * (1 + value / 100)))
            else:
                limits.append(math.trunc(start * (1 - value / 100)))
        most_change = (rules["select"] == "Max") == (sign > 0)
        return max(limits) if most_change else min(limits)

    def remember_event(self, now: int, change: int) -> None:
        way, rules = ("up", self.config["behavior"][0]) if change > 0 else ("down", self.config["behavior"][1])
        longest = max(period for _, _, period in rules["policies"]) * 1000
        events = self.events[way]
        for event in events:
            event[2] = int(event[2] or now - event[0] > longest)
        old = [slot for slot, event in enumerate(events) if event[2]]
        if old:
            events[old[-1]] = [now, abs(change), 0]
        else:
            events.append([now, abs(change), 0])
