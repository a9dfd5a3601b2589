"""What several tests share: ports, an upstream that remembers, real processes."""
