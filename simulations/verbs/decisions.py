"""Recorded decisions of real HPA controllers beside the model's, printed."""

import json
import sys
from dataclasses import asdict
from functools import partial
from pathlib import Path

from scaler.errors import ConfigError
from simulations.cases.reading import Unreadable, read
from simulations.cases.report import compare
from simulations.progress import watched
from simulations.verbs.options import Output


def compared(file: Path, output: Output) -> bool:
    """Print the comparison, and tell whether all rows agree; raise :class:`ConfigError` for a file that is no such."""
    if output not in {Output.TABLE, Output.JSON}:
        raise ConfigError([f"-o {output} is not for this verb: table or json"])
    try:
        cases = read(file, partial(watched, doing="reading"))
    except Unreadable as error:
        raise ConfigError([str(error)]) from error
    report = compare(watched(cases, doing="comparing"))
    if output is Output.JSON:
        sys.stdout.write(json.dumps(asdict(report), indent=2) + "\n")
        return report.agrees
    sys.stdout.writelines(f"{line}\n" for line in report.lines())
    sys.stderr.writelines(f"not compared: {remark} ({rows} rows)\n" for remark, rows in report.not_compared.items())
    return report.agrees
