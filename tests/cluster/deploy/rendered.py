"""What deploy/ becomes, by kustomize and by Helm: objects, known by kind, namespace and name."""

import json
import os
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from tests.cluster.api import Document
from tests.cluster.build import HELM, KUSTOMIZE

DEPLOY = Path(__file__).parents[3] / "deploy"
CHART = DEPLOY / "charts" / "warmscaler"
COMPONENTS = tuple(sorted(path.name for path in (DEPLOY / "components").iterdir()))
NAMESPACE = "warmscaler"

# What only Helm's objects have: how it recognises its own.
HELMS_LABELS = (
    "app.kubernetes.io/instance",
    "app.kubernetes.io/managed-by",
    "app.kubernetes.io/version",
    "helm.sh/chart",
)

Key = tuple[str, str, str]
Objects = dict[Key, Document]


class RefusedError(AssertionError):
    """A renderer said no; carries its words."""


def kustomized(folder: Path) -> Objects:
    """Return the objects of a kustomization."""
    return _objects([KUSTOMIZE.path("kustomize"), "build", str(folder)])


def with_component(name: str, scratch: Path) -> Objects:
    """Return the objects of the base with one component, by a kustomization as a user would write it."""
    root = os.path.relpath(DEPLOY, scratch)
    body = {"resources": [f"{root}/base"], "components": [f"{root}/components/{name}"]}
    (scratch / "kustomization.yaml").write_text(yaml.safe_dump(body))
    return kustomized(scratch)


def helmed(values: Mapping[str, Any] | None = None, namespace: str = NAMESPACE) -> Objects:
    """Return the objects of the chart, for a release in a namespace: if none is named, that of kustomize's objects."""
    settings = [f"--set-json={key}={json.dumps(value)}" for key, value in (values or {}).items()]
    return _objects([HELM.path("helm"), "template", "any-release", str(CHART), f"--namespace={namespace}", *settings])


def without_helms_labels(objects: Objects) -> Objects:
    """Return the objects as they are without the labels that Helm alone gives."""
    stripped = json.loads(json.dumps(list(objects.values())))
    for document in stripped:
        for label in HELMS_LABELS:
            document["metadata"]["labels"].pop(label, None)
    return _by_key(stripped)


def _objects(command: list[str]) -> Objects:
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    if done.returncode != 0:
        raise RefusedError(done.stderr)
    return _by_key([document for document in yaml.safe_load_all(done.stdout) if document])


def _by_key(documents: list[Document]) -> Objects:
    keyed = {key(document): document for document in documents}
    assert len(keyed) == len(documents), "an object is there twice"
    return keyed


def key(document: Document) -> Key:
    """Return what an object is known by."""
    about = document["metadata"]
    return document["kind"], about.get("namespace", ""), about["name"]
