"""Handshakes with a real gRPC server, while its files change."""

from collections.abc import AsyncIterator
from pathlib import Path

import grpc
import pytest
import structlog.testing
from grpc_health.v1 import health_pb2, health_pb2_grpc

from semrouter_extproc.config import Tls
from semrouter_extproc.errors import ConfigError
from semrouter_extproc.extproc.health import Health
from semrouter_extproc.extproc.tls import Certificates
from support.certificates import NAME, Authority


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    return Authority(tmp_path)


@pytest.fixture
def config(authority: Authority) -> Tls:
    cert, key = authority.issue("router")
    return Tls(cert=cert, key=key, client_ca=authority.ca)


@pytest.fixture
async def port(config: Tls) -> AsyncIterator[int]:
    server = grpc.aio.server()
    health = Health(server)
    port = server.add_secure_port("127.0.0.1:0", Certificates(config).credentials())
    await server.start()
    await health.report(serving=True)
    yield port
    await server.stop(0)


def identity(trusted: Path, own: tuple[Path, Path] | None) -> grpc.ChannelCredentials:
    cert, key = (None, None) if own is None else (path.read_bytes() for path in own)
    return grpc.ssl_channel_credentials(trusted.read_bytes(), key, cert)


async def greets(port: int, trusted: Path, own: tuple[Path, Path] | None) -> bool:
    """Say whether a fresh client gets an answer."""
    options = (
        ("grpc.ssl_target_name_override", NAME),
        ("grpc.use_local_subchannel_pool", 1),
    )
    address = f"127.0.0.1:{port}"
    async with grpc.aio.secure_channel(address, identity(trusted, own), options) as channel:
        check = health_pb2_grpc.HealthStub(channel).Check
        try:
            await check(health_pb2.HealthCheckRequest(), timeout=5)
        except grpc.aio.AioRpcError:
            return False
        return True


async def test_a_client_of_the_authority_is_let_in(port: int, authority: Authority) -> None:
    assert await greets(port, authority.ca, authority.issue("envoy"))


async def test_a_client_without_a_certificate_is_not(port: int, authority: Authority) -> None:
    assert not await greets(port, authority.ca, None)


async def test_a_client_of_another_authority_is_not(
    port: int, authority: Authority, tmp_path: Path
) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()

    assert not await greets(port, authority.ca, Authority(elsewhere).issue("envoy"))


async def test_without_a_clients_authority_anyone_is_let_in(authority: Authority) -> None:
    cert, key = authority.issue("router")
    server = grpc.aio.server()
    await Health(server).report(serving=True)
    credentials = Certificates(Tls(cert=cert, key=key)).credentials()
    port = server.add_secure_port("127.0.0.1:0", credentials)
    await server.start()

    assert await greets(port, authority.ca, None)
    await server.stop(0)


async def test_a_replaced_certificate_is_shown_to_the_next_client(
    port: int, config: Tls, authority: Authority, tmp_path: Path
) -> None:
    envoy = authority.issue("envoy")
    assert await greets(port, authority.ca, envoy)
    folder = tmp_path / "next"
    folder.mkdir()
    following = Authority(folder)
    for new, old in zip(following.issue("router"), (config.cert, config.key), strict=True):
        new.replace(old)

    assert not await greets(port, authority.ca, envoy)
    assert await greets(port, following.ca, envoy)


@pytest.mark.parametrize("content", [b"", b"no certificate", None], ids=["empty", "text", "gone"])
async def test_a_replacement_of_no_use_leaves_the_old_one_in_force(
    port: int, config: Tls, authority: Authority, content: bytes | None
) -> None:
    envoy = authority.issue("envoy")
    if content is None:
        config.cert.unlink()
    else:
        config.cert.write_bytes(content)

    with structlog.testing.capture_logs() as logged:
        assert await greets(port, authority.ca, envoy)
    assert [line["log_level"] for line in logged] == ["warning"]
    assert str(config.cert) in logged[0]["fault"]


def test_files_of_no_use_are_refused_at_the_start(authority: Authority) -> None:
    cert, _ = authority.issue("one")
    _, other_key = authority.issue("two")

    with pytest.raises(ConfigError, match=r"server\.tls: .*one\.crt and .*two\.key are no pair"):
        Certificates(Tls(cert=cert, key=other_key)).credentials()


def test_a_file_that_is_not_there_is_named(authority: Authority) -> None:
    cert, key = authority.issue("one")
    missing = Tls(cert=cert, key=key, client_ca=authority.folder / "absent.pem")

    with pytest.raises(ConfigError, match=r"server\.tls: .*absent\.pem"):
        Certificates(missing).credentials()
