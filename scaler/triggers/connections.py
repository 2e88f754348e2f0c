"""Sources that the configuration names, so that a trigger needs no address and never sees a secret.

A trigger says ``connection: NAME`` and, besides, only what is its own: which topic, which key, which threshold. What
reaches the source and proves who we are to it is the connection's alone; whoever could say a part of it could send the
connection's secrets anywhere.
"""

from collections.abc import Hashable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from fnmatch import fnmatchcase

from scaler.errors import Cause
from scaler.model import Ask, Unresolved
from scaler.triggers.guesses import guessed, guesses, is_about
from scaler.triggers.kind import Kind
from scaler.triggers.params import FROM_ENV, Params, aliases, examine, keys_by_field, keys_of, source_keys_of


@dataclass(frozen=True, slots=True, kw_only=True)
class Lack:
    """Why a credential is not known, for an operator."""

    cause: Cause
    said: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Connection:
    """One connection: the ``kind`` of trigger that may use it, and the globs of namespaces that may.

    ``parameters`` are texts by key, as metadata would say them; ``credentials`` are the same, and secret. ``lacking``
    are the keys whose credentials are not known now.
    """

    kind: str
    namespaces: tuple[str, ...]
    parameters: Mapping[str, str] = field(default_factory=dict)
    credentials: Mapping[str, str] = field(default_factory=dict, repr=False)
    lacking: Mapping[str, Lack] = field(default_factory=dict)

    def serves(self, namespace: str) -> bool:
        """Tell whether the triggers of a namespace may use it."""
        return any(fnmatchcase(namespace, glob) for glob in self.namespaces)

    @property
    def said(self) -> frozenset[str]:
        """The keys that it speaks of."""
        return frozenset((*self.parameters, *self.credentials, *self.lacking))


@dataclass(frozen=True, slots=True, kw_only=True)
class Connecting:
    """One trigger that names a connection: the ``kind`` it is of, its metadata, and what holds without it."""

    name: str
    connection: Connection
    kind: Kind[Params]
    metadata: Mapping[str, str]
    defaults: Mapping[str, str]

    def read(self) -> tuple[Params | None, Ask | None, list[str]]:
        """Understand the trigger, or say everything that is wrong with it; credentials never are that.

        Those that are lacking, or not such as the kind reads, keep the source away and not the trigger.
        """
        if taken := list(self._taken()):
            return None, None, taken
        params, ask, problems = self._understood()
        secret = aliases(self.kind.params, self.connection.credentials)
        if problems and all(is_about(each, secret, keys_of(self.kind.params)) for each in problems):
            unfit = Lack(cause=Cause.INVALID, said=f"connection {self.name!r}: {'; '.join(problems)}")
            lacking = {**dict.fromkeys(self.connection.credentials, unfit), **self.connection.lacking}
            return replace(self, connection=replace(self.connection, credentials={}, lacking=lacking)).read()
        return params, ask, problems

    def _understood(self) -> tuple[Params | None, Ask | None, list[str]]:
        model, lacking = self.kind.params, sorted(self.connection.lacking)
        guess = guessed(model, lacking, lambda texts: self._examine(self.metadata, texts)[1])
        params, problems = self._examine(self.metadata, guess)
        unsure = aliases(model, lacking)
        problems = [each for each in problems if not is_about(each, unsure, keys_of(model))]
        if params is None or problems:
            return None, None, problems
        ask = self.kind.ask(params)
        moving = list(self._moving(ask, guess))
        return params, replace(ask, source=self._source(ask), inline=False), moving

    def _examine(self, metadata: Mapping[str, str], guess: Mapping[str, str]) -> tuple[Params | None, list[str]]:
        own, connection = self.kind.params, self.connection
        of_source = source_keys_of(own)
        rest = {key: text for key, text in self.defaults.items() if key not in of_source}
        return examine(own, {**metadata, **connection.parameters}, rest, {**connection.credentials, **guess})

    def _source(self, ask: Ask) -> Hashable:
        """Return the source, or what stands in its place until all credentials are known."""
        lacking = sorted(self.connection.lacking.items())
        if not lacking:
            return ask.source
        said = dict.fromkeys(lack.said for _, lack in lacking)
        return Unresolved(connection=self.name, meant=ask.source, cause=lacking[0][1].cause, detail="; ".join(said))

    def _taken(self) -> Iterator[str]:
        """Yield what the metadata says though it is the connection's to say."""
        of_source, said = source_keys_of(self.kind.params), self.connection.said
        for _, keys in keys_by_field(self.kind.params):
            fixed, sourced = said.intersection(keys), of_source.intersection(keys)
            for key in (*keys, *(key + FROM_ENV for key in keys)) if fixed or sourced else ():
                if self.metadata.get(key, "").strip():
                    why = "is said by" if fixed else "is about reaching the source, which is a matter of"
                    yield f"'{key}' {why} the connection {self.name!r}: leave it out"

    def _moving(self, ask: Ask, guess: Mapping[str, str]) -> Iterator[str]:
        """Yield what in the metadata changes the source, for a kind whose author has not said what does."""
        if source_keys_of(self.kind.params):
            return
        for key in keys_of(self.kind.params):
            written = next((each for each in (key, key + FROM_ENV) if self.metadata.get(each, "").strip()), None)
            if written is not None and self._depends(ask, written, guess):
                yield f"'{written}' would change the source, which is a matter of the connection {self.name!r}"

    def _depends(self, ask: Ask, key: str, guess: Mapping[str, str]) -> bool:
        """Tell whether the source might be another one if the metadata said something else, or nothing, there."""
        others = [{}, *({key: text} for text in guesses(self.kind.params, key.removesuffix(FROM_ENV)))]
        rest = {each: text for each, text in self.metadata.items() if each != key}
        found = []
        for other in others:
            params, problems = self._examine({**rest, **other}, guess)
            if params is not None and not problems:
                found.append(self.kind.ask(params).source == ask.source)
        return not (found and all(found))
