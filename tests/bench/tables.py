"""Figures in columns."""

from collections.abc import Sequence


def printed(rows: Sequence[Sequence[str]]) -> str:
    """Return rows as lines, each column as wide as its widest cell."""
    widths = [max(len(cell) for cell in column) for column in zip(*rows, strict=True)]
    return "\n".join(
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows
    )
