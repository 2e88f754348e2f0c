"""The EndpointSlice controller: which pods a Service leads to. One slice for each Service, however many pods."""

from collections.abc import Callable
from typing import Final

from scaler.errors import ApiRefused
from scaler.net.kube import MERGE, NOT_FOUND, PODS, SERVICES, Document, Resource
from simulations.cluster.client import SimulatedKube
from simulations.cluster.informer import Controller, Informer, key_of
from simulations.cluster.owners import OVER, is_ready, owned_by
from simulations.cluster.store import Key

ENDPOINT_SLICES: Final = Resource(api="discovery.k8s.io/v1", plural="endpointslices")
SERVICE_NAME: Final = "kubernetes.io/service-name"


class EndpointSlices(Controller):
    """See the module."""

    def __init__(self, kube: SimulatedKube, seeing: SimulatedKube, *, delay: Callable[[], float]) -> None:
        super().__init__(kube.api.time, delay)
        self.services = Informer(seeing, SERVICES, lambda before, now: self.look(key_of(now or before or {})))
        self.pods = Informer(seeing, PODS, self._pod_changed)
        self._kube = kube
        self._slices: dict[str, str] = {}  # names, by the service's uid
        self._told: dict[str, list[Document]] = {}

    def _pod_changed(self, before: Document | None, now: Document | None) -> None:
        for service in self.services.inside(key_of(now or before or {})[0]):
            if any(pod is not None and _leads_to(service, pod) for pod in (before, now)):
                self.look(key_of(service))

    async def sync(self, key: Key) -> None:
        """Write the slice of one Service, if it is not what it should be."""
        service = self.services.objects.get(key)
        if service is None or not service["spec"].get("selector"):
            return
        pods = [pod for pod in self.pods.inside(key[0]) if _leads_to(service, pod)]
        endpoints = [_endpoint(pod) for pod in pods if pod["status"].get("podIP")]
        uid = service["metadata"]["uid"]
        if self._told.get(uid) != endpoints:
            await self._write(service, endpoints)
            self._told[uid] = endpoints

    async def _write(self, service: Document, endpoints: list[Document]) -> None:
        namespace, uid = service["metadata"]["namespace"], service["metadata"]["uid"]
        if uid in self._slices:
            path = ENDPOINT_SLICES.path(namespace, self._slices[uid])
            try:
                await self._kube.call("PATCH", path, {"endpoints": endpoints}, content=MERGE)
            except ApiRefused as refused:
                if refused.status != NOT_FOUND:
                    raise
            else:
                return
        made = await self._kube.call("POST", ENDPOINT_SLICES.path(namespace), _slice(service, endpoints))
        self._slices[uid] = made["metadata"]["name"]


def _leads_to(service: Document, pod: Document) -> bool:
    selector = service["spec"].get("selector") or {}
    labels = pod["metadata"].get("labels", {})
    return bool(selector) and selector.items() <= labels.items() and pod["status"].get("phase") not in OVER


def _endpoint(pod: Document) -> Document:
    about, ready = pod["metadata"], is_ready(pod)
    ending = "deletionTimestamp" in about
    return {
        "addresses": [pod["status"]["podIP"]],
        "conditions": {"ready": ready and not ending, "serving": ready, "terminating": ending},
        "nodeName": pod["spec"].get("nodeName", ""),
        "targetRef": {"kind": "Pod", "namespace": about["namespace"], "name": about["name"], "uid": about["uid"]},
    }


def _slice(service: Document, endpoints: list[Document]) -> Document:
    about = service["metadata"]
    ports = [
        {"name": port.get("name", ""), "port": _number(port), "protocol": port.get("protocol", "TCP")}
        for port in service["spec"].get("ports", ())
    ]
    return {
        "metadata": {
            "generateName": f"{about['name']}-",
            "labels": {SERVICE_NAME: about["name"]},
            "ownerReferences": [owned_by(service, api="v1", kind="Service")],
        },
        "addressType": "IPv4",
        "ports": ports,
        "endpoints": endpoints,
    }


def _number(port: Document) -> int:
    target = port.get("targetPort")
    return target if isinstance(target, int) else int(port["port"])
