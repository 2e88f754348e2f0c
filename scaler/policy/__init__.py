"""Pure decisions: the same arguments always give the same answer, live, in a test and in the simulator."""
