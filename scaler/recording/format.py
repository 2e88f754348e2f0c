"""What a recording is. The service writes it, the simulator reads it, and this text says how.

A recording is a folder of files ``recording-TIME-HOST-PROCESS-NUMBER.jsonl.gz``, one for each start of a process and
for each rotation; in the order of their names they are in the order of their beginnings. A file is one gzip stream of
JSON objects, one a line, flushed whole every second: what follows the last flush of a process that was killed is torn,
and no error. Whoever reads skips lines and fields that it does not know: what is added keeps the version.

Each line says what it ``is`` and when, ``at`` milliseconds since 1970. Within a process that clock never goes back.

==============  ========================================================================================================
``is``          and then
==============  ========================================================================================================
``recording``   the first line of each file: ``version`` (:data:`VERSION`), ``host``, ``process``, ``file`` (from 0),
                ``lost`` (lines of this process that could not be written so far)
``trigger``     a trigger that KEDA has asked for, or another target of it: ``n`` (its number in this process),
                ``namespace``, ``name`` (of the scaled object), ``kind``, ``metric`` (its name), ``target``,
                ``activation``, ``interval`` (s)
``decision``    a change of what is known of trigger ``n``: ``active``, ``value`` (``null``: nothing true can be said),
                ``activity`` (what was compared with the activation, ``null`` without a reading), ``standing``, ``why``
                and, where KEDA hears a rise at once by a stream, ``pushed``
``told``        another answer than the last one to ``call`` (GetMetrics, IsActive) of trigger ``n``: ``active`` and
                ``value``, both ``null`` for an error
``gone``        trigger ``n``, or the object ``namespace``/``name``, or the ``pool`` of ``namespace``/``function`` is
                followed no longer
``object``      the scaled object ``namespace``/``name`` as the API has it: ``kind``, ``target`` (the workload's name),
                ``paused`` (annotations), ``spec`` (the numbers that decide; of its triggers the type, how they are
                compared and ``n``, never the metadata)
``replicas``    of that object's target: ``asked`` (spec) and ``there`` (status), seen by looking every ``every`` s
``pool``        a change of one function's pool: ``pool``, ``namespace``, ``function``, ``size``, ``why``, ``pods`` (by
                stage), ``creating``, ``wanted``, ``replicas``, ``ready``, ``hits`` and ``misses`` (both since we lead)
``end``         the process ended in order
==============  ========================================================================================================

A file says again at its beginning, with the old ``at``, what was last known of everything that goes on: older files may
be gone, and a line that a reader has met already changes nothing.

Nothing of a trigger's metadata is here but the name that the metric has in Kubernetes.
"""

from enum import StrEnum
from typing import Final

VERSION: Final = 1
PREFIX: Final = "recording-"
SUFFIX: Final = ".jsonl.gz"


class What(StrEnum):
    """What a line is."""

    RECORDING = "recording"
    TRIGGER = "trigger"
    DECISION = "decision"
    TOLD = "told"
    GONE = "gone"
    OBJECT = "object"
    REPLICAS = "replicas"
    POOL = "pool"
    END = "end"
