"""What the simulator says, beside what the real controllers do with the same demand."""
