"""How many warm pods, and when: the pool section of the ConfigMap that does with the least idle memory, and why.

Wake-ups are measured in a run of today's configuration. Sizes follow from them by a quick replay of the stock alone
(:mod:`~simulations.recommend.replay`), cheapest first, and are then checked by whole runs until one keeps within the
misses that are allowed.
"""

from simulations.recommend.choosing import Advice, Goal
from simulations.recommend.recommending import Recommendation, recommend
from simulations.recommend.units import Whose

__all__ = ["Advice", "Goal", "Recommendation", "Whose", "recommend"]
