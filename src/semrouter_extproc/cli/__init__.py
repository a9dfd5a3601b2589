"""The command `semrouter`: one file per command, each loading only what it needs."""
