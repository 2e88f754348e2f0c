"""The configuration: its document, where it comes from, and which version of it is in force."""
