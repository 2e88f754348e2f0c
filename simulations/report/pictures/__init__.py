"""The pictures of a report, as plain data for plotly; a picture that would say nothing is not there.

They carry no colours of paper, text or grid: the page gives them those of its reader's light or dark theme.
"""

from simulations.report.pictures.pareto import pareto
from simulations.report.pictures.plot import Picture, Plot
from simulations.report.pictures.regret import regret
from simulations.report.pictures.sensitivity import sensitivity
from simulations.report.pictures.timeline import timeline
from simulations.report.pictures.waits import waits
from simulations.report.study import Study

__all__ = ["Picture", "Plot", "pictures"]

_ALL = (pareto, timeline, waits, regret, sensitivity)


def pictures(study: Study) -> tuple[Picture, ...]:
    """Return the pictures that say something about this study, in the order in which they are shown."""
    return tuple(picture for draw in _ALL if (picture := draw(study)) is not None)
