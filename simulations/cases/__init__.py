"""Recorded decisions of real HPA controllers, and how the model's compare with them.

``reading`` opens a file, ``schema`` says what a row may hold, ``replay`` runs the model on it. Three kinds of row: a
``unit`` asks one rule, a ``reconcile`` one sync, a ``timeline`` a whole series in which others (KEDA, a person) may
write the replicas too.
"""
