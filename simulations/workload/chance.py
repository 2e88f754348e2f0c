"""Where all chance of a simulation comes from: a seed, and the name of what is drawn.

Names keep draws apart: a function that is added, or draws more, changes nothing for the others, so all policies of a
comparison meet the same arrivals, service times and starts (common random numbers).
"""

from zlib import crc32

from numpy.random import PCG64, Generator, SeedSequence


def streams(seed: int, *names: str) -> Generator:
    """Return the stream of ``seed``, not negative, that ``names`` single out: the same on every machine."""
    return Generator(PCG64(SeedSequence((seed, *(crc32(name.encode()) for name in names)))))
