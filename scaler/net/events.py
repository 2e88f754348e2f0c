"""Events of Kubernetes: a sentence that ``kubectl describe`` shows. Said again, it is one Event with a newer time."""

from datetime import UTC, datetime
from hashlib import sha256
from typing import Final

from structlog import get_logger

from scaler.errors import ApiRefused, ApiUnreachable
from scaler.net.kube import CONFLICT, EVENTS, MERGE, Document, Kube

log = get_logger(__name__)

SOURCE: Final = "warmscaler"
_MESSAGE: Final = 1_024  # characters that the API accepts
_HASH: Final = 10  # characters that tell two sentences about one object apart
_PREFIX: Final = 200  # characters of a name that leave room for the hash


async def record(kube: Kube, regarding: Document, reason: str, message: str, *, warning: bool) -> None:
    """Say ``message`` about the object ``regarding``; that nobody can be told is logged and never raised.

    Two replicas that say the same about the same make one Event. Needs the verbs create and patch on events in the
    object's namespace.
    """
    event = _event(regarding, reason, message[:_MESSAGE], warning=warning)
    about = event["metadata"]
    try:
        try:
            await kube.call("POST", EVENTS.path(about["namespace"]), event)
        except ApiRefused as error:
            if error.status != CONFLICT:
                raise
            newer = {"lastTimestamp": event["lastTimestamp"]}
            await kube.call("PATCH", EVENTS.path(about["namespace"], about["name"]), newer, content=MERGE)
    except (ApiRefused, ApiUnreachable) as error:
        log.warning("event not recorded", reason=reason, why=str(error))


def _event(regarding: Document, reason: str, message: str, *, warning: bool) -> Document:
    about = regarding["metadata"]
    namespace, name, uid = about["namespace"], about["name"], about.get("uid", "")
    digest = sha256("\0".join((regarding["kind"], uid, reason, message)).encode()).hexdigest()[:_HASH]
    now = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    return {
        "apiVersion": "v1",
        "kind": "Event",
        "metadata": {"namespace": namespace, "name": f"{name[:_PREFIX]}.{digest}"},
        "involvedObject": {
            "apiVersion": regarding["apiVersion"],
            "kind": regarding["kind"],
            "namespace": namespace,
            "name": name,
            "uid": uid,
        },
        "type": "Warning" if warning else "Normal",
        "reason": reason,
        "message": message,
        "firstTimestamp": now,
        "lastTimestamp": now,
        "count": 1,
        "source": {"component": SOURCE},
        "reportingComponent": SOURCE,
    }
