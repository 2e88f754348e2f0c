"""What every test may ask for; the real servers' fixtures are in tests/servers/plugin.py."""

from hypothesis import settings

pytest_plugins = ["tests.servers.plugin"]

# The machine is shared: how long an example took says little, and a whole test is bounded by pytest's timeout.
settings.register_profile("house", deadline=None)
settings.load_profile("house")
