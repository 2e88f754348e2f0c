"""A real API server accepts everything that can be installed, and lets its pods in where "restricted" is enforced.

Of cert-manager and the Prometheus operator only the definitions are here: their kinds are checked by schema, and nobody
acts on them. Nodes are played by kwok, so no container runs.
"""

import copy
import http.client
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import yaml

from tests.cluster.api import CRDS, DEPLOYMENTS, PODS, Api, ApiError, Document, Resource
from tests.cluster.build import CERT_MANAGER, PROMETHEUS_OPERATOR
from tests.cluster.control_plane import condition
from tests.cluster.deploy.rendered import COMPONENTS, DEPLOY, NAMESPACE, Objects, helmed, kustomized, with_component
from tests.cluster.deploy.test_rendering import ALL_ON, pool
from tests.cluster.keda import Keda
from tests.servers.process import wait_until

pytestmark = pytest.mark.requires("cluster", "manifests")

DEFINITIONS = [
    CERT_MANAGER.folder / "crds" / "cert-manager.io_certificates.yaml",
    CERT_MANAGER.folder / "crds" / "cert-manager.io_issuers.yaml",
    PROMETHEUS_OPERATOR.folder / "crds" / "monitoring.coreos.com_servicemonitors.yaml",
]
REPLICA_SETS = Resource(api="apps/v1", plural="replicasets")
SCALED = sorted(path for path in (DEPLOY / "examples").rglob("*.yaml") if "kind: ScaledObject" in path.read_text())


@pytest.fixture(scope="module")
def ground(keda: Keda) -> Iterator[Api]:
    """Yield a client of a cluster that knows the kinds of KEDA, cert-manager and the Prometheus operator."""
    api, documents = keda.api, [yaml.safe_load(path.read_text()) for path in DEFINITIONS]
    names = [document["metadata"]["name"] for document in documents]
    for document in documents:
        api.apply(document)
    wait_until(
        lambda: all(condition(api.get(CRDS, name), "Established") == "True" for name in names),
        within=20.0,
        what="definitions established",
    )
    yield api
    for name in names:
        api.delete(CRDS, name)
    api.delete(DEPLOYMENTS, "warmscaler", NAMESPACE)
    for plural in ("rolebindings", "roles"):  # what the base does not have; the rest of it is others' ground, too
        for name in ("warmscaler-secrets", "warmscaler-pool-leader"):
            api.delete(Resource(api="rbac.authorization.k8s.io/v1", plural=plural), name, NAMESPACE)


@pytest.mark.parametrize(
    "what", ["base", "overlays/try-it", "overlays/production", *(f"components/{name}" for name in COMPONENTS)]
)
def test_a_kustomization_is_accepted_and_its_pods_are_let_in(ground: Api, tmp_path: Path, what: str) -> None:
    kind, _, name = what.partition("/")
    accept(ground, with_component(name, tmp_path) if kind == "components" else kustomized(DEPLOY / what))


@pytest.mark.parametrize("switches", [{}, ALL_ON], ids=["as it is", "all on"])
def test_the_chart_is_accepted_and_its_pods_are_let_in(ground: Api, switches: dict) -> None:
    objects = helmed({**switches, **pool("functions"), "secrets": ["orders-kafka"]})
    namespace = ("Namespace", "", NAMESPACE)
    accept(ground, {namespace: kustomized(DEPLOY / "base")[namespace], **objects})


@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        pytest.param(lambda pod: pod.pop("securityContext"), "runAsNonRoot", id="who may be root"),
        pytest.param(
            lambda pod: pod["containers"][0].pop("securityContext"), "capabilities", id="who keeps capabilities"
        ),
        pytest.param(lambda pod: pod.update(hostNetwork=True), "hostNetwork", id="who asks for the node's network"),
    ],
)
def test_a_pod_that_asks_for_more_is_not_let_in(ground: Api, spoil: Callable[[Document], object], said: str) -> None:
    base = kustomized(DEPLOY / "base")
    ground.apply(base["Namespace", "", NAMESPACE])
    pod = copy.deepcopy(base["Deployment", NAMESPACE, "warmscaler"]["spec"]["template"]["spec"])
    spoil(pod)
    about = {"name": "bold", "namespace": NAMESPACE}
    with pytest.raises(ApiError, match=f'violates PodSecurity "restricted:latest".*{said}') as refused:
        ground.apply({"apiVersion": "v1", "kind": "Pod", "metadata": about, "spec": pod})
    assert refused.value.status == http.client.FORBIDDEN


@pytest.mark.parametrize("path", SCALED, ids=lambda path: path.stem)
def test_an_example_is_accepted(ground: Api, namespace: str, path: Path) -> None:
    for document in yaml.safe_load_all(path.read_text()):
        if document["kind"] == "Namespace":  # whose name is the test's, and whose rules are its own
            ground.apply({**document, "metadata": {**document["metadata"], "name": namespace}})
            continue
        document["metadata"]["namespace"] = namespace
        if document["kind"] == "ScaledObject":
            document["metadata"]["annotations"] = {"autoscaling.keda.sh/paused": "true"}  # nobody answers its address
        ground.apply(document)
    for deployment in ground.all(DEPLOYMENTS, namespace):
        await_let_in(ground, deployment)


def accept(api: Api, objects: Objects) -> None:
    """Apply everything, and see a new pod for each replica; what a schema does not know is an error."""
    api.delete(DEPLOYMENTS, "warmscaler", NAMESPACE)
    for namespace in {namespace for _, namespace, _ in objects} - {"", NAMESPACE}:  # others', which are there already
        api.apply({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": namespace}})
    for document in sorted(objects.values(), key=lambda each: each["kind"] != "Namespace"):
        api.apply(document)
    deployment = api.get(DEPLOYMENTS, "warmscaler", NAMESPACE)
    assert deployment["spec"]["replicas"] == objects["Deployment", NAMESPACE, "warmscaler"]["spec"]["replicas"]
    await_let_in(api, deployment)


def await_let_in(api: Api, deployment: Document) -> None:
    """Wait until there is a pod for each replica."""
    replicas = deployment["spec"]["replicas"]
    wait_until(lambda: let_in(api, deployment) == replicas, within=20.0, what=f"{replicas} pods let in")


def let_in(api: Api, deployment: Document) -> int:
    """Count the pods of a Deployment."""
    namespace = deployment["metadata"]["namespace"]
    ours = {uid(each) for each in api.all(REPLICA_SETS, namespace) if owner(each) == uid(deployment)}
    return sum(owner(pod) in ours for pod in api.all(PODS, namespace))


def uid(document: Document) -> str:
    """Return what tells an object from one of the same name."""
    return str(document["metadata"]["uid"])


def owner(document: Document) -> str:
    """Return the uid of who owns an object, empty if nobody does."""
    return next((str(each["uid"]) for each in document["metadata"].get("ownerReferences", [])), "")
