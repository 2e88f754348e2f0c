"""Draws are named: nobody's depend on another's, and they are the same on every machine."""

from simulations.workload import streams


def test_a_stream_is_known_to_the_bit() -> None:
    assert streams(7, "arrivals", "orders").integers(0, 2**32, 3).tolist() == [2940588325, 2054902992, 3185033774]


def test_names_and_seeds_tell_streams_apart() -> None:
    drawn = {
        int(streams(seed, *names).integers(0, 2**62))
        for seed in (0, 1, 2**80)
        for names in ((), ("a",), ("b",), ("a", "b"), ("b", "a"), ("ab",))
    }
    assert len(drawn) == 18
