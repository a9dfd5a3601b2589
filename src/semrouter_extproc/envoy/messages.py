"""Short ways to write the few Envoy messages that every part of the bootstrap needs."""

from envoy_data_plane.envoy.config.core.v3 import Address as EnvoyAddress
from envoy_data_plane.envoy.config.core.v3 import SocketAddress

from semrouter_extproc.config import Address


def socket_address(address: Address) -> EnvoyAddress:
    """Write `address` as Envoy does."""
    return EnvoyAddress(socket_address=SocketAddress(address=address.host, port_value=address.port))
