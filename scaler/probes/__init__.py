"""Plugins that read sources, one family a file, named by the entry point group ``warmscaler.probes.v1``."""
