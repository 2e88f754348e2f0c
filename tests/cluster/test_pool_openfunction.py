"""Functions as OpenFunction makes them: Dapr's proxy mode, a new Serving for each change, and KEDA's HTTP add-on."""

import json

import pytest

from tests.cluster import manifests
from tests.cluster.api import DEPLOYMENTS, PODS, Document
from tests.cluster.plots import Plot, Record, recording
from tests.cluster.pools import pool, service
from tests.servers.process import wait_until

pytestmark = [pytest.mark.requires("cluster"), pytest.mark.timeout(120)]

DOMAIN = "openfunction.io"


def labels_of(serving: str) -> dict[str, str]:
    """Return the labels of everything that a Serving has: its Deployment selects by all of them."""
    return {f"{DOMAIN}/managed": "true", f"{DOMAIN}/serving": serving, "app.kubernetes.io/version": "latest"}


def made_of(serving: str, *, proxied: bool) -> "Change":
    """Return how a Deployment becomes that of a Serving."""
    return Change(labels_of(serving), {"dapr.io/enabled": "false", "dapr.io/app-port": "8080"} if proxied else {})


class Change:
    """Gives a Deployment and its pods exactly these labels, and more annotations."""

    def __init__(self, labels: dict[str, str], notes: dict[str, str]) -> None:
        self._labels = labels
        self._notes = notes

    def __call__(self, deployment: Document) -> None:
        """Change it."""
        template = deployment["spec"]["template"]["metadata"]
        deployment["metadata"]["labels"] = template["labels"] = self._labels
        deployment["spec"]["selector"] = {"matchLabels": self._labels}
        template["annotations"] |= self._notes


def front(plot: Plot, serving: str) -> Document:
    """Return the Service of an async function: headless, by one label."""
    made = service(plot.namespace, "fn", **{f"{DOMAIN}/serving": serving})
    return {**made, "spec": {**made["spec"], "clusterIP": "None"}}


def raise_proxy(plot: Plot, serving: str) -> None:
    """Deploy the Dapr proxy of a Serving."""
    proxy = manifests.deployment(plot.namespace, f"{serving}-proxy", replicas=1)
    Change({f"{DOMAIN}/managed": "true", f"{DOMAIN}/proxy": serving}, {"dapr.io/enabled": "true"})(proxy)
    plot.api.apply(proxy)


def keep_all(plot: Plot) -> None:
    """Keep a warm pod for every function of OpenFunction."""
    plot.pools["openfunction"] = pool(plot.namespace, 1, functions={"namespace": plot.namespace, "openFunction": True})
    plot.configure(**plot.pools)


def gained(pods: Record, name: str) -> dict[str, str]:
    """Return the labels that the first claim of a function's gave to its pod."""
    (claim,) = [each for each in pods.claims() if each.document["metadata"]["name"].startswith(f"{name}-")]
    life = pods.lives(name)[claim.uid]
    before = life[life.index(claim) - 1].labels
    return {key: value for key, value in claim.labels.items() if before.get(key) != value}


def wait_for_the_proxy(plot: Plot) -> None:
    """See that the function has no warm pod before its proxy is up, and one afterwards."""
    told = plot.wait_told("serving-a", lambda told: told["hold"])
    assert told["hold"] == "its Dapr proxy (label openfunction.io/proxy=serving-a) is not up"
    assert plot.ours("serving-a") == []
    raise_proxy(plot, "serving-a")
    plot.wait_available(1, "serving-a")
    plot.wait_streams_of(1)


def test_a_function_waits_for_its_proxy_and_moves_with_its_serving(plot: Plot) -> None:
    plot.deploy("serving-a", change=made_of("serving-a", proxied=True), services=[front(plot, "serving-a")])
    with recording(plot.api, PODS, plot.namespace) as pods:
        keep_all(plot)
        wait_for_the_proxy(plot)
        plot.push("serving-a")
        wait_until(lambda: bool(pods.claims()), within=10.0, what="a claim")
    given = {f"{DOMAIN}/serving": "serving-a", "warmscaler.dev/stage": "bridged"}
    assert gained(pods, "serving-a") == given, "not managed: the Deployment and the HPA would count it"
    raise_proxy(plot, "serving-b")
    plot.deploy("serving-b", change=made_of("serving-b", proxied=True), services=[front(plot, "serving-b")])
    plot.wait_available(1, "serving-b")
    plot.wait_told("serving-a", lambda told: "no Service selects its pods" in told["problem"])
    plot.api.delete(DEPLOYMENTS, "serving-a", plot.namespace)
    wait_until(lambda: not plot.ours("serving-a"), within=30.0, what="no pod of the old Serving left", every=0.3)
    assert len(plot.ours("serving-b")) == 1
    dns = json.loads(plot.scaler.page("/status"))["pool"]["dns"]
    assert dns["why"] == "not asked with --dev", (
        "its Service is headless, so it matters; our name server is no cluster's"
    )


def test_a_function_of_the_http_addon_gets_all_labels_and_no_hash(plot: Plot) -> None:
    labels = labels_of("serving-h")
    plot.deploy(
        "serving-h",
        change=made_of("serving-h", proxied=False),
        services=[service(plot.namespace, "fn-http", **labels)],
        cold_start=3.0,
    )
    with recording(plot.api, PODS, plot.namespace) as pods:
        keep_all(plot)
        plot.wait_available(1, "serving-h")
        plot.wait_streams_of(1)
        plot.push("serving-h")
        wait_until(lambda: bool(pods.claims()), within=10.0, what="a claim")
    assert gained(pods, "serving-h") == {**labels, "warmscaler.dev/stage": "bridged"}
    assert "pod-template-hash" not in pods.claims()[0].labels
