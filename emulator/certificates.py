"""TLS on loopback: one certificate authority per state directory, and a server certificate from it.

Clients trust the authority through `SSL_CERT_FILE` and `REQUESTS_CA_BUNDLE`, which libraries read when they are first
imported. So this module imports none of them, and the authority outlives the process that made it.
"""

import ssl
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import trustme
from cryptography import x509
from cryptography.hazmat.primitives.serialization import load_pem_private_key

_RENEW_BEFORE = timedelta(days=7)


@dataclass(frozen=True, slots=True)
class Certificates:
    """What servers present and clients trust."""

    ca_path: Path
    server: ssl.SSLContext
    client: ssl.SSLContext


@dataclass(frozen=True, slots=True)
class ServerFiles:
    """A server's certificate and key as files, for a server that is another program."""

    certificate: Path
    key: Path


def prepare(state_dir: Path) -> Certificates:
    """Reuse the directory's authority, or make one, and issue a certificate for 127.0.0.1 and localhost."""
    ca_path, authority = _authority(state_dir)
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1", "localhost").configure_cert(server)
    return Certificates(ca_path, server, ssl.create_default_context(cafile=str(ca_path)))


def server_files(state_dir: Path, folder: Path) -> ServerFiles:
    """Issue a certificate for 127.0.0.1 and localhost from the directory's authority, and keep it in a folder."""
    _, authority = _authority(state_dir)
    issued = authority.issue_cert("127.0.0.1", "localhost")
    files = ServerFiles(folder / "server.pem", folder / "server-key.pem")
    files.certificate.write_bytes(b"".join(blob.bytes() for blob in issued.cert_chain_pems))
    files.key.touch(mode=0o600)
    files.key.write_bytes(issued.private_key_pem.bytes())
    return files


def untrusted() -> ssl.SSLContext:
    """Return a server's context whose certificate comes from an authority that nobody trusts."""
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    trustme.CA(organization_name="Nobody").issue_cert("127.0.0.1", "localhost").configure_cert(server)
    return server


def _authority(state_dir: Path) -> tuple[Path, trustme.CA]:
    state_dir.mkdir(parents=True, exist_ok=True)
    ca_path, key_path = state_dir / "ca.pem", state_dir / "ca-key.pem"
    return ca_path, _read(ca_path, key_path) or _create(ca_path, key_path)


def _read(ca_path: Path, key_path: Path) -> trustme.CA | None:
    if not (ca_path.exists() and key_path.exists()):
        return None
    try:
        certificate = x509.load_pem_x509_certificate(ca_path.read_bytes())
        key = load_pem_private_key(key_path.read_bytes(), password=None)
    except ValueError:  # a damaged file is replaced, as a missing one is
        return None
    fresh = datetime.now(UTC) + _RENEW_BEFORE < certificate.not_valid_after_utc
    if not fresh or certificate.public_key() != key.public_key():
        return None
    return trustme.CA.from_pem(ca_path.read_bytes(), key_path.read_bytes())


def _create(ca_path: Path, key_path: Path) -> trustme.CA:
    authority = trustme.CA(organization_name="Pratique embedded tenant")
    for path, pem in ((key_path, authority.private_key_pem), (ca_path, authority.cert_pem)):
        draft = path.with_suffix(".new")
        draft.touch(mode=0o600)
        draft.write_bytes(pem.bytes())
        draft.replace(path)
    return authority
