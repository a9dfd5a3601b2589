"""Try any external processor, in any language, without Envoy and then with it.

`conversations` holds what a real Envoy said about requests of every kind, message by message.
`playing` says it again to a server, as Envoy would, and `envoy` tells what Envoy makes of the
answers. `recording` records conversations anew, with the Envoy of your choice.

    python -m semrouter_extproc.testing 127.0.0.1:50051
"""
