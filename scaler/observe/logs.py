"""Log lines: a constant and its facts, as JSON for machines or in colour for people; on standard error."""

import logging
import sys
from typing import Any

import structlog


def set_up_logs(*, people: bool, level: str = "info") -> None:
    """Send our log lines, and the warnings of libraries, to standard error."""
    renderer: Any = structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty()) if people else _json()
    shared: list[Any] = [
        structlog.contextvars.merge_contextvars,
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="%H:%M:%S" if people else "iso", utc=not people),
    ]
    structlog.configure(
        processors=[*shared, renderer] if people else [*shared, structlog.processors.format_exc_info, renderer],
        wrapper_class=structlog.make_filtering_bound_logger(logging.getLevelNamesMapping()[level.upper()]),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
        cache_logger_on_first_use=False,
    )
    _calm_libraries()


def _json() -> structlog.processors.JSONRenderer:
    return structlog.processors.JSONRenderer(sort_keys=False)


def _calm_libraries() -> None:
    """Keep libraries quiet: what they find worth a line we say ourselves, once and without secrets.

    Above all grpc: it would print a traceback for every message of a stranger that is none.
    """
    for name in ("kafka", "nats", "redis", "aiohttp", "asyncio", "grpc"):
        logging.getLogger(name).setLevel(logging.CRITICAL)
