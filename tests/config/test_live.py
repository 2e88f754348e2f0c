"""The last good configuration serves on, whatever happens to its file."""

import asyncio
import os
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from structlog.testing import capture_logs

from scaler.config.document import Config
from scaler.config.file import FileOrigin
from scaler.config.live import LastGood, following_config
from scaler.config.source import Unreadable
from scaler.errors import ConfigError
from scaler.observe.metrics import REGISTRY
from scaler.testing import FakeClock
from tests.config.kinds import KINDS

WITHIN = 1.0  # s: what is promised
PATIENCE = 20.0  # s: what a busy machine may take before a test gives up


def text(triggers: int) -> bytes:
    return b"version: 1\nlimits: {triggers: %d}\n" % triggers


@dataclass
class Applied:
    """What was put in force, in turn."""

    configs: list[Config] = field(default_factory=list)

    async def __call__(self, config: Config) -> None:
        self.configs.append(config)

    @property
    def limits(self) -> list[int]:
        return [config.limits.triggers for config in self.configs]


async def nothing() -> None:
    """Nothing was kept."""


async def until(fact: Callable[[], bool], patience: float = PATIENCE) -> float:
    """Wait for ``fact`` and tell how long it took, in seconds."""
    began = time.monotonic()
    while not fact():
        assert time.monotonic() - began < patience, "it never came true"
        await asyncio.sleep(0.01)
    return time.monotonic() - began


@asynccontextmanager
async def followed(path: Path, state: Path | None = None) -> AsyncIterator[tuple[LastGood, Applied]]:
    applied = Applied()
    async with following_config(FileOrigin(path, state), KINDS, applied, FakeClock()) as last_good:
        yield last_good, applied


def metric(name: str, **labels: str) -> float:
    return REGISTRY.get_sample_value(f"warmscaler_config_{name}", labels) or 0.0


async def test_without_a_file_the_defaults_are_in_force() -> None:
    applied = Applied()
    async with following_config(None, KINDS, applied, FakeClock()) as last_good:
        assert applied.configs == [Config()]
        assert last_good.told() == {"hash": None, "valid": True, "problems": [], "age": 0.0}


async def test_a_file_that_is_not_good_to_begin_with_is_refused_with_every_problem(tmp_path: Path) -> None:
    path = tmp_path / "config.yaml"
    path.write_text("version: 1\nlimts: {}\nlimits: {triggers: 0}\n")
    with pytest.raises(ConfigError, match=r"config\.yaml: 2:1: unknown key 'limts'.*; 3:20: limits\.triggers"):
        async with followed(path):
            pass


@pytest.mark.parametrize(
    ("make", "said"),
    [
        pytest.param(lambda _: None, "No such file", id="no file"),
        pytest.param(lambda path: path.mkdir(), "Is a directory", id="a folder"),
        pytest.param(os.mkfifo, "is not a file", id="a pipe that nobody writes to"),
        pytest.param(lambda path: path.symlink_to(path), "symbolic links", id="a link to itself"),
        pytest.param(lambda path: path.write_bytes(b""), "nothing in it", id="an empty file"),
        pytest.param(lambda path: path.write_bytes(b"a" * 2_000_000), "longer than 1024 KiB", id="too long"),
    ],
)
async def test_what_cannot_be_read_is_refused(tmp_path: Path, make: Callable[[Path], object], said: str) -> None:
    make(tmp_path / "config.yaml")
    with pytest.raises(ConfigError, match=said):
        async with followed(tmp_path / "config.yaml"):
            pass


async def test_new_content_is_in_force_within_a_second_and_told(tmp_path: Path) -> None:
    path = tmp_path / "config.yaml"
    path.write_bytes(text(1))
    async with followed(path) as (last_good, applied):
        before = last_good.told()["hash"]
        path.write_bytes(text(2))
        assert await until(lambda: applied.limits == [1, 2]) < WITHIN
        assert last_good.told()["hash"] not in {before, None}
        assert metric("last_reload_successful") == 1
        assert abs(metric("last_reload_success_timestamp_seconds") - time.time()) < PATIENCE


async def test_an_invalid_one_changes_nothing_and_is_told(tmp_path: Path) -> None:
    path = tmp_path / "config.yaml"
    path.write_bytes(text(1))
    rejected = metric("rejected_total", reason="invalid")
    async with followed(path) as (last_good, applied):
        before = last_good.told()["hash"]
        path.write_bytes(b"version: 1\nlimts: {}\n")
        await until(lambda: not last_good.told()["valid"])
        assert last_good.told()["problems"] == ["2:1: unknown key 'limts', did you mean 'limits'?"]
        assert (applied.limits, last_good.told()["hash"], metric("last_reload_successful")) == ([1], before, 0)
        assert metric("rejected_total", reason="invalid") == rejected + 1
        path.write_bytes(text(1))
        await until(lambda: bool(last_good.told()["valid"]))
        assert (last_good.told()["hash"], metric("last_reload_successful")) == (before, 1)


async def test_a_deleted_file_keeps_the_last_good_one_and_may_come_back(tmp_path: Path) -> None:
    path = tmp_path / "config.yaml"
    path.write_bytes(text(1))
    async with followed(path) as (last_good, applied):
        path.unlink()
        await until(lambda: last_good.told()["problems"] == ["cannot be read: No such file or directory"])
        assert applied.limits == [1]
        path.write_bytes(text(2))
        await until(lambda: applied.limits == [1, 2])
        assert last_good.told()["valid"]


async def test_the_swap_of_a_mounted_config_map_is_seen(tmp_path: Path) -> None:
    def publish(triggers: int) -> None:
        """Write as the kubelet does (kubernetes 1.36, atomic_writer.go): a new folder, then one rename of a link."""
        folder = tmp_path / f"..2026_{triggers}"
        folder.mkdir()
        (folder / "config.yaml").write_bytes(text(triggers))
        (tmp_path / "..data_tmp").symlink_to(folder.name)
        (tmp_path / "..data_tmp").rename(tmp_path / "..data")

    publish(1)
    (tmp_path / "config.yaml").symlink_to(Path("..data") / "config.yaml")
    async with followed(tmp_path / "config.yaml") as (last_good, applied):
        publish(2)
        assert await until(lambda: applied.limits == [1, 2]) < WITHIN
        assert last_good.told()["valid"]


async def test_of_a_hundred_changes_in_a_second_the_last_one_wins(tmp_path: Path) -> None:
    path = tmp_path / "config.yaml"
    path.write_bytes(text(1000))
    async with followed(path) as (_, applied):
        for triggers in range(1001, 1101):
            (tmp_path / "new").write_bytes(text(triggers))
            (tmp_path / "new").rename(path)
            await asyncio.sleep(0.01)
        assert await until(lambda: applied.limits[-1] == 1100) < WITHIN
        assert len(applied.limits) < 20, "changes are taken together"


async def test_a_file_that_never_settles_is_read_all_the_same(tmp_path: Path) -> None:
    path = tmp_path / "config.yaml"
    path.write_bytes(text(1))
    async with followed(path) as (_, applied):
        began, triggers = time.monotonic(), 1
        while applied.limits == [1]:
            assert time.monotonic() - began < PATIENCE
            triggers += 1
            path.write_bytes(text(triggers))
            await asyncio.sleep(0.02)


async def test_a_file_that_is_written_in_pieces_is_read_when_it_is_whole(tmp_path: Path) -> None:
    path = tmp_path / "config.yaml"
    path.write_bytes(text(1))
    whole = text(20_000)
    async with followed(path) as (last_good, applied):
        with path.open("wb", buffering=0) as file:
            for byte in whole:
                file.write(bytes([byte]))
                await asyncio.sleep(0.005)
        await until(lambda: applied.limits == [1, 20_000])
        assert last_good.told()["valid"]


@given(st.lists(st.binary(max_size=60) | st.integers(1, 9).map(text), max_size=6))
def test_whatever_is_offered_the_last_good_one_is_in_force(contents: list[bytes]) -> None:
    asyncio.run(_offered(contents))


async def _offered(contents: list[bytes]) -> None:
    applied = Applied()
    last_good = LastGood(KINDS, applied, FakeClock())
    await last_good.begin(text(5), nothing)
    for content in contents:
        before, times = last_good.loaded, len(applied.configs)
        await last_good.offer(content)
        if last_good.problems:
            assert last_good.loaded is before
            assert len(applied.configs) == times
        else:
            assert last_good.loaded.config is applied.configs[-1]


async def test_the_age_is_that_of_the_configuration_in_force() -> None:
    clock = FakeClock()
    last_good = LastGood(KINDS, Applied(), clock)
    await last_good.begin(text(5), nothing)
    clock.forward(60)
    await last_good.offer(b"nonsense")
    await last_good.offer(Unreadable("cannot be read"))
    await last_good.offer(text(5))
    assert last_good.told()["age"] == 60
    await last_good.offer(text(6))
    assert last_good.told()["age"] == 0


async def test_a_plugin_that_fails_while_it_is_asked_rejects_and_ends_nothing() -> None:
    class Broken:
        @property
        def params(self) -> None:
            raise RuntimeError("boom")

    last_good = LastGood({"broken": Broken()}, Applied(), FakeClock())  # type: ignore[dict-item]
    await last_good.begin(text(5), nothing)
    await last_good.offer(b"version: 1\ndefaults: {kinds: {broken: {a: b}}}")
    assert last_good.problems == ("cannot be examined, which is a bug: RuntimeError",)


# -- across a restart ------------------------------------------------------------------------------------------


async def test_a_start_with_a_bad_file_serves_by_the_last_good_one_and_says_so(tmp_path: Path) -> None:
    path, state = tmp_path / "config.yaml", tmp_path / "state"
    path.write_bytes(text(7))
    async with followed(path, state) as (last_good, _):
        good = last_good.told()["hash"]
        await until(lambda: state.exists() and any(state.glob("*.last-good.yaml")))
    path.write_bytes(b"version: 1\nlimts: {}\n")
    async with followed(path, state) as (last_good, applied):
        assert applied.limits == [7]
        told = last_good.told()
        assert (told["hash"], told["valid"]) == (good, False)
        assert told["problems"] == ["2:1: unknown key 'limts', did you mean 'limits'?"]
        path.write_bytes(text(8))
        await until(lambda: applied.limits == [7, 8])
        assert last_good.told()["valid"]
        await until(lambda: [each.read_bytes() for each in state.iterdir()] == [text(8)])


async def test_a_deleted_file_is_a_bad_one_across_a_restart_too(tmp_path: Path) -> None:
    path, state = tmp_path / "config.yaml", tmp_path / "state"
    path.write_bytes(text(7))
    async with followed(path, state):
        await until(lambda: state.exists() and any(state.glob("*.last-good.yaml")))
    path.unlink()
    async with followed(path, state) as (_, applied):
        assert applied.limits == [7]


async def test_two_files_of_one_name_keep_their_last_good_ones_apart(tmp_path: Path) -> None:
    state = tmp_path / "state"
    for number in (1, 2):
        path = tmp_path / str(number) / "config.yaml"
        path.parent.mkdir()
        path.write_bytes(text(number))
        async with followed(path, state):
            await until(lambda number=number: len(list(state.glob("*.last-good.yaml"))) == number)  # type: ignore[misc]
        path.write_bytes(b"")
    for number in (1, 2):
        async with followed(tmp_path / str(number) / "config.yaml", state) as (_, applied):
            assert applied.limits == [number]


async def test_a_last_good_one_that_is_good_no_more_is_none(tmp_path: Path) -> None:
    path, state = tmp_path / "config.yaml", tmp_path / "state"
    path.write_bytes(text(7))
    async with followed(path, state):
        await until(lambda: state.exists() and any(state.glob("*.last-good.yaml")))
    for file in state.iterdir():
        file.write_bytes(b"version: 0")
    path.write_bytes(b"limts: {}")
    with pytest.raises(ConfigError, match="'limts'"):
        async with followed(path, state):
            pass


async def test_that_nothing_can_be_kept_is_logged_once_and_serving_goes_on(tmp_path: Path) -> None:
    path = tmp_path / "config.yaml"
    path.write_bytes(text(1))
    (tmp_path / "state").write_text("a file where a folder should be")
    with capture_logs() as logs:
        async with followed(path, tmp_path / "state") as (last_good, applied):
            for triggers in (2, 3):
                path.write_bytes(text(triggers))
                await until(lambda triggers=triggers: applied.limits[-1] == triggers)  # type: ignore[misc]
            assert last_good.told()["valid"]
            await until(lambda: bool(logs) and last_good.outcomes.empty())
    assert [each["log_level"] for each in logs if "not kept" in each["event"]] == ["warning"]
