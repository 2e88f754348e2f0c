"""What every test may ask for; real servers' fixtures are in tests/servers/plugin.py, a cluster's beside it."""

import signal
from collections.abc import Iterator

import pytest
import structlog
from hypothesis import settings

pytest_plugins = [
    "tests.servers.plugin",
    "tests.cluster.plugin",
    "tests.cluster.account",
    "tests.cluster.pools",
    "tests.cluster.plots",
]

# The machine is shared: how long an example took says little, and a whole test is bounded by pytest's timeout.
settings.register_profile("house", deadline=None)
settings.load_profile("house")


@pytest.fixture(autouse=True)
def logs_of_nobody_else() -> Iterator[None]:
    """Undo what a test did to the log: it would go on writing to a standard error that is gone."""
    yield
    structlog.reset_defaults()


if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    # A shell starts background jobs deaf to Ctrl-C, and so would be every program that a test starts to interrupt it.
    signal.signal(signal.SIGINT, signal.default_int_handler)
