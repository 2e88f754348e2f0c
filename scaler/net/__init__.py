"""The only way out: egress rules, TLS and secrets."""
