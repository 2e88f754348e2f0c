"""Where what stands: the places in the two arrays that a run of the fast kernel works on, beside the requests.

``k`` holds whole numbers: instants in microseconds, metric values in milli units, facts as 0 and 1; then the tables.
``f`` holds floats: seconds, as KEDA and the scaler's policy compute with. Everything is in two arrays because to hand
an array to a compiled function costs more than what most of these functions do.
"""

from typing import Final

NEVER: Final = 2**62
"""An instant that does not come."""
NOBODY: Final = -1
"""In place of a number that there is none of: replicas to write, replicas wanted, idle replicas, a trigger's watch."""

# -- what does not change ----------------------------------------------------------------------------------------------

(CONCURRENCY, SERIES, POOLED, SINCE, END, BINS, REQUESTS, INCIDENTS) = range(8)
(KEDA_LEAST, KEDA_MOST, KEDA_IDLE, FORCED, NO_SCALE_IN, NO_SCALE_OUT, PUSH, CACHED) = range(8, 16)
(TARGET, AVERAGED, STEPS, COUNTS_ALL, WATCH, INTERVAL, CONFIRM, ON_ERROR) = range(16, 24)
"""``SERIES`` says that the source is none that counts requests, ``STEPS`` how many steps it has; ``COUNTS_ALL`` that a
backlog counts those in service, too."""

# -- where things stand ------------------------------------------------------------------------------------------------

(NOW, UNTIL, NEWS, INCIDENT, SAMPLES, SAMPLE_AT, PAUSED) = range(24, 31)
(ARRIVED, BEGUN, ENDED, SEEN_ARRIVED, MISSED, SEEN_MISSED, WARM) = range(31, 38)
(REPLICAS, READY, BRIDGES, CLAIMING, STARTED, STARTING, REPLACING, OUTDATED, VERSION, NEXT_READY) = range(38, 48)
(RUNNING, DOWN, DOWN_SINCE, READ_AT, EARLY, STEP) = range(48, 54)
(KNOWN, VALUE, ACTIVE, SUSPECT, QUIET_SEEN, EXPIRED, TOLD, STEP_VALUE, STEP_ACTIVE) = range(54, 63)
"""The policy's state: ``KNOWN`` a snapshot was believed, ``VALUE`` and ``ACTIVE`` what it said; ``TOLD`` there is a
decision."""
(EVER_ACTIVE, STREAM_OPEN, BEAT_AT, SYNC_AT, SYNCS, HELD_BACK) = range(63, 69)
(RECORDED, RECORDED_VALUE) = range(69, 71)
"""Whether there was a check, and what it heard; :data:`simulations.fast.hpa.MISSING` if it failed."""
(HEARD_WANTED, HEARD_READY, HEARD_REPLICAS, UNHEARD, RECENT, MOVES) = range(71, 77)

# -- what is added up --------------------------------------------------------------------------------------------------

(COLD, WAKES, SLEEPS, UPS, DOWNS, MOST, STARTED_BEFORE) = range(77, 84)
(READY_TIME, BUSY_TIME, STARTING_TIME, LIMIT_TIME, OVERSHOOT_TIME) = range(84, 89)
BLAMED: Final = 89
"""The first of the six of :class:`simulations.figures.Blame`."""

# -- of one stretch of requests (``simulations.fast.requests``) --------------------------------------------------------

(ADMIT, SLOTS, ENOUGH, SPARE, FIRST) = range(95, 100)
"""The last instant of an arrival; how many are served at once; beyond how many more replicas are needed than there are,
and up to how many fewer; the number of the first request that is counted."""

# -- tables, after the scalars: where each begins ----------------------------------------------------------------------

(GAPS_FROM, SERIES_FROM, TAKES_FROM, TAKES, INCIDENTS_FROM, PODS_FROM, SAMPLES_FROM) = range(100, 107)
(RECENT_FROM, MOVES_FROM, HPA_LEAST, SYNCED, DUE_AT) = range(107, 112)
"""Gaps from sync to sync; a series' instants, its values, its activities; how long ``TAKES`` pods take to start, over
and over; incidents: an instant, and what; pods that start; samples; instants at which pods became Ready; moves."""
SIZE: Final = 112

# -- floats ------------------------------------------------------------------------------------------------------------

(TOLERANCE_UP, TOLERANCE_DOWN, ACTIVATION, HOLD_FOR, SPACING, POLLING, COOLDOWN, INITIAL_COOLDOWN) = range(8)
(CHECK_AT, OPENS_AT, WAIT, LAST_ACTIVE, QUIET_AT) = range(8, 13)
FLOATS: Final = 13
