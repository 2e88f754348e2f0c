"""What every test may ask for; the real servers' fixtures are in tests/servers/plugin.py."""

pytest_plugins = ["tests.servers.plugin"]
