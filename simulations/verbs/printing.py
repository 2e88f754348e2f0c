"""A study on its way out: printed for people or programs, and written as a page."""

import os
import sys
from pathlib import Path

from scaler.errors import ConfigError
from simulations.report.export import as_csv, as_json, document
from simulations.report.study import Study
from simulations.report.table import table
from simulations.verbs.options import Output


def show(study: Study, output: Output, html: Path | None = None) -> None:
    """Print a study, and write its report where ``html`` says; raise :class:`ConfigError` where that cannot be done."""
    if html is not None:
        put_report(study, html)
    sys.stdout.write(written(study, output))


def written(study: Study, output: Output) -> str:
    """Return a study as it is printed; colours only on a terminal, and not where NO_COLOR is set."""
    match output:
        case Output.JSON:
            return as_json(study)
        case Output.CSV:
            return as_csv(study)
        case Output.YAML:
            import yaml  # noqa: PLC0415 - for those who print it

            return yaml.safe_dump(document(study), sort_keys=False, allow_unicode=True)
        case Output.TABLE:
            return table(study, colour=sys.stdout.isatty() and not os.environ.get("NO_COLOR"))


def put_report(study: Study, path: Path) -> None:
    """Write the report of a study; raise :class:`ConfigError` where the file cannot be written."""
    from simulations.report.page import page  # noqa: PLC0415 - plotly is large

    put(page(study), path)


def put(page: str, path: Path) -> None:
    """Write a page; raise :class:`ConfigError` where the file cannot be written."""
    try:
        path.write_text(page, encoding="utf-8")
    except OSError as error:
        raise ConfigError([f"--html {path}: cannot be written: {error.strerror or error}"]) from error
