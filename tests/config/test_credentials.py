"""Credentials are read, followed and lacking, and nothing else comes out of their folders."""

import asyncio
import base64
import json
import os
import time
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from aiohttp import web

from scaler.config.credentials import FIRST_LOOK, LONGEST, Credentials, running_credentials
from scaler.config.document import Reference, Source
from scaler.errors import Cause
from scaler.triggers.connections import Connection
from tests.net.api import Script, events, scripted, status

WITHIN = 1.0  # s: what is promised
PATIENCE = 20.0  # s


def source(*, secret: Mapping[str, str] | None = None, folder: Mapping[str, str] | None = None) -> Source:
    """Make a connection whose credentials are in the Secret ``s`` or in the folder ``f``."""
    return Source(
        kind="jar",
        namespaces=("*",),
        secret=Reference(name="s", keys=secret) if secret is not None else None,
        folder=Reference(name="f", keys=folder) if folder is not None else None,
    )


async def known(credentials: Credentials, source: Source) -> Connection:
    await credentials.follow({"c": source})
    return credentials.connections({"c": source})["c"]


async def until(
    credentials: Credentials, source: Source, fact: Callable[[Connection], bool], patience: float = PATIENCE
) -> float:
    """Wait for changes until ``fact`` is true of the connection."""
    began = time.monotonic()
    async with asyncio.timeout(patience):
        while not fact(credentials.connections({"c": source})["c"]):
            await credentials.changed()
    return time.monotonic() - began


# -- folders ---------------------------------------------------------------------------------------------------


@pytest.fixture
def root(tmp_path: Path) -> Path:
    (tmp_path / "secrets" / "f").mkdir(parents=True)
    return tmp_path / "secrets"


@asynccontextmanager
async def looking(root: Path) -> AsyncIterator[Credentials]:
    async with running_credentials(None, "warmscaler", root) as credentials:
        yield credentials


async def test_files_are_read_and_what_changes_is_seen_within_a_second(root: Path) -> None:
    (root / "f" / "word").write_text("one\n")
    wanted = source(folder={"password": "word"})
    async with looking(root) as credentials:
        assert (await known(credentials, wanted)).credentials == {"password": "one\n"}
        (root / "f" / "word").write_text("two")
        assert await until(credentials, wanted, lambda each: each.credentials == {"password": "two"}) < WITHIN


async def test_the_swap_of_a_mounted_secret_is_seen_whole(root: Path) -> None:
    def publish(word: str) -> None:
        """Write as the kubelet does (kubernetes 1.36, atomic_writer.go): a new folder, then one rename of a link."""
        folder = root / "f" / f"..2026_{word}"
        folder.mkdir()
        for file in ("word", "user"):
            (folder / file).write_text(word)
        (root / "f" / "..data_tmp").symlink_to(folder.name)
        (root / "f" / "..data_tmp").rename(root / "f" / "..data")

    publish("one")
    for file in ("word", "user"):
        (root / "f" / file).symlink_to(Path("..data") / file)
    wanted = source(folder={"password": "word", "address": "user"})
    async with looking(root) as credentials:
        seen = [dict((await known(credentials, wanted)).credentials)]
        publish("two")
        while seen[-1]["password"] != "two":
            await credentials.changed()
            seen.append(dict(credentials.connections({"c": wanted})["c"].credentials))
    whole = [{"password": word, "address": word} for word in ("one", "two")]
    assert [each for each in seen if each not in whole] == []


@pytest.mark.parametrize(
    ("make", "said"),
    [
        pytest.param(lambda _: None, "folder f has no key word", id="no file"),
        pytest.param(lambda path: path.write_text(" \n"), "folder f has no key word", id="an empty one"),
        pytest.param(lambda path: path.write_bytes(b"\xff\xfe"), "has no key word with a text in it", id="no text"),
        pytest.param(lambda path: path.mkdir(), "folder f has no key word", id="a folder"),
        pytest.param(os.mkfifo, "folder f has no key word", id="a pipe that nobody writes to"),
        pytest.param(lambda path: path.symlink_to("/etc/passwd"), "folder f has no key word", id="a link out of it"),
        pytest.param(lambda path: path.symlink_to("../g/word"), "folder f has no key word", id="a link beside it"),
        pytest.param(lambda path: path.symlink_to(path), "folder f", id="a link to itself"),
        pytest.param(lambda path: path.write_text("a" * (LONGEST + 1)), "folder f has no key word", id="too long"),
        pytest.param(lambda path: path.parent.rmdir(), "folder f: not found below", id="no folder"),
    ],
)
async def test_what_is_no_file_of_the_folder_is_lacking(root: Path, make: Callable[[Path], object], said: str) -> None:
    (root / "g").mkdir()
    (root / "g" / "word").write_text("another's")
    make(root / "f" / "word")
    async with looking(root) as credentials:
        connection = await known(credentials, source(folder={"password": "word"}))
    assert connection.credentials == {}
    assert connection.lacking["password"].cause is Cause.MISSING
    assert said in connection.lacking["password"].said


async def test_what_nobody_wants_any_more_is_followed_no_more(root: Path) -> None:
    async with looking(root) as credentials:
        await credentials.follow({"c": source(folder={"password": "word"})})
        names = {task.get_name() for task in asyncio.all_tasks()}
        await credentials.follow({})
        await asyncio.sleep(0)
        assert "folder f" in names - {task.get_name() for task in asyncio.all_tasks()}


# -- Secrets ---------------------------------------------------------------------------------------------------


def secret(version: int, **words: str) -> dict[str, object]:
    coded = {key: base64.b64encode(word.encode()).decode() for key, word in words.items()}
    return {"metadata": {"namespace": "warmscaler", "name": "s", "resourceVersion": str(version)}, "data": coded}


def listed(*secrets: dict[str, object]) -> tuple[int, str]:
    return 200, json.dumps({"items": list(secrets), "metadata": {"resourceVersion": "1"}})


@asynccontextmanager
async def following(script: Script, folder: Path) -> AsyncIterator[Credentials]:
    async with (
        scripted(script, folder) as kube,
        running_credentials(kube, "warmscaler", folder) as credentials,
    ):
        yield credentials


async def test_a_secret_is_read_and_followed(tmp_path: Path) -> None:
    script = Script(
        lists=[listed(secret(1, word="one"))],
        watches=[
            events(("MODIFIED", secret(2, word="two")), ("DELETED", secret(3, word="two"))),
            events(("ADDED", secret(4, wrod="x"))),
            events(("MODIFIED", secret(5, word="three"))),
        ],
    )
    wanted = source(secret={"password": "word"})
    async with following(script, tmp_path) as credentials:
        assert (await known(credentials, wanted)).credentials != {}
        await until(credentials, wanted, lambda each: each.credentials == {"password": "three"})
    assert {each["fieldSelector"] for each in script.asked} == {"metadata.name=s"}


@pytest.mark.parametrize(
    ("answer", "cause", "said"),
    [
        pytest.param(listed(), Cause.MISSING, "Secret warmscaler/s: not found", id="no Secret"),
        pytest.param(listed(secret(1)), Cause.MISSING, "Secret warmscaler/s has no key word", id="no key"),
        pytest.param(status(403), Cause.DENIED, "Secret warmscaler/s: forbidden (grant list and watch on it)", id="no"),
        pytest.param((0, ""), Cause.UNREACHABLE, "Secret warmscaler/s: the Kubernetes API cannot be", id="no answer"),
    ],
)
async def test_what_is_lacking_is_said(tmp_path: Path, answer: tuple[int, str], cause: Cause, said: str) -> None:
    wanted = source(secret={"password": "word"})
    async with following(Script(lists=[answer]), tmp_path) as credentials:
        lack = (await known(credentials, wanted)).lacking["password"]
    assert (lack.cause, lack.said[: len(said)]) == (cause, said)


@pytest.mark.parametrize("failure", [status(403), (0, ""), (200, "<html></html>")])
async def test_an_api_that_fails_takes_nothing_away(tmp_path: Path, failure: tuple[int, str]) -> None:
    script = Script(lists=[listed(secret(1, word="one")), failure], watches=[status(500)])
    wanted = source(secret={"password": "word"})
    async with following(script, tmp_path) as credentials:
        await credentials.follow({"c": wanted})
        async with asyncio.timeout(PATIENCE):
            while len(script.asked) < 4:  # noqa: ASYNC110 - the script tells nobody
                await asyncio.sleep(0.05)
        assert credentials.connections({"c": wanted})["c"].credentials == {"password": "one"}


async def test_an_api_that_never_answers_is_not_waited_for(tmp_path: Path) -> None:
    class Silent(Script):
        async def answer(self, request: web.Request) -> web.StreamResponse:
            await asyncio.Event().wait()
            return await super().answer(request)

    wanted, began = source(secret={"password": "word"}), time.monotonic()
    async with following(Silent(), tmp_path) as credentials:
        connection = await known(credentials, wanted)
        assert time.monotonic() - began < FIRST_LOOK + WITHIN
    assert connection.lacking["password"].said == "Secret warmscaler/s: not read yet"


async def test_without_access_to_the_api_that_is_said(tmp_path: Path) -> None:
    async with looking(tmp_path) as credentials:
        connection = await known(credentials, source(secret={"password": "word"}))
    assert "there is no access to the Kubernetes API" in connection.lacking["password"].said
