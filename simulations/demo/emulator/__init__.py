"""KEDA and the HPA as they call a scaler: ``simulations.keda`` and ``simulations.hpa`` with a clock and real RPCs."""
