"""Closed forms of queues and stocks, which a simulation must meet.

Rates are per second, times seconds, loads the mean number of busy servers (rate times time). Sources: Kleinrock,
*Queueing Systems I* (1975), for the queues; Erlang's loss formula is the service's own (:mod:`scaler.policy.erlang`).
"""

from dataclasses import dataclass
from math import exp, expm1

from scaler.policy.erlang import miss_ratio


def on_hand(size: int, load: float) -> float:
    """Return the mean number of warm pods in a stock of ``size`` whose misses take none: what is not being replaced.

    By Little's law: replacements begin as often as a pod is taken, and last one lead time.
    """
    return size - load * (1.0 - miss_ratio(size, load))


@dataclass(frozen=True, slots=True, kw_only=True)
class Queue:
    """M/M/c: Poisson arrivals, exponential service (``service`` is its mean), ``servers`` of them; ``load`` < servers.

    It is also a stock of ``servers`` warm pods with exponential lead times whose claims wait: a pod that was taken is
    busy until its replacement is warm.
    """

    rate: float
    service: float
    servers: int = 1

    @property
    def load(self) -> float:
        """Mean number of busy servers, also that of M/G/∞ and of M/G/c: the service's distribution does not matter."""
        return self.rate * self.service

    @property
    def waiting_ratio(self) -> float:
        """Erlang C: the share of arrivals that find every server busy."""
        lost = miss_ratio(self.servers, self.load)
        used = self.load / self.servers
        return lost / (1.0 - used * (1.0 - lost))

    @property
    def wait(self) -> float:
        """Mean seconds in the queue, zeros included."""
        return self.waiting_ratio * self.service / (self.servers - self.load)

    def longer_than(self, seconds: float) -> float:
        """Return the share of arrivals that wait for longer."""
        return self.waiting_ratio * exp(-(self.servers - self.load) * seconds / self.service)


def pollaczek_khinchine(rate: float, service: float, variation: float) -> float:
    """Return the mean wait of M/G/1: ``variation`` is the squared coefficient of variation of the service.

    1 is M/M/1, 0 is M/D/1, where service always takes the same.
    """
    used = rate * service
    return used * service * (1.0 + variation) / (2.0 * (1.0 - used))


def cold_ratio(rate: float, cooldown: float, polling: float) -> float:
    """Return the share of Poisson requests that wake a function: push activation, and jobs that take no time.

    KEDA puts it to sleep at the first check at which the last request is longer than ``cooldown`` ago, so a function
    sleeps ``cooldown`` and up to one polling interval after it: exp(-rC) (1 - exp(-rp)) / (rp). As Poisson arrivals see
    time averages, this is also the share of time without a pod.
    """
    return exp(-rate * cooldown) * -expm1(-rate * polling) / (rate * polling)
