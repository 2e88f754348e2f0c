"""What is said to people at the end of a run, and what they may try next."""

from collections.abc import Mapping
from typing import Final

from rich.console import Console
from rich.table import Table

from simulations.demo.report import LaneReport, OutageReport, PoolReport, Report
from simulations.demo.view import spoken

NEXT: Final = (
    ("warmscaler demo --speed 5x", "the same, five times as fast"),
    ("warmscaler demo --pool 4", "the same with more warm pods; with --pool 0 without any"),
    ("warmscaler demo --headless --duration 30s --outage 5s+20s -o json", "the same as one JSON object"),
    ("warmscaler serve --dev", "the scaler alone, on this machine, for a KEDA of yours"),
)


def print_summary(report: Report, console: Console) -> None:
    """Print the report for people, and what to try next."""
    console.print(_comparison(report))
    console.print(_outage(report.outage), soft_wrap=not console.is_terminal)
    console.print(_exactness(report), soft_wrap=not console.is_terminal)
    console.print("\n[bold]Next:[/]")
    for command, what in NEXT:
        console.print(f"  {command}\n    [dim]{what}[/]", highlight=False, soft_wrap=True)


def _comparison(report: Report) -> Table:
    columns = (("push", report.push), ("polling", report.poll), ("push + pool", report.pool))
    lanes: dict[str, LaneReport] = {name: lane for name, lane in columns if lane is not None}
    table = Table(title=f"{report.events} events in {report.duration_s:g} s, {report.source}", title_justify="left")
    table.add_column("from zero to a replica" if report.pool is None else "from zero to a replica, or a warm pod")
    for name in lanes:
        table.add_column(name, justify="right")
    for label, values in (*_rows(lanes), *_pool_rows(list(lanes.values()))):
        table.add_row(label, *values)
    return table


def _rows(lanes: Mapping[str, LaneReport]) -> list[tuple[str, list[str]]]:
    found = list(lanes.values())
    return [
        ("activations", [str(lane.activations) for lane in found]),
        ("p50", [_said(lane.latency_ms.p50) for lane in found]),
        ("p95", [_said(lane.latency_ms.p95) for lane in found]),
        ("longest", [_said(lane.latency_ms.max) for lane in found]),
        ("to a Ready pod, p50", [_said(lane.ready_ms.p50) for lane in found]),
        ("to a Ready pod, longest", [_said(lane.ready_ms.max) for lane in found]),
        ("events served", [str(lane.served) for lane in found]),
        ("most replicas", [str(lane.replicas.max) for lane in found]),
    ]


def _pool_rows(found: list[LaneReport]) -> list[tuple[str, list[str]]]:
    """Say what the pool was good for, in the column of the lane that has it."""
    if not any(isinstance(lane, PoolReport) for lane in found):
        return []
    return [
        ("warm pods: hits, misses", [_figures(lane) for lane in found]),
        ("warm pods: idle", [_idle(lane) for lane in found]),
    ]


def _figures(lane: LaneReport) -> str:
    return f"{lane.hits}, {lane.misses}" if isinstance(lane, PoolReport) else ""


def _idle(lane: LaneReport) -> str:
    return f"{lane.idle_pod_seconds:.0f} pod-seconds" if isinstance(lane, PoolReport) else ""


def _said(milliseconds: float | None) -> str:
    return spoken(None if milliseconds is None else milliseconds / 1000.0)


def _outage(outage: OutageReport) -> str:
    if not outage.seconds:
        return "The broker was up all the time (try the key k)."
    foreseen = f"; {outage.foreseen} that were due anyway" if outage.foreseen else ""
    return (
        f"The broker was down for {outage.seconds:.1f} s: {outage.scale_downs} scale-downs because of it{foreseen}; "
        f"{outage.events_kept} events were kept by the producer and published after it."
    )


def _exactness(report: Report) -> str:
    lanes = [lane for lane in (report.push, report.poll, report.pool) if lane is not None]
    final = ", ".join(str(lane.replicas.final) for lane in lanes)
    expected = ", ".join(str(lane.replicas.expected) for lane in lanes)
    return f"Replicas at the end: {final}; by the pure model of KEDA and the HPA: {expected}."
