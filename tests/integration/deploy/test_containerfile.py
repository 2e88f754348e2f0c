"""The image's steps, run in a folder of their own: no container engine is here, so the image itself is not built.

The steps are read from deploy/Containerfile, so there is nothing here to keep in step with it. Python is this
machine's, and the base image's system is not there.
"""

import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import grpc
import pytest
import yaml
from grpc_health.v1 import health_pb2, health_pb2_grpc

from tests.servers.ports import free_port
from tests.servers.process import HOST, Server

pytestmark = pytest.mark.timeout(600)  # it may have to download everything

ROOT = Path(__file__).parents[3]
NOBODY = 65532


@dataclass(frozen=True, slots=True, kw_only=True)
class Stage:
    """The instructions of one stage, in order: (``RUN``, what it says)."""

    instructions: tuple[tuple[str, str], ...]

    def all(self, word: str) -> list[str]:
        """Return what every instruction of a sort says."""
        return [said for each, said in self.instructions if each == word]


def stages() -> list[Stage]:
    """Read the Containerfile."""
    text = re.sub(r"(?m)^#.*\n", "", (ROOT / "deploy" / "Containerfile").read_text()).replace("\\\n", " ")
    lines = [line.split(maxsplit=1) for line in text.splitlines() if line.strip()]
    starts = [number for number, (word, _) in enumerate(lines) if word == "FROM"]
    ends = [*starts[1:], len(lines)]
    return [
        Stage(instructions=tuple((word, said) for word, said in lines[start:end]))
        for start, end in zip(starts, ends, strict=True)
    ]


def a_python_for_everybody() -> str:
    """Return an interpreter that another user can start, if there is one."""
    system = shutil.which("python3", path="/usr/local/bin:/usr/bin")
    fit = "import sys, ensurepip; sys.exit(sys.version_info < (3, 11))"
    return system if system and subprocess.run([system, "-c", fit], check=False).returncode == 0 else sys.executable


@dataclass(frozen=True, slots=True, kw_only=True)
class Image:
    """A folder in which the paths of the image are: ``/opt`` is ``folder/opt``."""

    folder: Path

    def build(self, stage: Stage) -> None:
        """Do what a stage says, up to its end."""
        inside = self.folder
        for word, said in stage.instructions:
            if word == "WORKDIR":
                inside = self.folder / said.lstrip("/")
                inside.mkdir(parents=True)
            elif word == "COPY":
                *sources, target = said.split()
                for source in sources:
                    into = inside / target / (Path(source).name if target.endswith("/") else "")
                    self._copy(ROOT / source, into)
            elif word == "RUN":
                self._run(said, inside)

    def _copy(self, source: Path, target: Path) -> None:
        target.parent.mkdir(parents=True, exist_ok=True)
        if source.is_dir():
            shutil.copytree(source, target, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copyfile(source, target)

    def _run(self, said: str, inside: Path) -> None:
        command = said.replace("/opt/", f"{self.folder}/opt/")
        command = re.sub(r"^python ", f"{a_python_for_everybody()} ", command)
        done = subprocess.run(["sh", "-euc", command], cwd=inside, capture_output=True, text=True, check=False)
        assert done.returncode == 0, f"RUN {said}\n{done.stdout}{done.stderr}"


class Contained(Server):
    """The image's entry point with its environment and user, in a folder that is not the user's to write to."""

    stop_within = 15.0

    def __init__(self, home: Path, stage: Stage, image: Image) -> None:
        super().__init__(home)
        self.stage = stage
        self.image = image
        self.http_port = free_port()

    def command(self) -> Sequence[str]:
        """Return the command line."""
        said = " ".join(self.stage.all("ENV")).replace("/opt/", f"{self.image.folder}/opt/")
        variables = said.replace("$PATH", os.defpath).split()
        entry = json.loads(self.stage.all("ENTRYPOINT")[0])
        ports = [f"--listen={self.address}", f"--http={HOST}:{self.http_port}"]
        return [*self._as_user(), "env", "-i", *variables, *entry, "serve", *ports]

    def _as_user(self) -> list[str]:
        if os.geteuid() != 0:
            return []
        user, group = self.stage.all("USER")[0].split(":")
        return [
            "setpriv",
            f"--reuid={user}",
            f"--regid={group}",
            "--clear-groups",
            "--no-new-privs",
            "--pdeathsig=KILL",
        ]

    def answers(self) -> bool:
        """Tell whether gRPC health says so, as the kubelet would ask."""
        return self.health("readiness") == "SERVING"

    def health(self, name: str) -> str:
        """Return what gRPC health says of a service."""
        with grpc.insecure_channel(self.address) as channel:
            ask = health_pb2_grpc.HealthStub(channel).Check
            try:
                answer = ask(health_pb2.HealthCheckRequest(service=name), timeout=2.0)
            except grpc.RpcError:
                return "nobody answers"
            return health_pb2.HealthCheckResponse.ServingStatus.Name(answer.status)


@pytest.fixture(scope="module")
def image() -> Iterator[Image]:
    """Build the first stage, once."""
    with tempfile.TemporaryDirectory(prefix="warmscaler-image-") as name:
        folder = Path(name)
        folder.chmod(0o755)
        built = Image(folder=folder)
        built.build(stages()[0])
        yield built


def test_it_is_made_of_what_its_lock_names_and_the_service(image: Image) -> None:
    lock = (ROOT / "deploy" / "requirements.lock").read_text()
    locked = set(re.findall(r"(?m)^([a-z0-9-]+)==", lock))
    for_other_systems = set(re.findall(r"(?m)^([a-z0-9-]+)==\S+ ;", lock))
    site = next((image.folder / "opt" / "warmscaler" / "lib").glob("python3*")) / "site-packages"
    names = {path.name.removesuffix(".dist-info").rpartition("-")[0] for path in site.glob("*.dist-info")}
    installed = {re.sub(r"[-_.]+", "-", name).lower() for name in names}
    assert installed - {"warmscaler"} <= locked
    assert locked - installed <= for_other_systems
    assert "warmscaler" in installed


def test_what_runs_is_what_was_built_and_it_is_nobody() -> None:
    last = stages()[-1]
    assert last.all("COPY") == ["--from=build /opt/warmscaler /opt/warmscaler"]
    assert last.all("USER") == [f"{NOBODY}:{NOBODY}"]
    assert not last.all("RUN"), "what runs in the last stage is not in the test's image"


def test_what_a_pod_does_before_it_stops_is_on_the_images_path(image: Image) -> None:
    deployment = yaml.safe_load((ROOT / "deploy" / "base" / "deployment.yaml").read_text())
    (container,) = deployment["spec"]["template"]["spec"]["containers"]
    command = container["lifecycle"]["preStop"]["exec"]["command"][0]
    (path,) = re.findall(r"PATH=(\S+?):", " ".join(stages()[-1].all("ENV")))
    assert shutil.which(command, path=str(image.folder / path.lstrip("/")))


def test_it_serves_as_nobody_where_nothing_can_be_written(image: Image) -> None:
    with Contained(image.folder / "run", stages()[-1], image) as service:
        assert {service.health("liveness"), service.health("readiness")} == {"SERVING"}
        status = Path(f"/proc/{service.pid}/status").read_text()
        uid = os.geteuid() or NOBODY
        assert re.findall(r"(?m)^Uid:\s+(\d+)", status) == [str(uid)]
        assert service.home.stat().st_uid != NOBODY
        begun = time.monotonic()
        service.stop()
        assert time.monotonic() - begun < 10.0
