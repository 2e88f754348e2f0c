"""``python -m tests.simulations.sweep.on_dask``: exit 0 if a cluster of two workers comes to what one process does.

In a process of its own: Dask leaves threads behind, which draw from the global random numbers for as long as it lives.
"""

import sys
from typing import Final

from distributed import LocalCluster  # type: ignore[import-untyped, unused-ignore]  # it says nothing of its types

from simulations.sweep import Backend, Where, read_grid, sweep
from tests.simulations.sweep.runs import cooled

GRID: Final = read_grid(["cooldown=10,13,600"])
SEEDS: Final = (1, 2, 3)


def main() -> int:
    """Sweep here and there."""
    cluster = LocalCluster(
        n_workers=2, threads_per_worker=1, host="127.0.0.1", dashboard_address=None, silence_logs="ERROR"
    )
    with cluster:
        there = sweep(cooled, GRID, SEEDS, Where(backend=Backend.DASK, address=cluster.scheduler_address))
    here = sweep(cooled, GRID, SEEDS, Where(jobs=1))
    sys.stdout.write(f"{len(there.points)} points, {'equal' if there == here else 'other ones'}\n")
    return int(there != here)


if __name__ == "__main__":
    sys.exit(main())
