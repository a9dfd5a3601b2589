"""Certificates of an authority of the test's own, as files."""

from pathlib import Path

import trustme

NAME = "router.test"


class Authority:
    """Issues certificates into a folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._ca = trustme.CA()
        self.ca = folder / "ca.pem"
        self.ca.write_bytes(self._ca.cert_pem.bytes())

    def issue(self, who: str, name: str = NAME) -> tuple[Path, Path]:
        """Write a certificate and its key, over those that were there before."""
        made = self._ca.issue_cert(name)
        cert, key = self.folder / f"{who}.crt", self.folder / f"{who}.key"
        cert.write_bytes(made.cert_chain_pems[0].bytes())
        key.write_bytes(made.private_key_pem.bytes())
        return cert, key
