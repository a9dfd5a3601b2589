"""The Envoy in front: its bootstrap, built from typed messages, and a way to run it here."""
