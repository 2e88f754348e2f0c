"""Where events wait: a real NATS server with JetStream, or numbers in this process."""
