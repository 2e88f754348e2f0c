"""From a :class:`Study` to what people read: a table for the terminal, JSON, CSV, and one HTML page."""

from simulations.report.export import as_csv, as_json, document
from simulations.report.page import page
from simulations.report.study import Bound, Case, Dropped, Study
from simulations.report.table import table

__all__ = ["Bound", "Case", "Dropped", "Study", "as_csv", "as_json", "document", "page", "table"]
