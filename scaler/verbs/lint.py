"""``warmscaler lint``: what the service would say of these files, without a cluster.

Triggers go through the very parser that KEDA's calls go through, and configurations through the very loader. Besides,
it looks for what is valid and does not do what its author meant.
"""

import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from itertools import chain
from pathlib import Path
from typing import Any, Final

from scaler.config.document import Config, Source
from scaler.config.reading import examine, load, read_tree
from scaler.config.text import Place, Problem, Tree, read_trees
from scaler.errors import Cause, ConfigError
from scaler.triggers.connections import Connection, Lack
from scaler.triggers.guesses import guessed, is_about, quoted
from scaler.triggers.kind import Kind, Kinds
from scaler.triggers.metadata import CONNECTION, Defaults, understand
from scaler.triggers.params import FROM_ENV, Params, keys_of, required_keys_of, source_keys_of
from scaler.verbs.manifests import ExternalTrigger, Manifest, configuration, manifests, triggers
from scaler.verbs.output import Output, show_data, show_table, show_text

SUFFIXES: Final = (".yaml", ".yml", ".json")
STANDARD_INPUT: Final = Path("-")
MAX_BYTES: Final = 16 * 1024 * 1024  # of one file: manifests come in bundles
CHANNEL: Final = (("enableTLS", "sourceTLS"), ("unsafeSsl", "sourceUnsafeSsl"))
"""Keys that steer the channel from KEDA to us, though native scalers read them for the source, and ours for that."""

_NOT_LOOKED_FOR: Final = Lack(cause=Cause.MISSING, said="not looked for")


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One problem: where (documents count from one, triggers from zero, as KEDA does), its sort, and what it is."""

    file: str
    line: int
    column: int
    document: int
    object: str
    trigger: int | None
    sort: str
    said: str

    def row(self) -> tuple[str, str, str]:
        """Return the problem as a person reads it."""
        trigger = f" trigger {self.trigger}" if self.trigger is not None else ""
        return (
            f"{self.file}:{self.line}:{self.column}",
            f"{self.object or f'document {self.document}'}{trigger}",
            self.said,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """What was looked at, and what is wrong with it; ``others`` are documents that do not concern us."""

    files: int
    triggers: int
    configurations: int
    others: int
    problems: tuple[Finding, ...]

    def summary(self) -> str:
        """Say in one line what was looked at."""
        seen = [
            f"{number} {name}{'' if number == 1 else 's'}"
            for number, name in (
                (self.files, "file"),
                (self.triggers, "trigger"),
                (self.configurations, "configuration"),
                (self.others, "other document"),
                (len(self.problems), "problem"),
            )
        ]
        return ", ".join(seen)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Seen:
    """What became of one object of a document."""

    triggers: int = 0
    configurations: int = 0
    problems: tuple[tuple[str, Problem, int | None], ...] = ()
    name: str = ""


def lint(paths: Sequence[Path], config_path: Path | None, kinds: Kinds) -> Report:
    """Examine every YAML file of ``paths``, folders in full; triggers build on a configuration, if there is one.

    Raises :class:`ConfigError` for a path that cannot be read, and for a configuration that is not good.
    """
    config = load(_content(config_path), kinds) if config_path is not None else None
    files = [*chain.from_iterable(map(_files, paths))]
    seen = [(file, number, each) for file in files for number, each in _of_file(_content(file), kinds, config)]
    findings = [
        Finding(file=str(file), document=number, object=each.name, trigger=trigger, sort=sort, **_at(problem))
        for file, number, each in seen
        for sort, problem, trigger in each.problems
    ]
    return Report(
        files=len(files),
        triggers=sum(each.triggers for _, _, each in seen),
        configurations=sum(each.configurations for _, _, each in seen),
        others=sum(not (each.triggers or each.configurations or each.problems) for _, _, each in seen),
        problems=tuple(sorted(findings, key=lambda each: (each.file, each.line, each.column, each.said))),
    )


def show(report: Report, output: Output) -> None:
    """Print it."""
    if output is not Output.TABLE:
        show_data(asdict(report), output)
        return
    if report.problems:
        show_table(("place", "object", "description"), [each.row() for each in report.problems])
        show_text("")
    show_text(report.summary())


def _at(problem: Problem) -> dict[str, Any]:
    return {"line": problem.line, "column": problem.column, "said": problem.said}


def _files(path: Path) -> Iterator[Path]:
    if path.is_dir():
        yield from sorted(each for each in path.rglob("*") if each.suffix in SUFFIXES and each.is_file())
    else:
        yield path


def _content(path: Path) -> bytes:
    try:
        if path == STANDARD_INPUT:
            return sys.stdin.buffer.read(MAX_BYTES + 1)
        with path.open("rb") as file:
            return file.read(MAX_BYTES + 1)
    except OSError as error:
        raise ConfigError([f"cannot be read: {error.strerror}"], about=str(path)) from error


def _of_file(content: bytes, kinds: Kinds, config: Config | None) -> Iterator[tuple[int, _Seen]]:
    trees, problems = read_trees(content, MAX_BYTES)
    if problems:
        yield 1, _Seen(problems=tuple(("yaml", each, None) for each in problems))
    for number, tree in enumerate(trees, start=1):
        if tree.value is not None:
            yield from ((number, each) for each in _of_tree(tree, kinds, config))


def _of_tree(tree: Tree, kinds: Kinds, config: Config | None) -> Iterator[_Seen]:
    """Examine a document; one that is no object of Kubernetes is taken for a configuration."""
    if not (isinstance(tree.value, dict) and "kind" in tree.value and "apiVersion" in tree.value):
        _, problems = read_tree(tree, kinds)
        yield _Seen(configurations=1, problems=tuple(("configuration", each, None) for each in problems))
        return
    for manifest in manifests(tree):
        yield _of_manifest(manifest, kinds, config)


def _of_manifest(manifest: Manifest, kinds: Kinds, config: Config | None) -> _Seen:
    inner = configuration(manifest)
    if inner is not None:
        _, problems = examine(inner.encode(errors="replace"), kinds)
        place = manifest.place("data", "config.yaml")
        found = tuple(("configuration", place.problem(f"config.yaml {each}"), None) for each in problems)
        return _Seen(configurations=1, problems=found, name=manifest.name)
    ours = list(triggers(manifest))
    problems_of_triggers = [
        (sort, problem, each.index) for each in ours for sort, problem in _of_trigger(each, kinds, config)
    ]
    hazards = [("fallback", each, None) for each in _fallback(manifest)] if ours else []
    return _Seen(triggers=len(ours), problems=(*problems_of_triggers, *hazards), name=manifest.name)


def _of_trigger(trigger: ExternalTrigger, kinds: Kinds, config: Config | None) -> Iterator[tuple[str, Problem]]:
    """Yield every problem of one trigger, by sort."""
    for key, value in trigger.metadata.items():
        if not isinstance(value, str):
            yield (
                "quotes",
                trigger.place(key).problem(f"'{key}' must be text: put {trigger.place(key).text!r} in quotes"),
            )
    if "scalerAddress" not in trigger.metadata:
        yield "metadata", trigger.place().problem("'scalerAddress' is required: where KEDA finds the scaler, host:port")
    for said in _misunderstood(trigger, kinds, config):
        place = _place_of(said, trigger)
        yield "metadata", place.problem_of_key(said) if said.startswith("unknown key") else place.problem(said)
    yield from _channel(trigger, kinds)


def _misunderstood(trigger: ExternalTrigger, kinds: Kinds, config: Config | None) -> tuple[str, ...]:
    """Return the parser's problems. What KEDA will fill from the environment is guessed in the trigger's favour."""
    texts, namespace = trigger.texts, trigger.manifest.namespace
    kind = kinds.get(texts.get("kind", "").strip())
    offered = _offered(config, texts, kind, namespace)

    def problems(given: Mapping[str, str]) -> tuple[str, ...]:
        try:
            understand(namespace, "", {**texts, **given}, kinds, offered)
        except ConfigError as error:
            return error.problems
        return ()

    if kind is None:
        return problems({})
    known = keys_of(kind.params)
    filled = [key for key in texts if key.endswith(FROM_ENV)]
    found = problems(guessed(kind.params, filled, problems))
    stems = {key.removesuffix(FROM_ENV) for key in filled}.intersection(known)
    return tuple(said for said in found if not is_about(said, stems, known))


def _offered(config: Config | None, texts: Mapping[str, str], kind: Kind[Params] | None, namespace: str) -> Defaults:
    """Return what the configuration says for a trigger; what cannot be known here is guessed in its favour.

    That is every credential, whether a trigger without a namespace may use a connection and, without a configuration,
    the connection itself.
    """
    name = texts.get(CONNECTION, "").strip()
    if config is None:
        return Defaults(connections={name: _imagined(texts, kind)} if name and kind is not None else {})
    connections = {each: _without_credentials(source) for each, source in config.connections.items()}
    if name in connections and not namespace:
        connections[name] = replace(connections[name], namespaces=("*",))
    return replace(config.defaults, connections=connections)


def _imagined(texts: Mapping[str, str], kind: Kind[Params]) -> Connection:
    """Return a connection that may say whatever a trigger must not, or need not."""
    keys = source_keys_of(kind.params) or {each for each in required_keys_of(kind.params) if each not in texts}
    lacking = dict.fromkeys(keys, _NOT_LOOKED_FOR)
    return Connection(kind=texts["kind"].strip(), namespaces=("*",), lacking=lacking)


def _without_credentials(source: Source) -> Connection:
    references = [each for each in (source.secret, source.folder) if each is not None]
    lacking = {key: _NOT_LOOKED_FOR for reference in references for key in reference.keys}
    return Connection(kind=source.kind, namespaces=source.namespaces, parameters=source.parameters, lacking=lacking)


def _place_of(said: str, trigger: ExternalTrigger) -> Place:
    """Find the key that a problem speaks of; it is in quotes, and the first of them that is there."""
    key = next((each for each in quoted(said) if each in trigger.metadata), None)
    return trigger.place(key)


def _channel(trigger: ExternalTrigger, kinds: Kinds) -> Iterator[tuple[str, Problem]]:
    """Warn of keys that a native trigger uses for its source. Who sets up the channel names a TriggerAuthentication."""
    texts = trigger.texts
    kind = kinds.get(texts.get("kind", "").strip())
    if kind is None or trigger.get("authenticationRef") is not None:
        return
    for key, meant in CHANNEL:
        on = texts.get(key, "").strip().lower() in {"true", "1", "t"}
        if on and meant in keys_of(kind.params) and meant not in texts:
            said = f"'{key}' is for the channel from KEDA to the scaler; for the source say '{meant}' (or both)"
            yield "channel", trigger.place(key).problem(said)


def _fallback(manifest: Manifest) -> Iterator[Problem]:
    """Warn of the fallback that puts to sleep: with zero replicas, KEDA takes an error for "inactive"."""
    if manifest.get("spec", "fallback", "replicas") == 0 and not manifest.get("spec", "minReplicaCount"):
        said = (
            "'fallback.replicas' 0 with 'minReplicaCount' 0 scales to zero when a trigger fails: leave the fallback out"
        )
        yield manifest.place("spec", "fallback", "replicas").problem(said)
