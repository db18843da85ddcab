"""Certificates for servers that others know by a fingerprint, told to them sealed, and by nothing else."""

from __future__ import annotations

import datetime
import ssl
import tempfile
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from node.errors import StorageError


class Identity:
    """A fresh key and certificate that say nothing of whose they are. Making one blocks; raises StorageError."""

    def __init__(self) -> None:
        key = ec.generate_private_key(ec.SECP256R1())
        nobody = x509.Name([])
        certificate = (
            x509.CertificateBuilder()
            .subject_name(nobody)
            .issuer_name(nobody)
            .public_key(key.public_key())
            .serial_number(1)
            .not_valid_before(datetime.datetime(2020, 1, 1))
            .not_valid_after(datetime.datetime(2120, 1, 1))
            .sign(key, hashes.SHA256())
        )
        self.print_32 = certificate.fingerprint(hashes.SHA256())
        """SHA-256 of the certificate."""
        self.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.context.minimum_version = ssl.TLSVersion.TLSv1_3
        pem = certificate.public_bytes(serialization.Encoding.PEM) + key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
        try:
            with tempfile.TemporaryDirectory(prefix="songkeep-") as private:  # ssl takes keys from files alone
                path = Path(private) / "own.pem"
                path.write_bytes(pem)
                self.context.load_cert_chain(path)
        except OSError as error:
            raise StorageError(f"a certificate can't be made in {tempfile.gettempdir()}: {error.strerror}") from error
