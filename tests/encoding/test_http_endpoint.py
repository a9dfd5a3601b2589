import shutil
import ssl
import subprocess
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from http.client import HTTPException
from pathlib import Path
from threading import Thread

import pytest

from semrouter_extproc.encoding.http_endpoint import HttpEndpoint
from semrouter_extproc.workbench.loopback import serving
from support.embeddings_server import EmbeddingsServer
from support.model_server import babbling
from support.ports import free_port

OK = b"HTTP/1.1 200 OK\r\n"
QUESTION = b'{"input": ["a"]}'


@contextmanager
def endpoint(url: str) -> Iterator[HttpEndpoint]:
    with closing(HttpEndpoint(f"{url}/embeddings", {"x-name": "value"})) as opened:
        yield opened


@pytest.fixture
def server() -> Iterator[EmbeddingsServer]:
    with serving(EmbeddingsServer()) as running:
        yield running


@pytest.mark.parametrize(
    "url", ["embeddings:8000/v1", "ftp://host", "http://", "http://host:port", "http://[::1"]
)
def test_what_is_no_url_is_refused(url: str) -> None:
    with pytest.raises(ValueError, match=r".+"):
        HttpEndpoint(url, {})


def test_a_connection_stays_open_for_the_next_request(server: EmbeddingsServer) -> None:
    with endpoint(server.url) as opened:
        answers = [opened.post(QUESTION, 20) for _ in range(3)]

    assert [status for status, _ in answers] == [200, 200, 200]
    assert server.connections == 1


def test_the_headers_are_sent(server: EmbeddingsServer) -> None:
    with endpoint(server.url) as opened:
        opened.post(QUESTION, 20)

    assert server.arrived[0][0]["x-name"] == "value"


def test_a_connection_that_was_closed_meanwhile_is_opened_anew(server: EmbeddingsServer) -> None:
    server.hangs_up = True
    with endpoint(server.url) as opened:
        first = opened.post(QUESTION, 20)
        second = opened.post(QUESTION, 20)

    assert first == second
    assert server.connections == 2


def test_threads_do_not_share_a_connection(server: EmbeddingsServer) -> None:
    server.pause = 0.1
    with endpoint(server.url) as opened:
        threads = [Thread(target=opened.post, args=(QUESTION, 20)) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

    assert server.connections == 4


def test_a_late_answer_is_not_taken_for_that_of_the_next_request(server: EmbeddingsServer) -> None:
    with endpoint(server.url) as opened:
        server.pause = 0.2
        with pytest.raises(TimeoutError):
            opened.post(QUESTION, 0.05)
        server.pause = 0.0
        server.answering = lambda _: (200, b"of the second")
        assert opened.post(QUESTION, 20) == (200, b"of the second")


def test_a_closed_port_is_an_error_at_once() -> None:
    started = time.monotonic()
    with (
        endpoint(f"http://127.0.0.1:{free_port()}") as opened,
        pytest.raises(ConnectionRefusedError),
    ):
        opened.post(QUESTION, 20)
    assert time.monotonic() - started < 5


def test_a_server_that_never_comes_to_an_end_is_given_up_in_time() -> None:
    started = time.monotonic()
    with (
        babbling(OK + b"\r\n", *100 * [b" "], gap=0.05) as address,
        endpoint(f"http://{address}") as opened,
        pytest.raises(TimeoutError),
    ):
        opened.post(QUESTION, 0.3)
    assert time.monotonic() - started < 2


def test_a_server_that_does_not_shake_hands_is_given_up_in_time() -> None:
    started = time.monotonic()
    with (
        babbling(hold=True) as address,
        endpoint(f"https://{address}") as opened,
        pytest.raises(TimeoutError),
    ):
        opened.post(QUESTION, 0.3)
    assert time.monotonic() - started < 2


def test_an_answer_without_measure_is_not_read_to_its_end() -> None:
    with (
        babbling(OK + b"\r\n", *40 * [b" " * 1024 * 1024]) as address,
        endpoint(f"http://{address}") as opened,
        pytest.raises(HTTPException, match="16 MiB"),
    ):
        opened.post(QUESTION, 20)


@pytest.mark.parametrize(
    "said",
    [
        b"SSH-2.0-OpenSSH_9.6\r\n",
        OK + b"transfer-encoding: chunked\r\n\r\nzz\r\n",
        OK + b"x" * 100_000 + b"\r\n\r\n",
    ],
)
def test_what_is_no_http_is_an_error(said: bytes) -> None:
    with (
        babbling(said) as address,
        endpoint(f"http://{address}") as opened,
        pytest.raises(HTTPException),
    ):
        opened.post(QUESTION, 20)


@pytest.mark.parametrize(
    "framing", [b"", b"content-length: 2\r\n", b"connection: close\r\ncontent-length: 2\r\n"]
)
def test_however_an_answer_ends_it_is_read_whole(framing: bytes) -> None:
    with (
        babbling(OK + framing + b"\r\n", b"[", b"]", gap=0.01) as address,
        endpoint(f"http://{address}") as opened,
    ):
        assert opened.post(QUESTION, 20) == (200, b"[]")


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Make a certificate of our own for 127.0.0.1; its key stands in the same file."""
    openssl = shutil.which("openssl")
    if openssl is None:
        pytest.skip("openssl, which makes the certificate, is missing")
    path = tmp_path_factory.mktemp("tls") / "certificate.pem"
    subprocess.run(
        [
            *(openssl, "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2"),
            *("-subj", "/CN=test", "-addext", "subjectAltName=IP:127.0.0.1"),
            *("-keyout", path, "-out", path.with_name("public.pem")),
        ],
        check=True,
        capture_output=True,
    )
    with path.open("ab") as both:
        both.write(path.with_name("public.pem").read_bytes())
    return path


@pytest.fixture
def tls_server(certificate: Path) -> Iterator[EmbeddingsServer]:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    server = EmbeddingsServer()
    server.socket = context.wrap_socket(server.socket, server_side=True)
    with serving(server) as running:
        yield running


@pytest.mark.parametrize("hangs_up", [False, True])
def test_https_reaches_a_server_whose_certificate_is_trusted(
    tls_server: EmbeddingsServer,
    certificate: Path,
    monkeypatch: pytest.MonkeyPatch,
    *,
    hangs_up: bool,
) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate.with_name("public.pem")))
    tls_server.hangs_up = hangs_up
    with endpoint(tls_server.url.replace("http:", "https:")) as opened:
        answers = [opened.post(QUESTION, 20) for _ in range(2)]

    assert [status for status, _ in answers] == [200, 200]


def test_https_refuses_a_server_whose_certificate_is_not(tls_server: EmbeddingsServer) -> None:
    with (
        endpoint(tls_server.url.replace("http:", "https:")) as opened,
        pytest.raises(ssl.SSLCertVerificationError),
    ):
        opened.post(QUESTION, 20)
