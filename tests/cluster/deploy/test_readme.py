"""What deploy/README.md tells people to write is rendered as it stands there."""

import re
import subprocess
from pathlib import Path

import pytest
import yaml

from tests.cluster.account import BASE
from tests.cluster.deploy.rendered import CHART, DEPLOY, NAMESPACE, Objects, helmed, kustomized, with_component
from tests.cluster.deploy.test_rendering import DEPLOYMENT

pytestmark = pytest.mark.requires("manifests")

OWN_IMAGE = "registry.your.example/warmscaler:0.1.0"
README = (DEPLOY / "README.md").read_text()
ROWS = re.compile(r"(?m)^\| (?:own namespace|all namespaces|namespaces of functions).*? \| (.*?) \| ([a-z, ]+) \|")


def image(objects: Objects) -> str:
    return str(objects[DEPLOYMENT]["spec"]["template"]["spec"]["containers"][0]["image"])


def test_the_kustomization_of_ones_own_brings_image_and_configuration(tmp_path: Path) -> None:
    (shown,) = (text for text in re.findall(r"```yaml\n(.*?)```", README, re.DOTALL) if "kind: Kustomization" in text)
    (tmp_path / "warmscaler").mkdir()
    (tmp_path / "warmscaler" / "deploy").symlink_to(DEPLOY)
    (tmp_path / "kustomization.yaml").write_text(shown)
    own = yaml.safe_load((BASE / "config.yaml").read_text()) | {"data": {"config.yaml": "version: 1\n"}}
    (tmp_path / "config.yaml").write_text(yaml.safe_dump(own))
    objects = kustomized(tmp_path)
    assert image(objects) == OWN_IMAGE
    assert objects["ConfigMap", NAMESPACE, "warmscaler"]["data"] == own["data"]


@pytest.mark.parametrize(
    ("command", "folder"), [("helm install", "base"), ("helm upgrade --install", "overlays/production")]
)
def test_a_command_of_helm_brings_as_many_objects_as_the_folder_beside_it(command: str, folder: str) -> None:
    shown = re.findall(rf"(?m)^{command} (?:.*\\\n)+.*$", README)[0]
    objects = helmed({key: yaml.safe_load(value) for key, value in re.findall(r"--set (\S+)=(\S+)", shown)})
    assert image(objects) == OWN_IMAGE
    assert {*objects, ("Namespace", "", NAMESPACE)} == {*kustomized(DEPLOY / folder)}


def test_the_command_for_warm_pods_brings_the_objects_of_the_component(tmp_path: Path) -> None:
    (shown,) = (text for text in re.findall(r"(?m)^helm upgrade --install (?:.*\\\n)+.*$", README) if "pool" in text)
    objects = helmed({key: yaml.safe_load(value.strip("'")) for key, value in re.findall(r"--set (\S+)=(\S+)", shown)})
    assert {*objects, ("Namespace", "", NAMESPACE)} == {*with_component("pool", tmp_path)}


def test_to_try_it_the_image_keeps_its_name() -> None:
    assert f"-t {image(kustomized(DEPLOY / 'overlays' / 'try-it'))} ." in README


@pytest.mark.parametrize("path", [DEPLOY / "README.md", CHART / "templates" / "NOTES.txt"], ids=lambda path: path.name)
def test_the_authority_is_handed_over_without_what_ties_it_to_its_namespace(path: Path) -> None:
    (program,) = re.findall(r"sed -E '(.*?)'", path.read_text())
    about = {
        "name": "warmscaler-ca",
        "namespace": NAMESPACE,
        "uid": "1",
        "resourceVersion": "2",
        "creationTimestamp": "3",
    }
    secret = {"kind": "Secret", "metadata": about, "data": {"ca.crt": "x"}}
    done = subprocess.run(
        ["sed", "-E", program], input=yaml.safe_dump(secret), capture_output=True, text=True, check=True
    )
    assert yaml.safe_load(done.stdout) == {**secret, "metadata": {"name": "warmscaler-ca"}}


def test_the_table_of_rights_names_every_verb_of_the_roles() -> None:
    documents = [each for path in DEPLOY.glob("*/*/role.yaml") for each in yaml.safe_load_all(path.read_text())]
    documents += yaml.safe_load_all((BASE / "rights.yaml").read_text())
    granted = sorted(sorted(rule["verbs"]) for each in documents for rule in each.get("rules", []))
    said = sorted(sorted(verbs.split(", ")) for _, verbs in ROWS.findall(README))
    assert said == granted
