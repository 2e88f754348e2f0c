"""KEDA's wire contract: RPCs that translate and never think, and the server they run in."""

import os

# Before grpc is imported: what its core would print on standard error (a port in use, every handshake that fails) we
# say ourselves where it matters, and a stranger could fill the log with the rest.
os.environ.setdefault("GRPC_VERBOSITY", "NONE")
