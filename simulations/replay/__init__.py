"""A recording played back: first as it was, beside the replicas that there were, and then under other policies.

``replay`` is the whole of it; ``lines`` is what people read of the first part, and the second is a study as any other.
"""

from simulations.replay.fidelity import Fidelity, Moves, fidelity
from simulations.replay.objects import Asked
from simulations.replay.replaying import Replay, lines, replay
from simulations.replay.worlds import as_it_was, otherwise

__all__ = ["Asked", "Fidelity", "Moves", "Replay", "as_it_was", "fidelity", "lines", "otherwise", "replay"]
