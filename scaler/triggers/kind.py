"""The part of a probe that is needed to understand a trigger."""

from collections.abc import Mapping
from typing import Any, Protocol, TypeVar

from scaler.model import Ask
from scaler.triggers.params import Params

P_contra = TypeVar("P_contra", bound=Params, contravariant=True)


class Kind(Protocol[P_contra]):
    """A kind of trigger; pure."""

    @property
    def params(self) -> type[Params]:
        """The model of what its triggers may say."""
        ...

    def ask(self, params: P_contra) -> Ask:
        """Say what the parameters ask of the world."""
        ...


Kinds = Mapping[str, Kind[Any]]
"""The installed kinds by name."""
