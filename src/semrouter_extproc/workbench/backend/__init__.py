"""A real vLLM on this machine's CPU, with a small model, for the demo and for tests."""
