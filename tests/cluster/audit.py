"""What the API server saw our service do: its audit log, for the service accounts of one namespace."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

WATCHED = "warmscaler"
"""The namespace whose service accounts are recorded: the one that deploy/ installs to."""

_POLICY = {
    "apiVersion": "audit.k8s.io/v1",
    "kind": "Policy",
    "omitStages": ["RequestReceived"],
    "rules": [
        {"level": "Metadata", "userGroups": [f"system:serviceaccounts:{WATCHED}"]},
        {"level": "None"},
    ],
}


@dataclass(frozen=True, slots=True, kw_only=True, order=True)
class Right:
    """What a call needs: ``resource`` with its subresource, such as ``deployments/scale``."""

    group: str
    resource: str
    verb: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """One call that the API server has recorded: the rights it took, its object, and the answer's status.

    ``allowed``: the account may do that; a call may still be refused for another reason, such as a quota.
    """

    rights: frozenset[Right]
    namespace: str
    name: str
    status: int
    allowed: bool


class Audit:
    """The log of one API server, written to ``folder`` as the calls happen."""

    def __init__(self, folder: Path) -> None:
        self._log = folder / "audit.log"
        self._policy = folder / "audit-policy.yaml"

    def flags(self) -> list[str]:
        """Write the policy and return the flags of an API server that keeps to it."""
        self._policy.write_text(json.dumps(_POLICY))
        return [f"--audit-policy-file={self._policy}", f"--audit-log-path={self._log}"]

    def calls(self, account: str) -> list[Call]:
        """Return every call of a service account so far, oldest first."""
        lines = self._log.read_text().splitlines() if self._log.exists() else []
        user = f"system:serviceaccount:{WATCHED}:{account}"
        events = (json.loads(line) for line in lines)
        return [_call(event) for event in events if event["user"]["username"] == user and "objectRef" in event]

    def statuses(self, account: str, namespace: str, resource: str, verb: str) -> list[int]:
        """Return the status of each answer to the calls of an account for one kind of thing in one namespace."""
        return [
            call.status
            for call in self.calls(account)
            if call.namespace == namespace
            and any((right.resource, right.verb) == (resource, verb) for right in call.rights)
        ]


def _call(event: dict[str, Any]) -> Call:
    about, status = event["objectRef"], event.get("responseStatus", {}).get("code", 0)
    resource = "/".join(filter(None, (about["resource"], about.get("subresource"))))
    verbs = {event["verb"]}
    if event["verb"] == "patch" and status == 201:
        verbs.add("create")  # an apply that makes its object takes both
    rights = frozenset(Right(group=about.get("apiGroup", ""), resource=resource, verb=verb) for verb in verbs)
    return Call(
        rights=rights,
        namespace=about.get("namespace", ""),
        name=about.get("name", ""),
        status=status,
        allowed=event.get("annotations", {}).get("authorization.k8s.io/decision") != "forbid",
    )


def granted(*files: Path) -> set[Right]:
    """Return every right that the roles in some manifests give, whatever the namespace."""
    rules = [rule for file in files for each in yaml.safe_load_all(file.read_text()) for rule in each.get("rules", [])]
    return {
        Right(group=group, resource=resource, verb=verb)
        for rule in rules
        for group in rule["apiGroups"]
        for resource in rule["resources"]
        for verb in rule["verbs"]
    }
