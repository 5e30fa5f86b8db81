"""Certificates that no authority has signed, for servers on this machine."""

import ssl
import subprocess
from pathlib import Path


def certify(folder: Path, *names: str) -> Path:
    """Make one for 127.0.0.1 and names of hosts: `fullchain.pem`, beside its `key.pem`."""
    certificate = folder / "fullchain.pem"
    hosts = ",".join(["IP:127.0.0.1", *(f"DNS:{name}" for name in names)])
    command = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256"]
    command += ["-nodes", "-days", "2", "-subj", "/CN=test", "-addext", f"subjectAltName={hosts}"]
    command += ["-keyout", f"{folder}/key.pem", "-out", f"{certificate}"]
    subprocess.run(command, check=True, capture_output=True)
    return certificate


def serving_with(certificate: Path) -> ssl.SSLContext:
    """Return what a server has that shows it."""
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(certificate, certificate.with_name("key.pem"))
    return context
