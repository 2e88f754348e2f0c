"""A kind with one parameter of every sort, so that these tests do not change with the probes."""

from typing import Annotated, Final, Literal

from pydantic import Field, SecretStr

from scaler.model import Ask, Metric
from scaler.triggers.kind import Kinds
from scaler.triggers.params import Names, SourceParams
from scaler.triggers.values import Boolean, CommaList, Duration, Number, Whole


class ShelfParams(SourceParams):
    """Where a jar stands."""

    address: Annotated[CommaList, Names("address", "addresses"), Field(description="Where the jar stands.")]
    patience: Annotated[Duration, Field(description="How long to look.")] = 3.0
    password: Annotated[SecretStr | None, Field(description="For the lid.")] = None


class JarParams(ShelfParams):
    """Marbles in a jar."""

    threshold: Annotated[Whole, Field(gt=0, description="Marbles for one replica.")] = 10
    weight: Annotated[Number, Field(description="Of one marble.")] = 1.5
    glass: Annotated[Boolean, Field(description="Whether one can look inside.")] = True
    colour: Annotated[Literal["red", "green"], Field(description="Which marbles count.")] = "red"


class Jar:
    """A kind that measures marbles."""

    params = JarParams

    def ask(self, params: JarParams) -> Ask:
        return Ask(
            source=(params.address, params.password),
            query=params.colour,
            metric=Metric(name="jar", target=params.threshold),
        )


KINDS: Final[Kinds] = {"jar": Jar()}
