"""The whole loop with nothing prepared: the real service, a real broker, KEDA, the HPA, and pods with cold starts.

Real are the service (its gRPC server, its probe, its decisions), the broker, and every message through it. KEDA and the
HPA are ``simulations.keda`` and ``simulations.hpa`` with the clock and the RPCs put around them; pods are tasks that
really pull and acknowledge. What is simulated waits on one clock, which can run faster than the wall's: see ``clock``.
"""
