"""Cron: a number of replicas while a window of the calendar is open."""

from scaler.probes.cron.probe import Cron

__all__ = ["Cron"]
