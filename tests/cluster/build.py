"""The programs of a cluster, built once from pinned Go modules into the cache: one folder a tool and version.

A folder is complete as soon as it exists, so whoever is stopped in the middle leaves nothing that looks built.
"""

import json
import os
import re
import shutil
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from tests.servers import cache

_MODULES = Path(__file__).parent / "tools"
_GO = (1, 26)  # what the newest of the modules ask for
_BUILD_WITHIN = 3_600.0  # s; the slowest takes ten minutes on two cores
_VERSION = "k8s.io/component-base/version"
_KEDA = "github.com/kedacore/keda/v2"


_INSTALL = f"install Go >= {'.'.join(map(str, _GO))}"


class BuildError(OSError):
    """A tool could not be built; carries what Go said."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Tool:
    """A pinned Go module and what is taken from it.

    ``packages`` maps a program's name to its import path, ``values`` a variable to what the linker puts there, and
    ``files`` a folder of ours to (module, folder in it) whose YAML files are copied there.
    """

    name: str
    version: str
    module: str
    packages: Mapping[str, str] = field(default_factory=dict)
    values: Mapping[str, str] = field(default_factory=dict)
    files: Mapping[str, tuple[str, str]] = field(default_factory=dict)
    minutes: int

    @property
    def folder(self) -> Path:
        """Where it is, once built; a folder of the same programs that ``KUBEBUILDER_ASSETS`` names goes first."""
        given = Path(os.environ.get("KUBEBUILDER_ASSETS") or os.devnull)
        if not self.files and all((given / program).is_file() for program in self.packages):
            return given
        return cache.folder(f"{self.name}-{self.version}")

    @property
    def built(self) -> bool:
        """Whether it is there."""
        return self.folder.is_dir()

    def path(self, program: str) -> str:
        """Return the path of one of its programs."""
        return str(self.folder / program)


# Without their version, components of one release refuse each other.
KUBERNETES = Tool(
    name="kubernetes",
    version="1.36.3",
    module="kubernetes",
    packages={
        name: f"k8s.io/kubernetes/cmd/{name}"
        for name in ("kube-apiserver", "kube-controller-manager", "kube-scheduler")
    },
    values={f"{_VERSION}.gitVersion": "v1.36.3", f"{_VERSION}.gitMajor": "1", f"{_VERSION}.gitMinor": "36"},
    minutes=4,
)
ETCD = Tool(name="etcd", version="3.6.16", module="etcd", packages={"etcd": "go.etcd.io/etcd/server/v3"}, minutes=1)
KWOK = Tool(
    name="kwok",
    version="0.8.0",
    module="kwok",
    packages={"kwok": "sigs.k8s.io/kwok/cmd/kwok"},
    files={
        f"stages/{name}": ("sigs.k8s.io/kwok", f"kustomize/stage/{name}")
        for name in ("node/fast", "node/heartbeat-with-lease", "pod/general")
    },
    minutes=1,
)
KUSTOMIZE = Tool(
    name="kustomize",
    version="5.8.2",
    module="kustomize",
    packages={"kustomize": "sigs.k8s.io/kustomize/kustomize/v5"},
    minutes=1,
)
HELM = Tool(name="helm", version="4.3.1", module="helm", packages={"helm": "helm.sh/helm/v4/cmd/helm"}, minutes=2)
CERT_MANAGER = Tool(
    name="cert-manager",
    version="1.21.2",
    module="definitions",
    files={"crds": ("github.com/cert-manager/cert-manager", "deploy/crds")},
    minutes=1,
)
PROMETHEUS_OPERATOR = Tool(
    name="prometheus-operator",
    version="0.85.0",
    module="definitions",
    files={"crds": ("github.com/prometheus-operator/prometheus-operator", "example/prometheus-operator-crd")},
    minutes=1,
)
MANIFESTS = (KUSTOMIZE, HELM, CERT_MANAGER, PROMETHEUS_OPERATOR)
"""What turns deploy/ into objects, and the definitions of those that others' operators define."""

COREDNS = Tool(name="coredns", version="1.14.7", module="coredns", packages={"coredns": "."}, minutes=1)
"""The cluster's usual DNS, with few of its plugins: of it there is a program of ours, of a few lines."""

KEDA_VERSIONS = tuple(
    sorted(
        (path.parent.name for path in (_MODULES / "keda").glob("*/go.mod")),
        key=lambda version: [int(part) for part in version.split(".")],
        reverse=True,
    )
)
"""Those that have a module, newest first; the first one is meant where nothing is said."""


def keda(version: str = KEDA_VERSIONS[0]) -> Tool:
    """Return KEDA's operator and metrics adapter of a version that ``tools/keda`` has a module for."""
    assert version in KEDA_VERSIONS, f"tools/keda has no module of {version}"
    return Tool(
        name="keda",
        version=version,
        module=f"keda/{version}",
        packages={name: f"{_KEDA}/cmd/{name}" for name in ("operator", "adapter")},
        values={f"{_KEDA}/version.Version": version},
        files={"crds": (_KEDA, "config/crd/bases")},
        minutes=8,
    )


def tools(keda_version: str = KEDA_VERSIONS[0]) -> tuple[Tool, ...]:
    """Return everything that one cluster is made of, quickest build first."""
    return (ETCD, KWOK, KUBERNETES, keda(keda_version))


def missing(wanted: Iterable[Tool]) -> str:
    """Say what is not built yet and how to get it; empty if all is there."""
    gaps = [tool for tool in wanted if not tool.built]
    if not gaps:
        return ""
    names = ", ".join(f"{tool.name} {tool.version}" for tool in gaps)
    minutes = sum(tool.minutes for tool in gaps)
    how = f"`make cluster` builds it once, {minutes} minutes of two cores"
    return f"not built: {names}; {how}{'' if shutil.which('go') else f'; for that {_INSTALL}'}"


def build(tool: Tool, say: Callable[[str], None]) -> None:
    """Build ``tool`` unless it is there; one line by ``say`` before and one after. BuildError if it cannot be."""
    label = f"{tool.name} {tool.version}"
    if tool.built:
        say(f"{label}: there")
        return
    _require_go(tool)
    say(f"{label}: building, about {tool.minutes} min of two cores ...")
    begun = time.monotonic()
    target = cache.folder(f"{tool.name}-{tool.version}")
    target.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=target.parent, prefix=f".{tool.name}-") as scratch:
        made = Path(scratch) / "made"
        _compile(tool, made)
        _copy_files(tool, made)
        if not target.exists():  # a second builder's copy is dropped
            made.rename(target)
    say(f"{label}: built in {time.monotonic() - begun:.0f} s")


def _require_go(tool: Tool) -> None:
    """Raise :class:`BuildError` unless the Go of this machine, or the one that it gets by itself, is new enough."""
    if not shutil.which("go"):
        raise BuildError(f"{tool.name} {tool.version}: there is no Go on PATH: {_INSTALL}")
    here = _go(tool, "env", "GOVERSION").strip()  # an older one may get the one that the module asks for
    if tuple(int(part) for part in re.findall(r"\d+", here)[:2]) < _GO:
        raise BuildError(f"{tool.name} {tool.version}: {here} is too old: {_INSTALL}")


def _compile(tool: Tool, made: Path) -> None:
    made.mkdir()
    linked = " ".join(["-s", "-w", *(f"-X {name}={value}" for name, value in tool.values.items())])
    for program, package in tool.packages.items():
        _go(tool, "build", "-mod=readonly", "-trimpath", "-ldflags", linked, "-o", str(made / program), package)


def _copy_files(tool: Tool, made: Path) -> None:
    for folder, (module, inside) in tool.files.items():
        source = Path(json.loads(_go(tool, "mod", "download", "-json", module))["Dir"]) / inside
        (made / folder).mkdir(parents=True)
        for file in source.glob("*.yaml"):
            if file.name != "kustomization.yaml":
                shutil.copyfile(file, made / folder / file.name)  # Go keeps its copies read-only


def _go(tool: Tool, *words: str) -> str:
    """Run Go in the tool's module, giving way to everything else on the machine; returns what it printed."""
    polite = ["nice", "-n", "19"] if shutil.which("nice") else []
    try:
        done = subprocess.run(
            [*polite, "go", *words],
            cwd=_MODULES / tool.module,
            env={**os.environ, "CGO_ENABLED": "0", "GOWORK": "off"},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=_BUILD_WITHIN,
            check=False,
        )
    except (FileNotFoundError, subprocess.TimeoutExpired) as why:
        raise BuildError(f"{tool.name} {tool.version}: {why}") from why
    if done.returncode != 0:
        raise BuildError(f"{tool.name} {tool.version}: go {words[0]}: {done.stderr[-4_000:]}")
    return done.stdout
