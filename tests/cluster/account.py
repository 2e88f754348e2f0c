"""The service account of deploy/base, with its rights and no others: what it may not do shows as a failing test."""

from pathlib import Path

import pytest
import yaml

from tests.cluster.control_plane import ControlPlane

BASE = Path(__file__).parents[2] / "deploy" / "base"
NAMESPACE = ACCOUNT = "warmscaler"


@pytest.fixture(scope="session")
def service_account_kubeconfig(control_plane: ControlPlane, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Apply deploy/base without its pods, and return a kubeconfig of its service account."""
    for file in ("namespace.yaml", "rights.yaml", "config.yaml"):
        for document in yaml.safe_load_all((BASE / file).read_text()):
            control_plane.api.apply(document)
    token = control_plane.api.token_of(NAMESPACE, ACCOUNT)
    return control_plane.credentials.kubeconfig_of(token, tmp_path_factory.mktemp("account") / "kubeconfig")
