"""One HTML page that needs nothing else: it opens without a network, and may load nothing from anywhere.

Whatever a user wrote is escaped where it enters the page, and the page's own policy lets no script run but its own two.
"""

import json
import re
from base64 import b64encode
from collections.abc import Mapping
from hashlib import sha256
from html import escape
from importlib.resources import files
from string import Template
from typing import Final

from simulations.report.pictures import Picture, pictures
from simulations.report.sections import sections, tiles
from simulations.report.study import Study
from simulations.report.verdict import answer

_HERE: Final = files(__package__)
_UNIT: Final = re.compile(r"(?<=\d) (?=(?:%|m?s|min|h|pod-h|GiB·h)(?!\w))")
"""The space between a number and its unit, where no line is to break."""


def page(study: Study) -> str:
    """Write the page; ``ModuleNotFoundError`` that names the extra where plotly is missing."""
    drawn = pictures(study)
    plotly, script = _plotly(), _HERE.joinpath("page.js").read_text(encoding="utf-8")
    parts: Mapping[str, str] = {
        "title": escape(f"{study.question} - {study.name}"),
        "hashes": " ".join(map(_hashed, (plotly, script))),
        "style": _HERE.joinpath("page.css").read_text(encoding="utf-8"),
        "name": escape(study.name),
        "question": escape(study.question),
        "answer": _UNIT.sub("\u00a0", escape(answer(study))),
        "tiles": tiles(study),
        "sections": "\n".join(sections(study, drawn)),
        "pictures": _embedded(drawn),
        "plotly": plotly,
        "script": script,
    }
    return Template(_HERE.joinpath("page.html").read_text(encoding="utf-8")).substitute(parts)


def _plotly() -> str:
    """Return plotly's script, as its wheel brings it."""
    try:
        script = files("plotly").joinpath("package_data", "plotly.min.js").read_text(encoding="utf-8")
    except ModuleNotFoundError as error:
        raise ModuleNotFoundError(
            "the HTML report needs plotly: pip install 'warmscaler[simulate]'", name=error.name
        ) from error
    return script.replace("</script", "<\\/script")


def _hashed(script: str) -> str:
    return f"'sha256-{b64encode(sha256(script.encode()).digest()).decode()}'"


def _embedded(drawn: tuple[Picture, ...]) -> str:
    """Return the plots as JSON in which no markup can begin or end."""
    views = {picture.key: list(picture.views.values()) for picture in drawn}
    text = json.dumps(views, allow_nan=False, separators=(",", ":"), ensure_ascii=False)
    return text.replace("&", "\\u0026").replace("<", "\\u003c").replace(">", "\\u003e")
