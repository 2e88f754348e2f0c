"""``python -m tests.bench [NAME …]``: run the benchmarks that need no cluster, or those that are named.

What follows the name of one on a cluster is handed on: ``python -m tests.bench outage kafka --seconds 60``.
"""

import sys

from tests.bench import (
    burst,
    claims,
    demo,
    failover,
    frozen,
    memory,
    outage,
    pool_memory,
    push,
    recording,
    refill,
    registered,
    replicas,
    restart,
    rpc,
    sharing,
    simulator,
    sizing,
    wake,
)

BENCHMARKS = {
    "rpc": rpc.main,
    "push": push.main,
    "sharing": sharing.main,
    "memory": memory.main,
    "demo": demo.main,
    "recording": recording.main,
    "simulator": simulator.main,
    "sizing": sizing.main,
}
ON_A_CLUSTER = {
    "outage": outage.main,
    "frozen": frozen.main,
    "wake": wake.main,
    "registered": registered.main,
    "restart": restart.main,
    "replicas": replicas.main,
    "burst": burst.main,
    "claims": claims.main,
    "refill": refill.main,
    "failover": failover.main,
    "pool-memory": pool_memory.main,
}


def main() -> None:
    """Run what was named, in that order."""
    names = sys.argv[1:] or list(BENCHMARKS)
    if names[0] in ON_A_CLUSTER:
        ON_A_CLUSTER[names[0]](names[1:])
        return
    unknown = [name for name in names if name not in BENCHMARKS]
    if unknown:
        known = ", ".join([*BENCHMARKS, *ON_A_CLUSTER])
        raise SystemExit(f"no benchmark is called {', '.join(unknown)}: choose from {known}")
    for name in names:
        BENCHMARKS[name]()
        print(flush=True)


if __name__ == "__main__":
    main()
