"""What the service tells over HTTP; it can only be read."""
