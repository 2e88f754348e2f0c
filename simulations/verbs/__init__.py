"""What the verbs of ``warmscaler simulate`` do between the command line and the simulator."""
