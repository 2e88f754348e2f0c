"""What NATS says, judged: a document is an amount, or a reason why there is none; from the API and the pages alike."""

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Final, TypeGuard

from scaler.errors import Cause, SourceUnavailable
from scaler.net.http import MAX_BODY
from scaler.probes.base import Amount, Found
from scaler.probes.nats_jetstream.records import Consumer

Document = Mapping[str, object]
Answer = Document | SourceUnavailable

_CAUSES: Final = {
    401: Cause.DENIED,
    403: Cause.DENIED,
    404: Cause.MISSING,
    408: Cause.TIMEOUT,
    503: Cause.UNREACHABLE,  # no leader, no quorum, shutting down
}
_NOT_FOR_ACCOUNT: Final = 10039  # "JetStream not enabled for account" (nats-server 2.15, errors.json)
_SAID: Final = 200  # characters of a server's words that an error repeats


def document(sent: bytes) -> Answer:
    """Read one JSON object; an answer that is an error of the API becomes that error.

    One message may be as long as a page may be, since each is parsed in one go.
    """
    if len(sent) > MAX_BODY:
        return SourceUnavailable(Cause.INVALID, f"an answer of more than {MAX_BODY} bytes")
    try:
        said = json.loads(sent)
    except (ValueError, RecursionError) as wrong:
        return SourceUnavailable(Cause.INVALID, f"the answer is not JSON: {wrong}")
    if not is_document(said):
        return SourceUnavailable(Cause.INVALID, "the answer is not a JSON object")
    error = said.get("error")
    return failure(error) if is_document(error) else said


def failure(error: Document) -> SourceUnavailable:
    """Translate an error of the JetStream API."""
    said = text(error, "description")[:_SAID] or "the API failed without a word"
    if error.get("err_code") == _NOT_FOR_ACCOUNT:
        return SourceUnavailable(Cause.DENIED, said)
    return SourceUnavailable(_CAUSES.get(count(error, "code"), Cause.INVALID), said)


def amount(consumer: Consumer, answer: Answer) -> Found:
    """Count what the consumer has still to do: not delivered yet plus not acknowledged.

    In a cluster only the leader knows; what a member without a leader says is an error and not its (zero) count.
    """
    if isinstance(answer, SourceUnavailable):
        missing = answer.cause is Cause.MISSING
        return SourceUnavailable(Cause.MISSING, f"{consumer}: {answer.detail}") if missing else answer
    if "cluster" in answer and not leader(answer):
        return SourceUnavailable(Cause.UNREACHABLE, f"{consumer} has no leader now")
    pending, unacknowledged = answer.get("num_pending"), answer.get("num_ack_pending")
    if not (_is_count(pending) and _is_count(unacknowledged)):
        return SourceUnavailable(
            Cause.INVALID, f"{consumer}: num_pending {pending!r}, num_ack_pending {unacknowledged!r}"
        )
    return Amount.of(pending + unacknowledged)


def leader(consumer: Document) -> str:
    """Name the server that leads a consumer; empty if none does, or the server is no cluster."""
    cluster = consumer.get("cluster")
    return text(cluster, "leader") if is_document(cluster) else ""


def documents(holder: Document, key: str) -> Iterator[Document]:
    """Yield the objects of a list inside a document; a list that is not there is an empty one."""
    found = holder.get(key)
    yield from (each for each in found if is_document(each)) if isinstance(found, list) else ()


def text(holder: Document, key: str) -> str:
    """Return a text of a document; empty if it is not there or is something else."""
    found = holder.get(key)
    return found if isinstance(found, str) else ""


def texts(holder: Document, key: str) -> Sequence[str]:
    """Return the texts of a list inside a document."""
    found = holder.get(key)
    return [each for each in found if isinstance(each, str)] if isinstance(found, list) else []


def count(holder: Document, key: str) -> int:
    """Return a number of a document; zero if it is not there or is something else."""
    found = holder.get(key)
    return found if _is_count(found) else 0


def is_document(value: object) -> TypeGuard[Document]:
    """Tell whether ``value`` is a JSON object."""
    return isinstance(value, dict)


def _is_count(value: object) -> TypeGuard[int]:
    return isinstance(value, int) and not isinstance(value, bool) and value >= 0
