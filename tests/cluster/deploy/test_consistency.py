"""What one object of a production install says of another is so: names, ports, folders and hosts agree."""

from collections.abc import Callable
from pathlib import PurePosixPath

import pytest

from tests.cluster.api import Document
from tests.cluster.deploy.rendered import DEPLOY, NAMESPACE, Objects, helmed, kustomized
from tests.cluster.deploy.test_rendering import ALL_ON, DEPLOYMENT

pytestmark = pytest.mark.requires("manifests")

ADDRESS = "warmscaler.warmscaler.svc:6000"


@pytest.fixture(
    params=[
        pytest.param(lambda: kustomized(DEPLOY / "overlays" / "production"), id="kustomize"),
        pytest.param(lambda: helmed(ALL_ON), id="Helm"),
    ]
)
def production(request: pytest.FixtureRequest) -> Objects:
    """Render the objects of a production install, by either renderer."""
    render: Callable[[], Objects] = request.param
    return render()


def test_the_certificates_that_the_service_reads_are_mounted_and_made(production: Objects) -> None:
    pod = production[DEPLOYMENT]["spec"]["template"]["spec"]
    container = pod["containers"][0]
    folders = {str(PurePosixPath(value).parent) for flag, value in flags(container).items() if "--tls-" in flag}
    mounts = {each["mountPath"]: each["name"] for each in container["volumeMounts"]}
    volumes = {each["name"]: each for each in pod["volumes"]}
    assert len(folders) == 1
    assert {volumes[mounts[folder]]["secret"]["secretName"] for folder in folders} <= made(production, NAMESPACE)


def test_keda_proves_itself_by_a_certificate_that_is_made_in_its_namespace(production: Objects) -> None:
    named = production["ClusterTriggerAuthentication", "", "warmscaler"]["spec"]["secretTargetRef"]
    assert [each["parameter"] for each in named] == ["caCert", "tlsClientCert", "tlsClientKey"]
    assert {each["name"] for each in named} <= made(production, "keda")


def test_the_server_is_certified_by_the_name_that_triggers_say(production: Objects) -> None:
    certificate = production["Certificate", NAMESPACE, "warmscaler-server"]["spec"]
    assert ADDRESS.partition(":")[0] in certificate["dnsNames"]
    service = production["Service", NAMESPACE, "warmscaler"]["metadata"]
    assert f"{service['name']}.{service['namespace']}.svc" == ADDRESS.partition(":")[0]


@pytest.mark.parametrize(("name", "flag"), [("grpc", "--listen"), ("http", "--http")])
def test_one_port_is_listened_at_named_and_let_in(production: Objects, name: str, flag: str) -> None:
    container = production[DEPLOYMENT]["spec"]["template"]["spec"]["containers"][0]
    listened = int(flags(container)[flag].rpartition(":")[2])
    assert [each["containerPort"] for each in container["ports"] if each["name"] == name] == [listened]
    service = production["Service", NAMESPACE, "warmscaler"]["spec"]["ports"]
    assert [each["targetPort"] for each in service if each["port"] == listened] == [name]
    policy = production["NetworkPolicy", NAMESPACE, "warmscaler"]["spec"]["ingress"]
    assert listened in [port["port"] for rule in policy for port in rule["ports"]]
    assert name == "http" or ADDRESS.endswith(f":{listened}")


def flags(container: Document) -> dict[str, str]:
    """Return what the container's arguments say, by flag."""
    return dict(each.split("=", maxsplit=1) for each in container["args"] if each.startswith("--"))


def made(objects: Objects, namespace: str) -> set[str]:
    """Return the names of the Secrets that cert-manager makes in a namespace."""
    return {
        each["spec"]["secretName"]
        for (kind, there, _), each in objects.items()
        if (kind, there) == ("Certificate", namespace)
    }
