"""What ``warmscaler serve --record`` wrote, read back: triggers, scaled objects, replicas and pools, each over time.

``scaler.recording.format`` says what the files hold.
"""

from simulations.recording.arrivals import reconstructed
from simulations.recording.model import Recording, Scaled, Steps, Troubles, Watched
from simulations.recording.reading import read

__all__ = ["Recording", "Scaled", "Steps", "Troubles", "Watched", "read", "reconstructed"]
