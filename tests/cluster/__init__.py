"""A real control plane with a real KEDA on loopback: built once from Go modules, started by fixtures."""
