"""Where what stands: the places in the two arrays that a run of the fast kernel works on, beside the requests.

``k`` holds whole numbers: instants in microseconds, metric values in milli units, facts as 0 and 1; then the tables.
``f`` holds floats: seconds, as KEDA and the scaler's policy compute with. Everything is in two arrays because to hand
an array to a compiled function costs more than what most of these functions do.
"""

from collections.abc import Iterator
from itertools import count, islice
from typing import Final

from simulations.figures import Blame

NEVER: Final = 2**62
"""An instant that does not come."""
NOBODY: Final = -1
"""In place of a number that there is none of: replicas to write, replicas wanted, idle replicas, a trigger's watch."""

_number = count()


def _places(many: int) -> Iterator[int]:
    """Return the next so many places."""
    return islice(_number, many)


# -- what does not change ----------------------------------------------------------------------------------------------

(CONCURRENCY, SERIES, POOLED, SINCE, END, BINS, REQUESTS, INCIDENTS, TAKES) = _places(9)
(KEDA_LEAST, KEDA_MOST, KEDA_IDLE, FORCED, NO_SCALE_IN, NO_SCALE_OUT, PUSH, CACHED, HPA_LEAST) = _places(9)
(TARGET, AVERAGED, STEPS, COUNTS_ALL, WATCH, INTERVAL, CONFIRM, ON_ERROR) = _places(8)
"""``SERIES`` says that the source is none that counts requests, ``STEPS`` how many steps it has; ``COUNTS_ALL`` that a
backlog counts those in service, too."""

# -- where things stand ------------------------------------------------------------------------------------------------

(NOW, UNTIL, NEWS, INCIDENT, SAMPLES, SAMPLE_AT, PAUSED) = _places(7)
(ARRIVED, BEGUN, ENDED, SEEN_ARRIVED, MISSED, SEEN_MISSED, WARM, AT_HAND) = _places(8)
(REPLICAS, READY, BRIDGES, CLAIMING, STARTED, STARTING, REPLACING, OUTDATED, VERSION, NEXT_READY) = _places(10)
(GONE, DRAINING, DRAINED_AT) = _places(3)
"""Pods that served until this instant; requests on pods that serve no more, and when the first of these is done."""
(RUNNING, DOWN, DOWN_SINCE, READ_AT, EARLY, STEP) = _places(6)
(KNOWN, VALUE, ACTIVE, SUSPECT, QUIET_SEEN, EXPIRED, TOLD, STEP_VALUE, STEP_ACTIVE) = _places(9)
"""The policy's state: ``KNOWN`` a snapshot was believed, ``VALUE`` and ``ACTIVE`` what it said; ``TOLD`` there is a
decision."""
(EVER_ACTIVE, STREAM_OPEN, DUE_AT, BEAT_AT, SYNC_AT, SYNCS, SYNCED, HELD_BACK) = _places(8)
(RECORDED, RECORDED_VALUE) = _places(2)
"""Whether there was a check, and what it heard; :data:`simulations.fast.hpa.MISSING` if it failed."""
(HEARD_WANTED, HEARD_READY, HEARD_REPLICAS, UNHEARD, RECENT, MOVES) = _places(6)
(ADMIT, SLOTS, ENOUGH, SPARE, FIRST) = _places(5)
"""Of the requests: the last instant of an arrival; how many are served at once; beyond how many more replicas are
needed than there are, and up to how many fewer; the number of the first that is counted."""

# -- what is added up --------------------------------------------------------------------------------------------------

(COLD, WAKES, SLEEPS, UPS, DOWNS, MOST, STARTED_BEFORE) = _places(7)
(READY_TIME, BUSY_TIME, STARTING_TIME, LIMIT_TIME, OVERSHOOT_TIME) = _places(5)
(DRAINING_TIME, DRAINING_BUSY_TIME) = _places(2)
BLAMED, *_ = _places(len(Blame))

# -- tables, after the scalars: where each begins ----------------------------------------------------------------------

(GAPS_FROM, SERIES_FROM, TAKES_FROM, INCIDENTS_FROM, PODS_FROM, SAMPLES_FROM, RECENT_FROM, MOVES_FROM) = _places(8)
"""Gaps from sync to sync; a series' instants, its values, its activities; how long pods take to start, over and over;
incidents: an instant, and what; pods that start; samples; instants at which pods became Ready; moves."""
SIZE: Final = next(_number)

# -- floats ------------------------------------------------------------------------------------------------------------

(TOLERANCE_UP, TOLERANCE_DOWN, ACTIVATION, HOLD_FOR, SPACING, POLLING, COOLDOWN, INITIAL_COOLDOWN) = range(8)
(CHECK_AT, OPENS_AT, WAIT, LAST_ACTIVE, QUIET_AT) = range(8, 13)
