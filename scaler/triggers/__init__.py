"""From ``scalerMetadata`` to a :class:`scaler.model.Trigger`: KEDA's value rules, aliases and our own keys."""
