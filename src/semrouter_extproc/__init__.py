"""A reasoning router for self-hosted language models, as an Envoy external processor."""

from importlib.metadata import version

__version__ = version("semrouter-extproc")
