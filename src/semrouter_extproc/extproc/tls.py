"""TLS on the router's port, and clients known by their certificates.

The files are read at every handshake: Envoy makes few, and a certificate that is replaced on disk
is the one that the next handshake shows. Connections that are open stay.
"""

import ssl
from pathlib import Path
from typing import NamedTuple

import grpc
import structlog

from semrouter_extproc.config import Tls
from semrouter_extproc.errors import ConfigError

_log = structlog.get_logger(__name__)


class _Material(NamedTuple):
    """What is in the files, as it goes to gRPC."""

    key: bytes
    chain: bytes
    client_ca: bytes | None


class Certificates:
    """The files that the page names."""

    def __init__(self, config: Tls) -> None:
        self._config = config
        self._shown: _Material | None = None
        self._refused: _Material | None = None

    def credentials(self) -> grpc.ServerCredentials:
        """Return what a port shows and asks for. Raises `ConfigError` for files of no use."""
        try:
            self._shown = self._read()
            self._require_use()
        except (OSError, ValueError) as error:
            raise ConfigError("configuration", [f"server.tls: {error}"]) from None
        return grpc.dynamic_ssl_server_credentials(
            _configuration(self._shown),
            self._changed,  # type: ignore[arg-type]  # None is for what has not changed
            require_client_authentication=self._config.client_ca is not None,
        )

    def _changed(self) -> grpc.ServerCertificateConfiguration | None:
        """Return what the files hold if that is new and of use. Belongs to gRPC's threads."""
        material = None
        try:
            material = self._read()
            if material in (self._shown, self._refused):
                return None
            self._require_use()
        except (OSError, ValueError) as error:
            # Half of a replacement looks like this, and the handshake after it finds the whole.
            self._refused = material
            _log.warning("certificates refused; those before them go on", fault=str(error))
            return None
        self._shown = material
        _log.info("certificates taken up", certificate=str(self._config.cert))
        return _configuration(material)

    def _read(self) -> _Material:
        config = self._config
        ca = None if config.client_ca is None else config.client_ca.read_bytes()
        return _Material(config.key.read_bytes(), config.cert.read_bytes(), ca)

    def _require_use(self) -> None:
        """Raise `OSError` or `ValueError` for files that make no handshake; gRPC says it late."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        cert, key, client_ca = self._config.cert, self._config.key, self._config.client_ca
        try:
            # Without a password OpenSSL would ask for one on the terminal.
            context.load_cert_chain(cert, key, password="")
        except ssl.SSLError as error:
            raise ValueError(f"{cert} and {key} are no pair: {error.reason}") from None
        if client_ca is not None:
            _require_authorities(context, client_ca)


def _require_authorities(context: ssl.SSLContext, client_ca: Path) -> None:
    try:
        context.load_verify_locations(client_ca)
    except ssl.SSLError as error:
        raise ValueError(f"{client_ca} holds no certificates: {error.reason}") from None


def _configuration(material: _Material) -> grpc.ServerCertificateConfiguration:
    return grpc.ssl_server_certificate_configuration(
        [(material.key, material.chain)], root_certificates=material.client_ca
    )
