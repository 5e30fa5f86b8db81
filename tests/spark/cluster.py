"""Spark from PyPI, in processes: the job, and a standalone cluster of a master and workers.

The package lacks the start scripts of a distribution, so master and workers are started by class.
"""

import os
import signal
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from tests.conftest import environment
from tests.standins import Standin
from tests.standins.child import Child
from tests.standins.ports import reserved

SPARK = Path(__file__).parents[2] / ".make" / "spark" / "bin"
"""Environment with Spark and onecopy's dependencies."""
_PATIENCE = 120
"""Seconds; starting Java on a busy machine takes long."""


def spark_program(name: str) -> str:
    """Return the path of a program of that environment; fail with how to install it."""
    path = SPARK / name
    if not path.exists():
        raise FileNotFoundError(f"there is no {path}: run `make .make/spark/installed`")
    return str(path)


def spark_environment(home: Path, server: Standin) -> dict[str, str]:
    """Return the environment of everything that runs Spark: nothing leaves this machine."""
    return {
        **environment(home, **server.environment()),
        "PYTHONWARNINGS": "default",  # PySpark leaves files to be closed
        "PYSPARK_PYTHON": spark_program("python"),
        "SPARK_LOCAL_IP": "127.0.0.1",
        "SPARK_LOCAL_DIRS": str(home),
    }


@dataclass
class Cluster:
    """What a job runs on."""

    master: str
    home: Path
    env: Mapping[str, str]
    workers: list[Child] = field(default_factory=list)

    def start(self, *arguments: str) -> "subprocess.Popen[str]":
        """Start the job by spark-submit, as a person does."""
        job = Path(__file__).parents[2] / "src/onecopy/spark/job.py"
        options = ["--conf", "spark.ui.enabled=false", "--conf", "spark.driver.host=127.0.0.1"]
        command = [spark_program("spark-submit"), "--master", self.master, *options, str(job)]
        return subprocess.Popen(
            [*command, *arguments],
            env=self.env,
            cwd=self.home,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )

    def run(self, *arguments: str) -> tuple[int, str, str]:
        """Run the job; return its exit code and what it printed."""
        process = self.start(*arguments)
        out, err = process.communicate(timeout=4 * _PATIENCE)
        return process.returncode, out, err


def kill(process: "subprocess.Popen[str]") -> None:
    """Kill a job and all of its processes at once (SIGKILL)."""
    os.killpg(process.pid, signal.SIGKILL)
    process.communicate()


def until(condition: Callable[[], object], process: "subprocess.Popen[str] | None" = None) -> None:
    """Wait until something holds; fail if a process ends before."""
    deadline = time.monotonic() + _PATIENCE
    while not condition():
        assert time.monotonic() < deadline
        if process is not None and process.poll() is not None:
            raise AssertionError("the job ended: " + "\n".join(process.communicate()))
        time.sleep(0.1)


@contextmanager
def standalone(home: Path, server: Standin, workers: int = 2) -> Iterator[Cluster]:
    """Run a master and workers of one core each."""
    env, java = spark_environment(home, server), spark_program("spark-class")
    with ExitStack() as stack:
        port, web = stack.enter_context(reserved(2))
        master = f"spark://127.0.0.1:{port}"
        package = "org.apache.spark.deploy"
        address = ["--host", "127.0.0.1", "--port", str(port), "--webui-port", str(web)]
        child = _started(home / "master", [java, f"{package}.master.Master", *address], env)
        stack.callback(child.end, signal.SIGKILL)
        until(lambda: "New state: ALIVE" in _log(child))
        cluster = Cluster(master, home, env)
        for number in range(workers):
            options = ["--host", "127.0.0.1", "--cores", "1", "--memory", "1g", "--webui-port", "0"]
            command = [java, f"{package}.worker.Worker", *options, master]
            worker = _started(home / f"worker{number}", command, env)
            stack.callback(worker.end, signal.SIGKILL)
            cluster.workers.append(worker)
        for worker in cluster.workers:
            until(lambda worker=worker: "Successfully registered" in _log(worker))  # type: ignore[misc]
        yield cluster


def _started(folder: Path, command: list[str], env: Mapping[str, str]) -> Child:
    folder.mkdir()
    child = Child(command, folder, {**env, "SPARK_WORKER_DIR": str(folder)})
    child.start()
    return child


def _log(child: Child) -> str:
    return (child.folder / "log").read_text(errors="replace")
