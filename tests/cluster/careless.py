"""The service, with a pool that adopts without waiting for the ReplicaSet: what the wait is good for."""

from dataclasses import replace

from scaler.cli import main
from scaler.pool import keeper
from scaler.pool.plan import Plan, plan
from scaler.pool.view import PoolView, Rules


def careless(view: PoolView, rules: Rules) -> Plan:
    """Plan as if the ReplicaSet had observed, and wanted, all that the scaler's word amounts to."""
    wanted = max(view.wanted or 0, view.replicas.asked)
    hasty = replace(view.replicas, observed=True, wants=wanted, asked=wanted)
    return plan(replace(view, replicas=hasty), rules)


if __name__ == "__main__":
    vars(keeper)["plan"] = careless
    main()
