"""The validation page, printed."""

import json
import sys
from pathlib import Path

from scaler.errors import ConfigError
from simulations.cases.reading import Unreadable
from simulations.run import Engine
from simulations.validation.page import SEEDS, validate
from simulations.verbs.options import Output
from simulations.verbs.printing import put


def validated(hpa: Path | None, seeds: int | None, engine: Engine, output: Output, html: Path | None) -> bool:
    """Print the page, and tell whether all agrees; raise :class:`ConfigError` for what cannot be read or written."""
    if output not in {Output.TABLE, Output.JSON}:
        raise ConfigError([f"-o {output} is not for this verb: table or json"])
    try:
        found = validate(seeds=seeds or SEEDS, engine=engine, hpa=hpa)
    except (Unreadable, ValueError) as error:
        raise ConfigError([str(error)]) from error
    if html is not None:
        put(found.html(), html)
    sys.stdout.write(
        json.dumps(found.document(), indent=2) + "\n" if output is Output.JSON else "\n".join(found.lines()) + "\n"
    )
    return found.agrees
