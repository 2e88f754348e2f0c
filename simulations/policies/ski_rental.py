"""How long to keep a pod that has nothing to do: the ski-rental problem, as waiting on and starting cold both cost.

While a pod idles nobody knows whether work comes in the next second or never. Keeping it until its idling has cost as
much as a cold start costs at most twice what somebody pays who knows the future, and no fixed rule does better; drawing
the time at random costs e/(e-1) of it in the mean, against arrivals that do not look at the draw (Karlin, Manasse,
McGeoch and Owicki 1994).
"""

from math import e, log1p

DETERMINISTIC = 2.0
RANDOMISED = e / (e - 1.0)
"""What the two rules cost at most, as a multiple of what hindsight costs."""


def break_even(cold: float, idle: float) -> float:
    """Return the seconds of idling that cost what a cold start costs: ``cold`` a start, ``idle`` (above 0) a second."""
    return cold / idle


def drawn(even: float, draw: float) -> float:
    """Return a cooldown of at most ``even`` seconds for a ``draw`` that is uniform in 0 to 1.

    Its density at t is e^(t/even) / (even * (e - 1)).
    """
    return even * log1p(draw * (e - 1.0))


def paid(gap: float, cooldown: float, even: float) -> float:
    """Return what one gap costs, in seconds of idling: to its end, or the cooldown and a cold start."""
    return gap if gap <= cooldown else cooldown + even
