"""The reference kernel as arrays: the same events in the same order, compiled by numba where it is installed.

Every function of the modules ``hpa``, ``keda``, ``pods``, ``watched``, ``ledger`` and ``kernel`` is plain Python within
what numba compiles. Without numba they run as they are, on lists: the twin. The rules themselves are explained where
the reference has them (``simulations.hpa``, ``simulations.keda``, ``simulations.pods`` and so on); here stands only
what differs: records are flat, what changes lives in arrays of whole numbers, and words are numbers.

The arrays hold a Deployment with one trigger, KEDA and the HPA, with pools, outages, restarts of the scaler, rollouts
and pauses. What is rare is left to the reference, also in the fast engine: several triggers, a fallback that could be
needed, Knative, ScaledJobs, an object that is paused from the beginning.
"""
