"""What deploy/README.md tells people to write is rendered as it stands there."""

import re
from pathlib import Path

import pytest
import yaml

from tests.cluster.account import BASE
from tests.cluster.deploy.rendered import DEPLOY, NAMESPACE, Objects, helmed, kustomized
from tests.cluster.deploy.test_rendering import DEPLOYMENT

pytestmark = pytest.mark.requires("manifests")

README = (DEPLOY / "README.md").read_text()
ROWS = re.compile(r"(?m)^\| (?:own namespace|all namespaces).*? \| (.*?) \| ([a-z, ]+) \|")


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
    assert image(objects) == "registry.example.org/warmscaler:0.1.0"
    assert objects["ConfigMap", NAMESPACE, "warmscaler"]["data"] == own["data"]


def test_the_command_of_helm_brings_everything_that_it_switches_on() -> None:
    words = re.findall(r"--set (\S+)=(\S+)", README)
    values = {key: yaml.safe_load(value) for key, value in words}
    objects = helmed(values)
    assert image(objects) == "registry.example.org/warmscaler:0.1.0"
    assert {"NetworkPolicy", "ServiceMonitor", "Certificate"} <= {kind for kind, _, _ in objects}


def test_the_table_of_rights_names_every_verb_of_the_roles() -> None:
    documents = [each for path in DEPLOY.glob("*/*/role.yaml") for each in yaml.safe_load_all(path.read_text())]
    documents += yaml.safe_load_all((BASE / "rights.yaml").read_text())
    granted = sorted(sorted(rule["verbs"]) for each in documents for rule in each.get("rules", []))
    said = sorted(sorted(verbs.split(", ")) for _, verbs in ROWS.findall(README))
    assert said == granted
