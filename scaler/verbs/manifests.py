"""What in a manifest concerns us: the triggers that reach us, and the configuration inside a ConfigMap."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from scaler.config.text import Path, Place, Tree

SCALED: Final[Mapping[str, Path]] = {
    "ScaledObject": ("spec", "triggers"),
    "ScaledJob": ("spec", "triggers"),
    "Function": ("spec", "serving", "scaleOptions", "keda", "triggers"),  # OpenFunction's, which makes a ScaledObject
}
"""Where objects of a kind have their triggers."""
EXTERNAL: Final = ("external", "external-push")
OUR_NAME: Final = "warmscaler"
CONFIG_KEY: Final = "config.yaml"


@dataclass(frozen=True, slots=True, kw_only=True)
class Manifest:
    """One object of a document: where it stands in it, and what it is."""

    tree: Tree
    path: Path
    body: Mapping[str, object]

    @property
    def kind(self) -> str:
        """Return what kind of object it is."""
        return str(self.body.get("kind", ""))

    @property
    def name(self) -> str:
        """Return kind, namespace and name, as one says them."""
        meta = mapping(self.body.get("metadata"))
        full = "/".join(str(meta[key]) for key in ("namespace", "name") if meta.get(key))
        return f"{self.kind} {full}".strip()

    @property
    def namespace(self) -> str:
        """Return the namespace that it says, empty if it leaves that to who applies it."""
        return str(mapping(self.body.get("metadata")).get("namespace") or "")

    def get(self, *path: str | int) -> object:
        """Return what stands at ``path``, ``None`` if nothing does."""
        value: object = self.body
        for step in path:
            match value:
                case dict() if step in value:
                    value = value[step]
                case list() if isinstance(step, int) and step < len(value):
                    value = value[step]
                case _:
                    return None
        return value

    def place(self, *path: str | int) -> Place:
        """Return the place of ``path``."""
        return self.tree.place((*self.path, *path))


@dataclass(frozen=True, slots=True, kw_only=True)
class ExternalTrigger:
    """A trigger of a scaled object that reaches us, by its path and its index there."""

    manifest: Manifest
    path: Path
    index: int
    metadata: Mapping[str, object]

    @property
    def texts(self) -> dict[str, str]:
        """Return the metadata as Kubernetes stores it; a value that is no text is taken as it was written."""
        return {key: value if isinstance(value, str) else self.place(key).text for key, value in self.metadata.items()}

    def place(self, key: str | None = None) -> Place:
        """Return the place of one key of the metadata, or of the trigger."""
        return self.manifest.place(*self.path, *(("metadata", key) if key is not None else ()))

    def get(self, *path: str) -> object:
        """Return what the trigger says besides its metadata."""
        return self.manifest.get(*self.path, *path)


def manifests(tree: Tree) -> Iterator[Manifest]:
    """Yield the objects of a document: itself, or the items of a list of objects."""
    body = mapping(tree.value)
    items = body.get("items")
    if str(body.get("kind", "")).endswith("List") and isinstance(items, list):
        for index, item in enumerate(items):
            yield Manifest(tree=tree, path=("items", index), body=mapping(item))
    else:
        yield Manifest(tree=tree, path=(), body=body)


def triggers(manifest: Manifest) -> Iterator[ExternalTrigger]:
    """Yield the triggers that reach us: external ones that say what they measure, or that name us as their scaler."""
    path = SCALED.get(manifest.kind, ())
    found = manifest.get(*path) if path else None
    for index, body in enumerate(found if isinstance(found, list) else []):
        metadata = mapping(mapping(body).get("metadata"))
        ours = "kind" in metadata or str(metadata.get("scalerAddress", "")).startswith(OUR_NAME)
        if mapping(body).get("type") in EXTERNAL and ours:
            yield ExternalTrigger(manifest=manifest, path=(*path, index), index=index, metadata=metadata)


def configuration(manifest: Manifest) -> str | None:
    """Return the configuration that a ConfigMap holds; other programs, too, keep a ``config.yaml`` in theirs."""
    text = manifest.get("data", CONFIG_KEY) if manifest.kind == "ConfigMap" else None
    if not isinstance(text, str):
        return None
    ours = OUR_NAME in manifest.name or OUR_NAME in mapping(manifest.get("metadata", "labels")).values()
    return text if ours or text.startswith("version:") or "\nversion:" in text else None


def mapping(value: object) -> Mapping[str, object]:
    """Return a mapping, an empty one for anything else."""
    return value if isinstance(value, dict) else {}
