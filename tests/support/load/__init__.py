"""Traffic of many kinds, offered by a process of its own to a real Envoy; and what it leaves."""
