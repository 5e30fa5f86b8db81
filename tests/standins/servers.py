"""The servers, and how to start each of them."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from tests.standins.child import Child, program
from tests.standins.ports import reserved
from tests.standins.standin import Standin

_KEYS = {"AWS_ACCESS_KEY_ID": Standin.access_key, "AWS_SECRET_ACCESS_KEY": Standin.secret_key}


@contextmanager
def seaweedfs(parent: Path | None = None) -> Iterator[Standin]:
    """Run SeaweedFS: a real store, whose data survives a kill."""
    with reserved(10) as ports:
        http = dict(zip(("master", "volume", "filer", "s3", "admin"), ports[:5], strict=True))
        grpc = dict(zip(http, ports[5:], strict=True))
        command = [program("weed"), "-logtostderr=true", "mini", "-dir=data"]
        command += ["-ip=127.0.0.1", "-ip.bind=127.0.0.1", "-master.telemetry=false"]
        command += [f"-{part}.port={port}" for part, port in http.items()]
        command += [f"-{part}.port.grpc={port}" for part, port in grpc.items()]
        command += ["-s3.port.iceberg=0", "-s3.port.lance=0", "-admin.ui=false", "-webdav=false"]
        # A put into a missing bucket would make the bucket.
        command += ["-s3.autoCreateBucket=false"]
        # Every bucket has volumes of its own: one at a time, and room for many.
        command += ["-volume.max=10000", "-master.volumeSizeLimitMB=1024"]
        env = {**_KEYS, "WEED_MASTER_VOLUME_GROWTH_COPY_1": "1"}
        with _no_sockets_left(ports), _running("seaweedfs", command, http["s3"], env, parent) as it:
            yield it


@contextmanager
def _no_sockets_left(ports: list[int]) -> Iterator[None]:
    try:
        yield
    finally:
        for port in ports:
            for path in Path("/tmp").glob(f"seaweedfs-*-{port}.sock"):
                path.unlink()


@contextmanager
def ministack(parent: Path | None = None) -> Iterator[Standin]:
    """Run ministack, whose data survives a stop, but not a kill."""
    with reserved(1) as [port]:
        env = {
            **_KEYS,
            "BIND_HOST": "127.0.0.1",
            "GATEWAY_PORT": str(port),
            # A broker on a fixed port of all addresses.
            "IOT_MTLS_ENABLED": "0",
            "AUTH": "true",
            "PERSIST_STATE": "1",
            "S3_PERSIST": "1",
            "STATE_DIR": "state",
            "S3_DATA_DIR": "data",
        }
        with _running("ministack", [program("ministack")], port, env, parent) as standin:
            yield standin


@contextmanager
def moto(parent: Path | None = None) -> Iterator[Standin]:
    """Run moto, which verifies neither checksums nor credentials, and keeps data in memory."""
    with reserved(1) as [port]:
        command = [program("moto_server"), "-H", "127.0.0.1", "-p", str(port)]
        with _running("moto", command, port, {}, parent) as standin:
            yield standin


@contextmanager
def rclone(parent: Path | None = None) -> Iterator[Standin]:
    """Run `rclone serve s3` on a folder; it supports neither checksums nor If-None-Match."""
    with reserved(1) as [port]:
        command = [program("rclone"), "serve", "s3", "data", "--addr", f"127.0.0.1:{port}"]
        command += ["--auth-key", f"{Standin.access_key},{Standin.secret_key}"]
        with _running("rclone", command, port, {}, parent) as standin:
            yield standin


SERVERS: dict[str, Callable[..., AbstractContextManager[Standin]]] = {
    "seaweedfs": seaweedfs,
    "ministack": ministack,
    "moto": moto,
    "rclone": rclone,
}


@contextmanager
def _running(
    name: str, command: list[str], port: int, env: dict[str, str], parent: Path | None
) -> Iterator[Standin]:
    """Run a server in a temporary folder that has a subfolder `data`."""
    with TemporaryDirectory(prefix=f"onecopy-{name}-", dir=parent) as folder:
        Path(folder, "data").mkdir()
        child = Child(command, Path(folder), env)
        standin = Standin(name, f"http://127.0.0.1:{port}", child)
        try:
            standin.restart()
            yield standin
        finally:
            standin.kill()
