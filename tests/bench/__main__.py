"""``python -m tests.bench [NAME …]``: run the benchmarks, all of them without a name."""

import sys

from tests.bench import demo, memory, push, rpc, sharing

BENCHMARKS = {
    "rpc": rpc.main,
    "push": push.main,
    "sharing": sharing.main,
    "memory": memory.main,
    "demo": demo.main,
}


def main() -> None:
    """Run what was named, in that order."""
    names = sys.argv[1:] or list(BENCHMARKS)
    unknown = [name for name in names if name not in BENCHMARKS]
    if unknown:
        raise SystemExit(f"no benchmark is called {', '.join(unknown)}: choose from {', '.join(BENCHMARKS)}")
    for name in names:
        BENCHMARKS[name]()
        print(flush=True)


if __name__ == "__main__":
    main()
