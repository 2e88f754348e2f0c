"""What KEDA's operator says went wrong: by its counters and by its log."""

import urllib.request
from typing import Final

from prometheus_client.parser import text_string_to_metric_families

from tests.cluster.keda import Operator
from tests.servers.process import HOST

_COUNTERS: Final = ("keda_scaler_detail_errors_total", "keda_scaled_object_errors_total")


def errors(operator: Operator) -> tuple[float, list[str]]:
    """Return what its counters of errors add up to, and the lines of its log that are errors."""
    with urllib.request.urlopen(f"http://{HOST}:{operator.metrics_port}/metrics", timeout=30) as page:
        families = list(text_string_to_metric_families(page.read().decode()))
    counted = sum(each.value for family in families for each in family.samples if each.name in _COUNTERS)
    lines = operator.log.read_text(errors="replace").splitlines()
    return counted, [line for line in lines if '"level":"error"' in line]
