"""What may go wrong between a ScaledObject, its HPA and the load of the function."""

from collections.abc import Callable, Iterator
from math import ceil
from typing import Final

from simulations.hazards.load import Load
from simulations.hazards.model import Hazard
from simulations.hpa import Policy, PolicyKind, ScalingRules, Select, TargetKind
from simulations.jobs import spec_of
from simulations.model import Backlog, Counts, Function

SYNC: Final = 15.0
"""Seconds between two syncs of the HPA."""
SLOW: Final = 300.0
"""Seconds from one replica to the most beyond which scaling up is called slow."""

Rule = Callable[[Function, Load], Iterator[Hazard]]


def cooldown(function: Function, _: Load) -> Iterator[Hazard]:
    """Find cooldowns that do not fit the memory of the HPA, or the polls of KEDA."""
    scaled, memory = function.scaled, function.hpa.downscale_window
    if function.hpa.behavior is None and scaled.min_replicas == 0 and scaled.cooldown < memory:
        yield Hazard(
            key="cooldown-below-memory",
            of=function.name,
            what=f"After {scaled.cooldown:g} s of silence KEDA goes to zero, and the HPA remembers for {memory:g} s "
            "what it last asked for: one event in between brings all the replicas of the last burst back.",
            right="Set advanced.horizontalPodAutoscalerConfig.behavior, if only to {}: then the HPA may hold replicas, "
            f"but brings none back. Or set a cooldownPeriod of {memory:g} or more.",
            numbers={"cooldown": scaled.cooldown, "memory": memory},
        )
    pushed = any(trigger.push for trigger in scaled.triggers)
    if scaled.min_replicas == 0 and scaled.polling_interval > scaled.cooldown and not pushed:
        yield Hazard(
            key="poll-above-cooldown",
            of=function.name,
            what=f"KEDA looks every {scaled.polling_interval:g} s, longer than the cooldown of {scaled.cooldown:g} s: "
            "the first look that finds nothing puts the function to sleep, whatever came and went since the last one.",
            right=f"Set pollingInterval to {scaled.cooldown / 2:g} or less, or a cooldownPeriod of "
            f"{2 * scaled.polling_interval:g} or more.",
            numbers={"polling_interval": scaled.polling_interval, "cooldown": scaled.cooldown},
        )


def target(function: Function, load: Load) -> Iterator[Hazard]:
    """Find targets that every request moves beyond, or none."""
    spec, tolerance = function.hpa, function.hpa.tolerance_up
    counted = [
        metric
        for metric, trigger in zip(spec.metrics, function.triggers, strict=False)
        if isinstance(trigger.source, Backlog)
    ]
    for metric in counted:
        asked = metric.target / 1000
        pods = spec.max_replicas if metric.kind is TargetKind.AVERAGE_VALUE else 1
        if asked * pods * tolerance < 1 and spec.max_replicas > 1:
            yield Hazard(
                key="target-below-tolerance",
                of=function.name,
                what=f"With a target of {asked:g} the tolerance of {tolerance:.0%} never holds: at {pods} replicas, "
                "too, one request more or less is another number of replicas.",
                right=f"Set a target of {1 / (tolerance * pods):.3g} or more, or a stabilizationWindowSeconds for what "
                "moves too often.",
                numbers={"target": asked, "tolerance": tolerance, "replicas": pods},
            )
    lowest = min((metric.target / 1000 for metric in counted), default=0.0)
    if load.busiest > 1 and load.arrivals <= lowest * (1 + tolerance):
        held = lowest * load.service / function.concurrency
        yield Hazard(
            key="target-above-load",
            of=function.name,
            what=f"The busiest minute needs {load.busiest:.1f} pods, and all of its {load.arrivals} requests are "
            f"within a target of {lowest:g}: one replica stays alone, with up to {held:.0f} s of work before it.",
            right=f"Set a target of at most {max(1, int(load.arrivals / ceil(load.busiest)))}.",
            numbers={"target": lowest, "busiest": load.busiest, "arrivals": load.arrivals},
        )


def limits(function: Function, load: Load) -> Iterator[Hazard]:
    """Find bounds that leave no room."""
    scaled = function.scaled
    if scaled.min_replicas > scaled.max_replicas:
        yield Hazard(
            key="min-above-max",
            of=function.name,
            what=f"minReplicaCount {scaled.min_replicas} is above maxReplicaCount {scaled.max_replicas}: KEDA refuses "
            "the ScaledObject, and nothing scales.",
            right=f"Set maxReplicaCount to {scaled.min_replicas} or more.",
            numbers={"min": scaled.min_replicas, "max": scaled.max_replicas},
        )
    most = scaled.max_replicas if function.job is None else spec_of(function.job).limit
    if load.busiest > most:
        yield Hazard(
            key="max-below-peak",
            of=function.name,
            what=f"The busiest minute keeps {load.busiest:.1f} pods busy, and maxReplicaCount is {most}: "
            "the backlog grows until the load is gone.",
            right=f"Set maxReplicaCount to {ceil(1.25 * load.busiest)} or more (a quarter in reserve).",
            numbers={"busiest": load.busiest, "max": most},
        )
    if scaled.idle_replicas is not None and scaled.idle_replicas != 0:
        yield Hazard(
            key="idle-replicas",
            of=function.name,
            what=f"With idleReplicaCount {scaled.idle_replicas} the two controllers fight: KEDA goes to "
            f"{scaled.idle_replicas} when all is quiet, and the HPA back to minReplicaCount {scaled.min_replicas} at "
            "its next sync.",
            right="Set idleReplicaCount to 0, the only value that KEDA supports, or leave it out.",
            numbers={"idle": scaled.idle_replicas, "min": scaled.min_replicas},
        )


def outages(function: Function, _: Load) -> Iterator[Hazard]:
    """Find fallbacks that do not do what they are there for."""
    fallback = function.scaled.fallback
    if fallback is None:
        return
    if fallback.replicas == 0:
        yield Hazard(
            key="fallback-zero",
            of=function.name,
            what="With fallback.replicas 0 an error of the source counts as silence, whatever fallback.behavior says: "
            "after the cooldown the function goes down while its work waits.",
            right="Set fallback.replicas to 1 or more, or leave fallback out: then KEDA leaves replicas as they are.",
            numbers={"replicas": 0},
        )
    if any(trigger.push for trigger in function.scaled.triggers):
        yield Hazard(
            key="fallback-unreachable",
            of=function.name,
            what=f"The fallback to {fallback.replicas} replicas comes after more than {fallback.failure_threshold} "
            "failed answers, but a scaler that cannot be reached gives no answer that counts: then it never comes.",
            right="Run two replicas of the scaler with a PodDisruptionBudget; it holds what it last knew by itself.",
            numbers={"replicas": fallback.replicas, "failure_threshold": fallback.failure_threshold},
        )


def behaviour(function: Function, load: Load) -> Iterator[Hazard]:
    """Find behaviour of the HPA that holds back what the load needs."""
    if function.hpa.behavior is None:
        return
    up, down, most = function.hpa.behavior.up, function.hpa.behavior.down, function.hpa.max_replicas
    for name, rules, result in (
        ("up", up, "the HPA never adds a replica: there are those that KEDA starts with"),
        ("down", down, "the HPA never takes a replica away: after a burst all of them stay until KEDA goes to zero"),
    ):
        if rules.select is Select.DISABLED:
            yield Hazard(
                key=f"scale-{name}-disabled",
                of=function.name,
                what=f"With scale{name.capitalize()}.selectPolicy Disabled {result}.",
                right=f"Set scale{name.capitalize()}.selectPolicy to Max, and policies that are slow enough.",
            )
    takes = climb(up, most)
    if up.select is not Select.DISABLED and takes > SLOW:
        yield Hazard(
            key="scale-up-slow",
            of=function.name,
            what=f"With selectPolicy {up.select} the policies of scaleUp need {takes / 60:.0f} minutes from 1 replica "
            f"to {most}.",
            right="Set scaleUp.selectPolicy to Max, or allow more in a period.",
            numbers={"seconds": takes, "replicas": most},
        )
    start = max(1, function.scaled.min_replicas)
    if up.window and load.busiest > start:
        yield Hazard(
            key="scale-up-stabilised",
            of=function.name,
            what=f"A burst has to last for {up.window:g} s before the HPA believes it, and the busiest minute needs "
            f"{load.busiest:.1f} pods where {start} would be.",
            right="Set scaleUp.stabilizationWindowSeconds to 0.",
            numbers={"window": up.window, "busiest": load.busiest},
        )


def climb(rules: ScalingRules, most: int) -> float:
    """Return the seconds that the rate policies take from one replica to ``most``, without any other delay."""
    takes = [_climb(policy, most) for policy in rules.policies]
    return (max if rules.select is Select.MIN else min)(takes, default=0.0)


def _climb(policy: Policy, most: int) -> float:
    replicas, passed = 1, 0.0
    while replicas < most:
        replicas, passed = _after(policy, replicas), passed + policy.period
    return passed


def _after(policy: Policy, replicas: int) -> int:
    more = policy.value if policy.kind is PolicyKind.PODS else ceil(replicas * policy.value / 100)
    return replicas + max(1, more)


def metrics(function: Function, _: Load) -> Iterator[Hazard]:
    """Find metrics that tell the HPA, or KEDA, too late or too little."""
    scaled = function.scaled
    for spec, trigger in zip(scaled.triggers, function.triggers, strict=False):
        asked, activation = spec.metric.target / 1000, trigger.rules.activation
        if spec.metric.kind is TargetKind.VALUE and scaled.min_replicas == 0 and scaled.max_replicas > 1:
            yield Hazard(
                key="value-from-zero",
                of=function.name,
                what="With metricType Value the HPA multiplies by the replicas that are ready: out of zero there are "
                "none until the first one has started, and only then does it see how many are needed.",
                right="Set metricType AverageValue (and a target for each replica), or a minReplicaCount of 1.",
            )
        if spec.cached and scaled.polling_interval > SYNC:
            yield Hazard(
                key="cached-metrics-old",
                of=function.name,
                what=f"With useCachedMetrics the HPA, which looks every {SYNC:g} s, sees what KEDA saw up to "
                f"{scaled.polling_interval:g} s ago: a burst is noticed that much later.",
                right=f"Leave useCachedMetrics out (readings are shared anyway), or set pollingInterval to {SYNC:g}.",
                numbers={"polling_interval": scaled.polling_interval, "sync": SYNC},
            )
        if activation > asked:
            yield Hazard(
                key="activation-above-target",
                of=function.name,
                what=f"The function wakes above {activation:g} only, more than one replica is to have ({asked:g}): up "
                f"to {activation:g} wait for as long as no more come.",
                right=f"Set the activation to 0, or at least below {asked:g}.",
                numbers={"activation": activation, "target": asked},
            )


def jobs(function: Function, _: Load) -> Iterator[Hazard]:
    """Find strategies of a ScaledJob that expect another count than the source gives."""
    job = function.job
    counts = {trigger.source.counts for trigger in function.triggers if isinstance(trigger.source, Backlog)}
    if job is None:
        return
    if job.strategy == "accurate" and Counts.UNFINISHED in counts:
        yield Hazard(
            key="accurate-counts-running",
            of=function.name,
            what="Strategy accurate takes the backlog for work that no Job has, and the source counts what is in "
            "service, too: every running Job makes KEDA start another one at the next poll.",
            right="Set scalingStrategy.strategy to default, which takes the running Jobs off.",
        )
    if job.strategy == "default" and counts == {Counts.WAITING}:
        yield Hazard(
            key="default-misses-waiting",
            of=function.name,
            what="Strategy default takes the running Jobs off the backlog, and the source does not count what is in "
            "service: as many requests as Jobs run get no Job until these are done.",
            right="Set scalingStrategy.strategy to accurate.",
        )


OF_REPLICAS: Final[tuple[Rule, ...]] = (cooldown, target, limits, outages, behaviour, metrics)
"""What is looked for where KEDA and the HPA scale."""
OF_JOBS: Final[tuple[Rule, ...]] = (limits, jobs)
"""What is looked for in a ScaledJob."""
