"""Envoy's external processing protocol: messages, one request's stream, the gRPC service."""
