"""``python -m tests.servers install``: get what the real servers need, and say what is still missing."""

import sys

from tests.servers.toolchains import TOOLCHAINS, Toolchain


def main(arguments: list[str]) -> int:
    """Install what is missing where possible; 0 if every server can run, 1 if not, 2 for wrong use."""
    if arguments != ["install"]:
        print("usage: python -m tests.servers install", file=sys.stderr)
        return 2
    gaps = 0
    for chain in TOOLCHAINS.values():
        if chain.missing():
            _try(chain)
        gap = chain.missing()
        gaps += bool(gap)
        print(f"{chain.name}: {gap or 'ok'}", flush=True)
    return 1 if gaps else 0


def _try(chain: Toolchain) -> None:
    try:
        chain.install()
    except OSError as why:
        print(f"{chain.name}: {why}", file=sys.stderr)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
