"""Recordings as the service writes them, made of lines."""

import gzip
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

BEGIN = 1_800_000_000_000  # ms since 1970


def header(**more: Any) -> dict[str, Any]:
    facts = {"version": 1, "host": "pod-a", "process": 1, "file": 0, "lost": 0}
    return {"is": "recording", "at": BEGIN, **facts, **more}


def trigger(n: int = 0, **more: Any) -> dict[str, Any]:
    about = {"namespace": "shop", "name": "orders", "kind": "redis", "metric": "redis-jobs"}
    return {"is": "trigger", "at": BEGIN, "n": n, **about, "target": 5.0, "activation": 0.0, "interval": 2.0, **more}


def decision(seconds: float, value: float | None, n: int = 0, **more: Any) -> dict[str, Any]:
    known = {"active": bool(value), "value": value, "activity": value, "standing": "fresh", "why": "backlog"}
    return {"is": "decision", "at": BEGIN + round(seconds * 1000), "n": n, **known, **more}


def scaled_object(**spec: Any) -> dict[str, Any]:
    named = {"namespace": "shop", "name": "orders", "kind": "ScaledObject", "target": "orders", "paused": {}}
    said = {"triggers": [{"type": "external-push", "n": 0}], **spec}
    return {"is": "object", "at": BEGIN, **named, "spec": said}


def replicas(seconds: float, asked: int, there: int | None = None, every: float = 2.0) -> dict[str, Any]:
    at = BEGIN + round(seconds * 1000)
    seen = {"asked": asked, "there": asked if there is None else there, "every": every}
    return {"is": "replicas", "at": at, "namespace": "shop", "name": "orders", **seen}


def pool(seconds: float, asked: int, ready: int, **more: Any) -> dict[str, Any]:
    at = BEGIN + round(seconds * 1000)
    named = {"pool": "warm", "namespace": "shop", "function": "orders", "replicas": asked, "ready": ready}
    return {"is": "pool", "at": at, **named, "size": 2, "hits": 0, "misses": 0, **more}


def end(seconds: float) -> dict[str, Any]:
    return {"is": "end", "at": BEGIN + round(seconds * 1000)}


def wrote(folder: Path, *files: Sequence[dict[str, Any] | str]) -> Path:
    """Write files in their order; a text is a line that is none."""
    for number, lines in enumerate(files):
        text = "".join(f"{line if isinstance(line, str) else json.dumps(line)}\n" for line in lines)
        path = folder / f"recording-20270115T08000{number}-pod-1-{number:04}.jsonl.gz"
        path.write_bytes(gzip.compress(text.encode()))
    return folder
