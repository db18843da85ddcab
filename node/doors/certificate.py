"""A certificate that this device makes for itself at each start, for those who were told its fingerprint."""

from __future__ import annotations

import datetime
import hashlib
import ssl
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from node.errors import StorageError

_LIFETIME: Final = datetime.timedelta(days=3_650)
"""Nobody looks at it: who dials compares the fingerprint."""


@dataclass(frozen=True, slots=True)
class OwnCertificate:
    """What a TLS server shows, and how others know it again."""

    context: ssl.SSLContext
    pin: bytes
    """SHA-256 of the certificate: 32 bytes."""


def make_certificate() -> OwnCertificate:
    """A new key and certificate; the key is in no file for longer than it takes to load. Raises StorageError."""
    key = ec.generate_private_key(ec.SECP256R1())
    nobody = x509.Name([])
    now = datetime.datetime.now(datetime.UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(nobody)
        .issuer_name(nobody)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - _LIFETIME)
        .not_valid_after(now + _LIFETIME)
        .sign(key, hashes.SHA256())
    )
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_3
    pem = serialization.Encoding.PEM
    secret = key.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    try:
        with tempfile.TemporaryDirectory(prefix="songkeep-") as private:  # Python's ssl takes a key from a file only
            path = Path(private) / "own.pem"
            path.write_bytes(secret + certificate.public_bytes(pem))
            context.load_cert_chain(path)
    except OSError as error:
        raise StorageError(f"a certificate can't be made in {tempfile.gettempdir()}: {error.strerror}") from error
    return OwnCertificate(context, hashlib.sha256(certificate.public_bytes(serialization.Encoding.DER)).digest())
