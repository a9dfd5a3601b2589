"""Texts to vectors: the encoder protocol, its backends, and the batcher in front of them."""
