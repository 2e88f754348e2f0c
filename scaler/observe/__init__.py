"""What people and machines see: logs, metrics and health."""
