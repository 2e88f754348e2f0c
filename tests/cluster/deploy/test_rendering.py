"""kustomize and Helm give the same objects, and these keep what is promised of them; no cluster is needed."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from scaler.probes.registry import installed
from scaler.verbs.lint import lint
from tests.cluster.api import Document
from tests.cluster.deploy.rendered import (
    COMPONENTS,
    DEPLOY,
    NAMESPACE,
    Objects,
    RefusedError,
    helmed,
    kustomized,
    with_component,
    without_helms_labels,
)

pytestmark = pytest.mark.requires("manifests")

SWITCHES = ("mtls", "serviceMonitor", "networkPolicy")
ALL_ON: dict[str, Any] = {switch: {"enabled": True} for switch in SWITCHES}
DEPLOYMENT = ("Deployment", NAMESPACE, "warmscaler")


@pytest.fixture(scope="module")
def renderings(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Objects]:
    """Render everything that anybody may install, by what it is."""
    overlays = {f"overlay {path.name}": kustomized(path) for path in (DEPLOY / "overlays").iterdir()}
    components = {f"component {name}": with_component(name, tmp_path_factory.mktemp(name)) for name in COMPONENTS}
    chart = {"chart": helmed(), "chart, all on": helmed({**ALL_ON, **pool("functions")})}
    return {"base": kustomized(DEPLOY / "base"), **chart, **overlays, **components}


@pytest.mark.parametrize(
    ("folder", "values"),
    [
        pytest.param("base", {}, id="what one gets without saying anything"),
        pytest.param("overlays/production", ALL_ON, id="production is all switches on"),
    ],
)
def test_helm_gives_the_same_objects_as_kustomize(folder: str, values: dict[str, Any]) -> None:
    expected = kustomized(DEPLOY / folder)
    # The namespace is Helm's to create (--create-namespace), not the chart's.
    del expected["Namespace", "", NAMESPACE]
    assert without_helms_labels(helmed(values)) == expected


def test_helm_gives_the_same_right_to_secrets_as_the_component(tmp_path: Path) -> None:
    expected = with_component("secrets", tmp_path)
    del expected["Namespace", "", NAMESPACE]
    assert without_helms_labels(helmed({"secrets": ["orders-kafka"]})) == expected


def test_helm_gives_the_same_pool_as_the_component(tmp_path: Path) -> None:
    expected = with_component("pool", tmp_path)
    del expected["Namespace", "", NAMESPACE]
    assert without_helms_labels(helmed(pool("functions"))) == expected


def test_the_pool_has_its_rights_in_each_namespace_that_is_named_and_leads_from_its_own() -> None:
    objects = helmed(pool("shop", NAMESPACE))
    kinds = [kind for kind, _, name in objects if name == "warmscaler-pool"]
    assert sorted(kinds) == ["Role", "Role", "RoleBinding", "RoleBinding"]
    for namespace in ("shop", NAMESPACE):
        assert ("Role", namespace, "warmscaler-pool") in objects
        assert objects["RoleBinding", namespace, "warmscaler-pool"]["subjects"][0]["namespace"] == NAMESPACE
    assert ("Role", NAMESPACE, "warmscaler-pool-leader") in objects
    assert "--pool" in objects[DEPLOYMENT]["spec"]["template"]["spec"]["containers"][0]["args"]


def test_without_the_pool_none_of_it_is_there() -> None:
    objects = helmed({"pool": {"enabled": False, "namespaces": ["shop"]}})
    assert [name for _, _, name in objects if "pool" in name] == []
    assert "--pool" not in objects[DEPLOYMENT]["spec"]["template"]["spec"]["containers"][0]["args"]


@pytest.mark.parametrize(
    ("values", "said"),
    [
        pytest.param({"pool": {"namespaces": ["Shop"]}}, "pattern", id="a namespace that is none"),
        pytest.param({"pool": {"namespace": ["shop"]}}, "'namespace' not allowed", id="one namespace of the pool"),
        pytest.param({"replica": 3}, "'replica' not allowed", id="a key that is none"),
        pytest.param({"mtls": {"enabld": True}}, "'enabld' not allowed", id="a misspelt key further in"),
        pytest.param({"resources": {"limit": {}}}, "'limit' not allowed", id="and in the resources"),
        pytest.param({"replicas": 0}, "minimum", id="no replica at all"),
        pytest.param({"config": {"limits": {}}}, "version", id="a configuration without its version"),
        pytest.param({"image": {"pullPolicy": "Often"}}, "pullPolicy", id="a word that is not one of three"),
        pytest.param({"networkPolicy": {"sourcePorts": [70000]}}, "maximum", id="a port that is none"),
        pytest.param({"secretFolders": ["orders.kafka"]}, "pattern", id="a folder that cannot name a volume"),
        pytest.param({"secretFolders": ["x" * 57]}, "maxLength", id="and one that is too long for it"),
    ],
)
def test_a_wrong_value_is_refused(values: dict[str, Any], said: str) -> None:
    with pytest.raises(RefusedError, match=said):
        helmed(values)


def test_every_value_of_the_chart_reaches_its_place() -> None:
    values = {
        "replicas": 3,
        "image": {"repository": "example.org/w", "tag": "2", "pullPolicy": "Always"},
        "imagePullSecrets": [{"name": "registry"}],
        "config": {"version": 1, "limits": {"triggers": 7}},
        "secretFolders": ["orders"],
        "resources": {"requests": {"cpu": "1", "memory": None}, "limits": {"memory": "1Gi"}},
        "extraEnv": [{"name": "A", "value": "b"}],
        "nodeSelector": {"disk": "fast"},
        "tolerations": [{"key": "k", "operator": "Exists"}],
        "affinity": {"nodeAffinity": {}},
    }
    objects = helmed(values)
    spec = objects[DEPLOYMENT]["spec"]
    pod, container = spec["template"]["spec"], spec["template"]["spec"]["containers"][0]
    assert (spec["replicas"], container["image"], container["imagePullPolicy"]) == (3, "example.org/w:2", "Always")
    assert (container["resources"]["limits"], container["env"]) == ({"memory": "1Gi"}, values["extraEnv"])
    for name in ("imagePullSecrets", "nodeSelector", "tolerations", "affinity"):
        assert pod[name] == values[name]
    assert {"name": "secret-orders", "secret": {"secretName": "orders"}} in pod["volumes"]
    assert "/etc/warmscaler/secrets/orders" in [each["mountPath"] for each in container["volumeMounts"]]
    written = objects["ConfigMap", NAMESPACE, "warmscaler"]["data"]["config.yaml"]
    assert yaml.safe_load(written) == values["config"]


def test_a_release_elsewhere_names_its_own_namespaces() -> None:
    objects = helmed({**ALL_ON, "keda": {"namespace": "scaling"}, "networkPolicy": {"enabled": True}})
    assert ("Certificate", "scaling", "warmscaler-client") in objects
    peers = objects["NetworkPolicy", NAMESPACE, "warmscaler"]["spec"]["ingress"][0]["from"]
    assert peers[0]["namespaceSelector"]["matchLabels"] == {"kubernetes.io/metadata.name": "scaling"}


def test_nothing_in_a_release_elsewhere_says_the_usual_namespace() -> None:
    values = {**ALL_ON, **pool("functions"), "secrets": ["orders-kafka"]}
    objects = helmed(values, namespace="elsewhere")
    assert {namespace for _, namespace, _ in objects} == {"", "elsewhere", "keda", "functions"}
    for key, said in texts(list(objects.values())):
        assert key != "namespace" or said in {"elsewhere", "keda", "functions"}
        assert key != "kubernetes.io/metadata.name" or said != NAMESPACE
        assert f":{NAMESPACE}/" not in said
        assert f"{NAMESPACE}.{NAMESPACE}" not in said


def test_lint_finds_nothing_in_any_configuration(renderings: dict[str, Objects], tmp_path: Path) -> None:
    file = tmp_path / "configuration.yaml"
    for what, objects in renderings.items():
        file.write_text(yaml.safe_dump_all(objects.values()))
        report = lint([file], None, installed().kinds)
        assert (report.problems, report.configurations) == ((), 1), what


def test_nobody_gets_a_right_that_is_not_needed(renderings: dict[str, Objects]) -> None:
    for what, objects in renderings.items():
        for rule in rules(objects):
            words = [*rule["apiGroups"], *rule["resources"], *rule["verbs"]]
            assert "*" not in words, what
            for resource in rule["resources"]:
                assert not resource.endswith("/scale") or rule["verbs"] == ["get"], what
                assert resource != "secrets" or what == "component secrets", what
                assert resource not in {"pods", "leases"} or what in {"component pool", "chart, all on"}, what
                if resource in {"configmaps", "secrets"}:
                    assert rule["resourceNames"], what


def test_every_pod_is_restricted(renderings: dict[str, Objects]) -> None:
    for what, objects in renderings.items():
        pod = objects[DEPLOYMENT]["spec"]["template"]["spec"]
        container = pod["containers"][0]
        assert pod["securityContext"] == {
            "runAsNonRoot": True,
            "runAsUser": 65532,
            "runAsGroup": 65532,
            "seccompProfile": {"type": "RuntimeDefault"},
        }, what
        assert container["securityContext"] == {
            "allowPrivilegeEscalation": False,
            "readOnlyRootFilesystem": True,
            "capabilities": {"drop": ["ALL"]},
        }, what
        assert container["resources"]["limits"]["memory"], what


def test_a_drain_or_an_update_leaves_keda_a_replica_that_it_knows(renderings: dict[str, Objects]) -> None:
    for what, objects in renderings.items():
        spec = objects[DEPLOYMENT]["spec"]
        pod, grace = spec["template"]["spec"], spec["template"]["spec"]["terminationGracePeriodSeconds"]
        if what == "overlay try-it":  # one replica: nothing is left anyhow, and restarts are to be quick
            assert ("lifecycle" in pod["containers"][0], spec["minReadySeconds"], grace > 10) == (False, 0, True)
            continue
        python, _, program = pod["containers"][0]["lifecycle"]["preStop"]["exec"]["command"]
        slept = int(re.findall(r"time\.sleep\((\d+)\)", program)[0])
        assert (python, spec["minReadySeconds"] >= 45, slept >= 40) == ("python", True, True), what
        assert grace > slept + 10, what
        assert pod["containers"][0]["livenessProbe"]["terminationGracePeriodSeconds"] <= 10, what


def test_the_network_policy_never_lets_out_to_link_local_addresses() -> None:
    policy = helmed(ALL_ON)["NetworkPolicy", NAMESPACE, "warmscaler"]["spec"]
    blocks = [peer["ipBlock"] for rule in policy["egress"] for peer in rule["to"] if "ipBlock" in peer]
    assert [block["cidr"] for block in blocks] == ["0.0.0.0/0", "::/0"]
    assert blocks[0]["except"] == ["169.254.0.0/16"]
    assert "fd00:ec2::254/128" in blocks[1]["except"]


def pool(*namespaces: str) -> dict[str, Any]:
    """Return the chart's values for a pool in some namespaces."""
    return {"pool": {"enabled": True, "namespaces": [*namespaces]}}


def rules(objects: Objects) -> list[Document]:
    """Return every rule of every role."""
    return [rule for (kind, _, _), each in objects.items() if kind in {"Role", "ClusterRole"} for rule in each["rules"]]


def texts(value: Any, key: str = "") -> Iterator[tuple[str, str]]:
    """Yield every text of a document, with the key that it stands under."""
    if isinstance(value, dict):
        for inner, each in value.items():
            yield from texts(each, inner)
    elif isinstance(value, list):
        for each in value:
            yield from texts(each, key)
    elif isinstance(value, str):
        yield key, value
