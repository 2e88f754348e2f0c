"""The whole loop with nothing prepared: the real service, a real broker, KEDA, the HPA, and pods with cold starts.

Real are the service (its gRPC server, its probe, its decisions), the pool's controller in one of the lanes, the broker,
and every message through it. KEDA and the HPA are ``simulations.keda`` and ``simulations.hpa`` with the clock and the
RPCs put around them; pods are tasks that really pull and acknowledge. Where there is a pool, they are objects of
``simulations.cluster``, too. What is simulated waits on one clock, which can run faster than the wall's: see ``clock``.
"""
