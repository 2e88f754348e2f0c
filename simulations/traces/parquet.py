"""Parquet files as columns of texts, like any other table: one way to read a cell, whatever it came from."""

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Final

from scaler.errors import ConfigError
from simulations.progress import watched

if TYPE_CHECKING:
    import pyarrow as pa
    import pyarrow.parquet as pq

MAGIC: Final = b"PAR1"


def names(path: Path) -> tuple[str, ...]:
    """Return the names of the columns. Raises ``ConfigError``."""
    return tuple(_opened(path).schema_arrow.names)


def columns(path: Path) -> Iterator[list[list[str]]]:
    """Yield all columns, some rows at a time; what is missing is an empty text, an instant is as in ISO 8601."""
    file = _opened(path)
    for group in watched(range(file.num_row_groups), f"reading {path.name}"):
        for batch in file.iter_batches(row_groups=[group]):
            yield [_texts(column) for column in batch.columns]


def _opened(path: Path) -> "pq.ParquetFile":
    try:
        import pyarrow as pa  # noqa: PLC0415 - an extra
        import pyarrow.parquet as pq  # noqa: PLC0415 - the same
    except ImportError as error:
        raise ConfigError(["is Parquet: pip install 'warmscaler[parquet]' to read it"], about=str(path)) from error
    try:
        return pq.ParquetFile(path)
    except (OSError, pa.ArrowException) as error:
        raise ConfigError([f"damaged Parquet: {error}"], about=str(path)) from error


def _texts(column: "pa.Array") -> list[str]:
    import pyarrow as pa  # noqa: PLC0415 - an extra

    if pa.types.is_timestamp(column.type):
        column = column.cast(pa.timestamp("us", tz=column.type.tz), safe=False)
    if pa.types.is_duration(column.type):
        told = column.cast(pa.duration("us"), safe=False).cast(pa.int64()).to_pylist()
        return ["" if each is None else f"{each}us" for each in told]
    try:
        texts: list[str] = column.cast(pa.string()).fill_null("").to_pylist()
    except pa.ArrowException:  # a list or a map: no cell of ours
        texts = [""] * len(column)
    return texts
