"""Certificates for servers under test: made anew by openssl, valid for loopback, worth nothing elsewhere."""

import shutil
import subprocess
from pathlib import Path

from msgspec import Struct

_NEW_KEY = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-noenc", "-days", "2")
_LOOPBACK = "subjectAltName=IP:127.0.0.1,DNS:localhost"


class OpensslMissing(RuntimeError):
    """The openssl command is not there; the message says how to get it."""


class Certificates(Struct, frozen=True):
    """PEM files. `keystore` is the server's key and certificate in one, as Kafka wants it; keys are not encrypted.

    `other_ca` signed none of them: a client that trusts it alone must refuse the server.
    """

    ca: Path
    server_cert: Path
    server_key: Path
    keystore: Path
    client_cert: Path
    client_key: Path
    other_ca: Path


def make_certificates(directory: Path) -> Certificates:
    """A certificate authority, a server's and a client's certificate that it signed, and another authority."""
    if shutil.which("openssl") is None:
        raise OpensslMissing("no openssl: install it (Debian: apt-get install openssl)")
    ca, other_ca = _authority(directory, "ca"), _authority(directory, "other-ca")
    server_cert, server_key = _signed(directory, "server", "-addext", _LOOPBACK)
    client_cert, client_key = _signed(directory, "client")
    keystore = directory / "keystore.pem"
    keystore.write_bytes(server_key.read_bytes() + server_cert.read_bytes() + ca.read_bytes())
    return Certificates(ca, server_cert, server_key, keystore, client_cert, client_key, other_ca)


def _authority(directory: Path, name: str) -> Path:
    _openssl(directory, name, "-addext", "keyUsage=critical,keyCertSign,cRLSign")
    return directory / f"{name}.pem"


def _signed(directory: Path, name: str, *words: str) -> tuple[Path, Path]:
    not_an_authority = ("-addext", "basicConstraints=critical,CA:FALSE")
    _openssl(
        directory,
        name,
        "-CA",
        str(directory / "ca.pem"),
        "-CAkey",
        str(directory / "ca.key"),
        *words,
        *not_an_authority,
    )
    return directory / f"{name}.pem", directory / f"{name}.key"


def _openssl(directory: Path, name: str, *words: str) -> None:
    files = ("-keyout", str(directory / f"{name}.key"), "-out", str(directory / f"{name}.pem"))
    done = subprocess.run(
        ["openssl", "req", "-x509", *_NEW_KEY, "-subj", f"/CN=ebbwatch test {name}", *files, *words],
        capture_output=True,
        check=False,
    )
    if done.returncode:
        raise RuntimeError(f"openssl cannot make {name}.pem:\n{done.stderr.decode()}")
