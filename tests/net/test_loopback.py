"""What is on this machine for sure."""

import pytest

from scaler.net.loopback import on_loopback


@pytest.mark.parametrize("address", ["127.0.0.1:0", "127.9.9.9:1", "localhost:1", "LocalHost:1", "[::1]:1"])
def test_any_address_of_this_machine_alone_is(address: str) -> None:
    assert on_loopback(address)


@pytest.mark.parametrize("address", ["0.0.0.0:1", "localhost", "localhost.evil:5", "127.0.0.1.example.com:5", ":1", ""])
def test_anything_else_may_be_elsewhere(address: str) -> None:
    assert not on_loopback(address)
