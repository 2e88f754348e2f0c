"""Memory of what keeps the pools: warm pods, and replicas of the functions' own, in one namespace."""

import argparse
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from tests.bench.facts import header
from tests.bench.process import Running
from tests.bench.tables import printed
from tests.bench.warm import FUNCTIONS, Warm, wait_filled, warm_ground
from tests.cluster.api import PODS
from tests.cluster.pools import STAGE, ready
from tests.cluster.warmscaler import Warmscaler
from tests.servers.process import wait_until

WITHIN: Final = 300.0  # s
EACH: Final = 25  # warm pods of each function, and as many replicas of its own
WATCHED: Final = 30.0  # s that are watched once everything is there
TARGET: Final = 150  # MiB


class Alone(Warmscaler):
    """The pool in a process of its own, beside a ``scaler`` elsewhere."""

    def __init__(self, home: Path, scaler: str, flags: Sequence[str]) -> None:
        super().__init__(home, flags=flags)
        self._scaler = scaler

    def command(self) -> Sequence[str]:
        """Return the command line."""
        python, module, program, *_ = super().command()
        http = f"--http=127.0.0.1:{self.http_port}"
        return [python, module, program, "pool", "--dev", f"--scaler={self._scaler}", http, *self.flags]


def main(arguments: Sequence[str] = ()) -> None:
    """Print a row for each of the two processes that may keep the pools."""
    words = argparse.ArgumentParser(prog="pool-memory", description="the memory of the pool's controller")
    words.add_argument("--pods", type=int, default=2_000, help="half of them warm, half of them replicas")
    said = words.parse_args(arguments)
    print(header(" ".join(["pool-memory", *arguments])), flush=True)
    functions = said.pods // 2 // EACH
    rows = [["resident MiB", "at start", "all warm", f"{WATCHED:g} s later", "at most", "target"]]
    with tempfile.TemporaryDirectory() as folder, warm_ground(Path(folder)) as ground:
        for number in range(functions):
            ground.function(f"f{number}", replicas=EACH)
        wait_until(lambda: _ready(ground) == functions * EACH, within=WITHIN, what="all replicas Ready")
        with ground.serve() as scaler:
            rows.append(_measure(ground, scaler, "serve --pool", functions))
            with Alone(ground.home / "alone", scaler.address, ground.flags) as alone:
                scaler.kill()
                rows.append(_measure(ground, alone, "pool", functions))
    print(f"{functions} functions, {EACH} warm pods and {EACH} replicas each, in one namespace")
    print(printed(rows), flush=True)


def _measure(ground: Warm, keeper: Warmscaler, name: str, functions: int) -> list[str]:
    """Have the pools filled, if they are not, and see what that takes."""
    process = Running(pid=keeper.pid, port=keeper.port)
    empty = process.resident_mib()
    ground.configure(EACH)
    wait_filled(keeper, EACH, functions, within=WITHIN)
    filled = process.resident_mib()
    time.sleep(WATCHED)
    figures = (empty, filled, process.resident_mib(), process.most_resident_mib())
    return [name, *(f"{each:.0f}" for each in figures), f"<= {TARGET}"]


def _ready(ground: Warm) -> int:
    return sum(map(ready, ground.api.all(PODS, FUNCTIONS, labelSelector=f"!{STAGE}")))


if __name__ == "__main__":
    main()
