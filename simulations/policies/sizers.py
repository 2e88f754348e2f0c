"""Who decides how many pods are warm, beside the pool's own rules: one object per function and run."""

from typing import Protocol, assert_never

from scaler.policy.warmth import Measured
from simulations.model import Pool, Sizer
from simulations.policies.forecast import Forecast
from simulations.policies.histogram import Histogram
from simulations.policies.options import read
from simulations.policies.raising import Bounds
from simulations.policies.reactive import Reactive
from simulations.policies.seasonal import Seasonal

Size = tuple[int, str]
"""How many pods are to be warm, and why, in words and numbers."""


class SizerRule(Protocol):
    """What sizes the warm pods of one function. Instants are seconds on one clock that never goes backwards."""

    def woke(self, at: float, pods: int, missed: int) -> None:
        """Hear that ``pods`` replicas more were wanted at once, and that ``missed`` of them found no warm pod."""

    def decide(self, now: float, base: Size, measured: Measured) -> Size:
        """Return the size from ``now`` on, where the pool's own rules say ``base``."""

    def next_at(self, now: float) -> float:
        """Return when the size could change without news; infinity for never."""


def sizer(pool: Pool, name: str, begun: float) -> SizerRule | None:
    """Return the sizer of function ``name``, ``None`` where the pool's own rules decide.

    Raises ``ConfigError`` with everything that is wrong with the pool's options.
    """
    about = f"{pool.sizer} sizer of {name}"
    match pool.sizer:
        case Sizer.CONFIGURED:
            return None
        case Sizer.REACTIVE:
            return Reactive(read(Reactive.Rules, pool.options, about), begun)
        case Sizer.HISTOGRAM:
            return Histogram(read(Histogram.Rules, pool.options, about), Bounds.of(pool.section.size))
        case Sizer.FORECAST:
            return Forecast(read(Forecast.Rules, pool.options, about), Bounds.of(pool.section.size), begun)
        case Sizer.SEASONAL:
            return Seasonal(read(Seasonal.Rules, pool.options, about), Bounds.of(pool.section.size), begun)
        case _:
            assert_never(pool.sizer)
