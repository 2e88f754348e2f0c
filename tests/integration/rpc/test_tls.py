"""TLS and mutual TLS from files, which may change under a running server."""

import asyncio
import dataclasses
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import grpc
import pytest
from structlog.testing import capture_logs

from scaler.errors import ConfigError
from scaler.rpc.pb.externalscaler_pb2_grpc import ExternalScalerStub
from scaler.rpc.tls import ServerTls, from_paths, server_credentials
from tests.integration.rpc.served import listening, ref, serving
from tests.servers.certificates import Certificates, issue

WITHIN = 5.0  # s for a call whose handshake must fail


@pytest.fixture
def files(tmp_path: Path) -> Certificates:
    return issue(tmp_path / "first")


def plain(files: Certificates) -> ServerTls:
    return ServerTls(cert=files.server, key=files.server_key)


def mutual(files: Certificates) -> ServerTls:
    return ServerTls(cert=files.server, key=files.server_key, client_ca=files.ca)


@asynccontextmanager
async def client(port: int, trusted: Certificates, shown: Certificates | None = None) -> AsyncIterator[Any]:
    """Connect with TLS, trusting one authority, and showing a certificate of another or none."""
    pair = {} if shown is None else {"private_key": shown.client_key, "certificate_chain": shown.client}
    credentials = grpc.ssl_channel_credentials(
        root_certificates=trusted.ca.read_bytes(), **{name: path.read_bytes() for name, path in pair.items()}
    )
    options = [("grpc.use_local_subchannel_pool", 1)]  # a handshake of its own
    async with grpc.aio.secure_channel(f"127.0.0.1:{port}", credentials, options) as channel:
        yield ExternalScalerStub(channel)


async def works(port: int, trusted: Certificates, shown: Certificates | None = None) -> bool:
    """Tell whether a client that connects now gets an answer."""
    async with client(port, trusted, shown) as stub:
        try:
            await stub.GetMetricSpec(ref(), timeout=WITHIN)
        except grpc.aio.AioRpcError as error:
            return error.code() not in {grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.DEADLINE_EXCEEDED}
        return True


def replace(new: Path, old: Path) -> None:
    """Put a file in the place of another in one step, as whoever rotates certificates does."""
    beside = old.with_suffix(".new")
    beside.write_bytes(new.read_bytes())
    beside.rename(old)


async def certificate(port: int) -> bytes:
    """Return the certificate that is shown now."""
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    context.set_alpn_protocols(["h2"])
    _, writer = await asyncio.open_connection("127.0.0.1", port, ssl=context)
    try:
        tls: ssl.SSLObject = writer.get_extra_info("ssl_object")
        assert tls.selected_alpn_protocol() == "h2", "grpc-go demands it"
        return tls.getpeercert(binary_form=True) or b""
    finally:
        writer.close()


async def test_a_client_that_trusts_us_is_served(files: Certificates) -> None:
    async with serving(tls=plain(files)) as served:
        assert await works(served.port, files)


async def test_a_client_that_does_not_trust_us_is_not(files: Certificates, tmp_path: Path) -> None:
    async with serving(tls=plain(files)) as served:
        assert not await works(served.port, issue(tmp_path / "other"))
        assert await works(served.port, files)


async def test_a_plain_client_fails_cleanly_and_the_others_are_served(files: Certificates) -> None:
    async with serving(tls=plain(files)) as served:
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            await served.stub.GetMetricSpec(ref(), timeout=WITHIN)
        assert caught.value.code() is grpc.StatusCode.UNAVAILABLE
        assert await works(served.port, files)


async def test_old_versions_of_tls_are_refused(files: Certificates) -> None:
    async with serving(tls=plain(files)) as served:
        context = ssl.create_default_context(cafile=str(files.ca))
        context.set_ciphers("ALL:@SECLEVEL=0")
        with pytest.warns(DeprecationWarning, match="TLSv1_1 is deprecated"):
            context.maximum_version = ssl.TLSVersion.TLSv1_1
        with pytest.warns(DeprecationWarning, match="TLSv1 is deprecated"):
            context.minimum_version = ssl.TLSVersion.TLSv1
        with pytest.raises((ssl.SSLError, ConnectionError)):
            await asyncio.open_connection("127.0.0.1", served.port, ssl=context)


async def test_with_a_client_ca_only_its_clients_are_served(files: Certificates, tmp_path: Path) -> None:
    stranger = issue(tmp_path / "stranger")
    async with serving(tls=mutual(files)) as served:
        assert await works(served.port, files, files)
        assert not await works(served.port, files)
        assert not await works(served.port, files, stranger)


async def test_a_rotated_certificate_is_shown_and_open_streams_go_on(files: Certificates, tmp_path: Path) -> None:
    new = issue(tmp_path / "second")
    async with (
        serving(tls=plain(files)) as served,
        client(served.port, files) as before,
        listening(before.StreamIsActive(ref())) as stream,
    ):
        await stream.messages(1)
        shown = await certificate(served.port)
        replace(new.server_key, files.server_key)
        replace(new.server, files.server)
        assert await certificate(served.port) != shown
        assert await works(served.port, new)
        assert stream.code is None
        await before.GetMetricSpec(ref())


async def test_a_rotated_client_ca_decides_about_new_clients_and_open_streams_go_on(
    files: Certificates, tmp_path: Path
) -> None:
    new = issue(tmp_path / "second")
    async with serving(tls=mutual(files)) as served, client(served.port, files, files) as before:
        trusted = dataclasses.replace(files, ca=tmp_path / "server-ca.pem")
        trusted.ca.write_bytes(files.ca.read_bytes())
        async with listening(before.StreamIsActive(ref())) as stream:
            await stream.messages(1)
            replace(new.ca, files.ca)
            assert not await works(served.port, trusted, files)
            assert await works(served.port, trusted, new)
            assert stream.code is None
            await before.GetMetricSpec(ref())


@pytest.mark.parametrize("damage", ["garbage", "empty", "another's key", "gone", "no permission to be there"])
async def test_what_cannot_be_used_changes_nothing(files: Certificates, tmp_path: Path, damage: str) -> None:
    new = issue(tmp_path / "second")
    async with serving(tls=plain(files)) as served:
        with capture_logs() as logs:
            match damage:
                case "garbage":
                    files.server.write_text("not a certificate")
                case "empty":
                    files.server_key.write_text("")
                case "another's key":
                    replace(new.server_key, files.server_key)
                case "gone":
                    files.server.unlink()
                case _:
                    files.server.unlink()
                    files.server.mkdir()
            for _ in range(3):
                assert await works(served.port, files)
        assert [log["log_level"] for log in logs if "certificate" in log["event"]] == ["warning"]


async def test_after_a_half_rotation_the_second_half_completes_it(files: Certificates, tmp_path: Path) -> None:
    new = issue(tmp_path / "second")
    async with serving(tls=plain(files)) as served:
        shown = await certificate(served.port)
        replace(new.server, files.server)
        assert await certificate(served.port) == shown
        replace(new.server_key, files.server_key)
        assert await certificate(served.port) != shown


async def test_a_mounted_secret_is_swapped_as_the_kubelet_does(tmp_path: Path) -> None:
    first, second = issue(tmp_path / "..2026_01"), issue(tmp_path / "..2026_02")
    (tmp_path / "..data").symlink_to("..2026_01")
    tls = ServerTls(cert=tmp_path / "..data" / first.server.name, key=tmp_path / "..data" / first.server_key.name)
    async with serving(tls=tls) as served:
        assert await works(served.port, first)
        (tmp_path / "..data_tmp").symlink_to("..2026_02")
        (tmp_path / "..data_tmp").rename(tmp_path / "..data")
        assert await works(served.port, second)
        assert not await works(served.port, first)


async def test_many_rotations_under_load_fail_no_call(files: Certificates, tmp_path: Path) -> None:
    async with serving(tls=plain(files)) as served:
        for number in range(5):
            new = issue(tmp_path / f"next{number}")
            async with client(served.port, files) as stub:
                calls = [stub.GetMetricSpec(ref()) for _ in range(20)]
                replace(new.server_key, files.server_key)
                await asyncio.gather(*calls)
            replace(new.server, files.server)
            replace(new.ca, files.ca)
            assert await works(served.port, files)


def test_at_the_start_every_file_that_cannot_be_used_is_named(tmp_path: Path) -> None:
    tls = ServerTls(cert=tmp_path / "no.pem", key=tmp_path / "no.key", client_ca=tmp_path / "no.ca")
    with pytest.raises(ConfigError) as caught:
        server_credentials(tls)
    assert len(caught.value.problems) == 3
    assert all("cannot be read: No such file or directory" in problem for problem in caught.value.problems)


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("cert", "are not a certificate and its key"),
        ("key", "are not a certificate and its key"),
        ("ca", "no certificates"),
    ],
)
def test_at_the_start_files_that_hold_something_else_are_told(files: Certificates, text: str, complaint: str) -> None:
    {"cert": files.server, "key": files.server_key, "ca": files.ca}[text].write_text("something else")
    with pytest.raises(ConfigError, match=complaint):
        server_credentials(mutual(files))


@pytest.mark.parametrize(
    ("cert", "key", "ca"), [(True, False, False), (False, True, False), (False, False, True), (True, False, True)]
)
def test_paths_that_do_not_go_together_are_refused(files: Certificates, *, cert: bool, key: bool, ca: bool) -> None:
    with pytest.raises(ConfigError, match="go together"):
        from_paths(files.server if cert else None, files.server_key if key else None, files.ca if ca else None)


def test_no_paths_mean_plain_text() -> None:
    assert from_paths(None, None, None) is None
