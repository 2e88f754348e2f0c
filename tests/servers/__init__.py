"""Real servers for tests: installed once, started on free loopback ports, ended by their process id."""
