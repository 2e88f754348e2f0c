"""Whole policies by name, to be laid over any world: the same functions and requests, scaled in another way.

Each keeps what a scenario says and the policy does not speak of: the HPA's behavior, the refill of a pool, incidents.
Where a policy is of KEDA its ScaledObject is kept too, but for what the policy is about.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields
from difflib import get_close_matches
from typing import Any, Final

from scaler.errors import ConfigError
from simulations.model import KnativeRules, Sizer, World
from simulations.policies import pools, replicas
from simulations.policies.forecast import ForecastRules
from simulations.policies.histogram import HistogramRules
from simulations.policies.options import Options, camel
from simulations.policies.pools import AutoRules, FixedRules, TimetableRules
from simulations.policies.reactive import ReactiveRules
from simulations.policies.replicas import KeepRules, RentRules, ReplicaRules
from simulations.policies.seasonal import SeasonalRules


@dataclass(frozen=True, slots=True, kw_only=True)
class Overlay:
    """One policy: what it is, in a line; how to lay it over a world; and the records of its options, all with defaults.

    ``lay`` raises ``ConfigError`` for options that it does not have.
    """

    about: str
    lay: Callable[[World, Options], World]
    rules: tuple[type[Any], ...] = ()

    @property
    def options(self) -> Options:
        """Every option with its default."""
        return {camel(each.name): getattr(rules(), each.name) for rules in self.rules for each in fields(rules)}


def laid(name: str, world: World, options: Options | None = None) -> World:
    """Return ``world`` under the policy ``name``; ``ConfigError`` for a name or an option that there is not."""
    if name not in OVERLAYS:
        near = get_close_matches(name, OVERLAYS, 1)
        hint = f"did you mean '{near[0]}'?" if near else f"there are {', '.join(OVERLAYS)}"
        raise ConfigError([f"unknown policy '{name}', {hint}"])
    return OVERLAYS[name].lay(world, options or {})


_AUTO: Final = (AutoRules,)

OVERLAYS: Final[Mapping[str, Overlay]] = {
    "fixed-replicas": Overlay(
        about="always as many replicas as the peak needs", lay=replicas.fixed_replicas, rules=(ReplicaRules,)
    ),
    "keda-poll": Overlay(about="KEDA asks every pollingInterval, no warm pods", lay=replicas.keda_poll),
    "keda-push": Overlay(about="KEDA is told at once, no warm pods", lay=replicas.keda_push),
    "pool-fixed": Overlay(about="push, and always so many warm pods", lay=pools.pool_fixed, rules=(FixedRules,)),
    "pool-auto": Overlay(about="push, and as many warm pods as wake-ups need", lay=pools.pool_auto, rules=_AUTO),
    "pool-scheduled": Overlay(
        about="push, and warm pods in the busy hours", lay=pools.pool_scheduled, rules=(TimetableRules,)
    ),
    "pool-forecast": Overlay(
        about="as pool-auto, raised by a Holt-Winters forecast",
        lay=pools.with_sizer("pool-forecast", Sizer.FORECAST, ForecastRules),
        rules=(ForecastRules, AutoRules),
    ),
    "pool-seasonal": Overlay(
        about="as pool-auto, raised by what this hour of the days before needed",
        lay=pools.with_sizer("pool-seasonal", Sizer.SEASONAL, SeasonalRules),
        rules=(SeasonalRules, AutoRules),
    ),
    "keep-alive": Overlay(
        about="push, and kept for a while after the last request", lay=replicas.keep_alive, rules=(KeepRules,)
    ),
    "histogram": Overlay(
        about="push, and warm when the next wake-up is due: Serverless in the Wild",
        lay=pools.with_sizer("histogram", Sizer.HISTOGRAM, HistogramRules),
        rules=(HistogramRules, AutoRules),
    ),
    "knative": Overlay(about="Knative's pod autoscaler, no warm pods", lay=replicas.knative, rules=(KnativeRules,)),
    "openwhisk-reactive": Overlay(
        about="push, and a stock that cold starts raise: OpenWhisk",
        lay=pools.with_sizer("openwhisk-reactive", Sizer.REACTIVE, ReactiveRules),
        rules=(ReactiveRules, AutoRules),
    ),
    "ski-rental": Overlay(
        about="push, and kept until idling costs a cold start", lay=replicas.ski_rental, rules=(RentRules,)
    ),
    "foreseen": Overlay(about="KEDA is told of every burst a start before it comes", lay=replicas.foreseen),
}
"""Every policy by its name."""
