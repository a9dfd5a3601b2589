"""How Envoy speaks TLS to the routers."""

from pathlib import Path

from envoy_data_plane.envoy.config.core.v3 import DataSource, TransportSocket
from envoy_data_plane.envoy.extensions.transport_sockets.tls.v3 import (
    CertificateValidationContext,
    CommonTlsContext,
    SubjectAltNameMatcher,
    SubjectAltNameMatcherSanType,
    TlsCertificate,
    UpstreamTlsContext,
)
from envoy_data_plane.envoy.type.matcher.v3 import StringMatcher
from envoy_data_plane.google.protobuf import Any

from semrouter_extproc.config import RouterTls


def router_tls(config: RouterTls) -> TransportSocket:
    """Return a socket that talks to nobody but a router with the name and authority of `config`."""
    context = UpstreamTlsContext(
        sni=config.name,
        common_tls_context=CommonTlsContext(
            # gRPC refuses who does not say that it speaks HTTP/2.
            alpn_protocols=["h2"],
            tls_certificates=_own_certificate(config),
            validation_context=CertificateValidationContext(
                trusted_ca=_file(config.ca),
                match_typed_subject_alt_names=[
                    SubjectAltNameMatcher(
                        san_type=SubjectAltNameMatcherSanType.DNS,
                        matcher=StringMatcher(exact=config.name),
                    )
                ],
            ),
        ),
    )
    return TransportSocket(name="envoy.transport_sockets.tls", typed_config=Any.pack(context))


def _own_certificate(config: RouterTls) -> list[TlsCertificate]:
    if config.cert is None or config.key is None:
        return []
    return [TlsCertificate(certificate_chain=_file(config.cert), private_key=_file(config.key))]


def _file(path: Path) -> DataSource:
    return DataSource(filename=str(path))
