"""One set of facts about Kubernetes, asked of the real control plane and of the simulated cluster: they must agree."""
