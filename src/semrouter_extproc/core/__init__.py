"""The pure core: bytes and numbers in, decisions and bytes out. No I/O, clock or thread."""
