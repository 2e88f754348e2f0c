"""``python -m tests.cluster build|up``: build what a cluster is made of, or leave one running for a person."""
# ruff: noqa: T201 - a program for people: it prints

import argparse
import signal
import sys
import tempfile
import threading
from pathlib import Path

from tests.cluster import build
from tests.cluster.control_plane import ControlPlane
from tests.cluster.keda import Keda


def main(arguments: list[str]) -> int:
    """Do what the first word says; 0 fine, 1 something could not be built, 2 (by SystemExit) wrong use."""
    words = argparse.ArgumentParser(prog="python -m tests.cluster")
    words.add_argument("verb", choices=_VERBS)
    words.add_argument("--keda", choices=build.KEDA_VERSIONS, default=build.KEDA_VERSIONS[0], help="its version")
    said = words.parse_args(arguments)
    try:
        return _VERBS[said.verb](said.keda)
    except build.BuildError as why:
        print(why, file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130


def _build(version: str) -> int:
    for tool in (*build.tools(version), *build.MANIFESTS, build.COREDNS):
        build.build(tool, lambda line: print(line, flush=True))
    return 0


def _up(version: str) -> int:
    """Run a cluster until SIGINT or SIGTERM."""
    _build(version)
    told = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: told.set())
    with (
        tempfile.TemporaryDirectory(prefix="warmscaler-cluster-") as home,
        ControlPlane(Path(home), hpa={}) as plane,
        Keda(Path(home) / "keda", plane, version=version) as keda,
    ):
        _describe(plane, keda)
        told.wait()
        print("ending ...", flush=True)
    return 0


def _describe(plane: ControlPlane, keda: Keda) -> None:
    print(f"\nKubernetes at {plane.credentials.url}, with KEDA {keda.tool.version}\n")
    print(f"  export KUBECONFIG={plane.kubeconfig}\n")
    for server in (*plane.members, *keda.members):
        print(f"  {server.log.parent.name:<24} port {server.port}  log {server.log}")
    print("\nNodes and pods are played by kwok: nothing runs in them. Start `warmscaler serve --dev` on this machine")
    print("and name its port in a trigger: scalerAddress: 127.0.0.1:PORT")
    print("Ctrl-C ends it and forgets everything.", flush=True)


_VERBS = {"build": _build, "up": _up}


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
