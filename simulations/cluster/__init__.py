"""A Kubernetes cluster in memory, for a client that cannot tell: the API, the controllers of a hand-off, kubelets.

``tests/conformance`` runs one set of cases against it and against the real API server; where they differ, the real one
is right. Not simulated: admission, RBAC, API versions other than those that are named, and whatever a node does.
"""
