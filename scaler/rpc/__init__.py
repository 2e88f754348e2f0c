"""KEDA's wire contract: RPCs that translate and never think, and the server they run in."""
