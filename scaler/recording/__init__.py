"""What the live service writes down, so that it can be replayed: the format, who writes it, and what it is told."""
