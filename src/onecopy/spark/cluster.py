"""The cluster: tasks that Spark runs, one for each partition of a list of numbers."""

import re
import sys
from collections.abc import Callable
from contextlib import suppress
from typing import Any

from onecopy.errors import Failure
from onecopy.index.extras import extra
from onecopy.spark.driver import polling

_ERROR = re.compile(r"[\w.]*(Error|Exception|Failure|Unavailable|Forbidden|InvalidSettings): ")
_DEFAULT_PYTHON = "python3"
"""What Spark starts if PYSPARK_PYTHON is not set."""
_LONGEST = 500
_NOT_INSTALLED = (
    "install onecopy on every machine of the cluster, and name its Python in PYSPARK_PYTHON"
)


class SparkTasks:
    """Runs tasks by Spark, which starts a failed one again, on another executor if need be."""

    def __init__(self) -> None:
        with extra("spark"):
            from pyspark.sql import SparkSession
        self.session: Any = SparkSession.builder.appName("onecopy").getOrCreate()
        context = self.session.sparkContext
        if context.master.startswith("local") and context.pythonExec == _DEFAULT_PYTHON:
            context.pythonExec = sys.executable  # of which it is certain that it has onecopy

    def run(
        self, work: Callable[[int], None], numbers: list[int], done: Callable[[int], object]
    ) -> None:
        """See Tasks."""
        from py4j.protocol import Py4JError
        from pyspark.errors import PySparkException

        context = self.session.sparkContext
        with polling(lambda: done(_completed(context))):
            try:
                context.parallelize(numbers, len(numbers)).foreach(work)
            except (PySparkException, Py4JError) as error:
                raise Failure(
                    f"Spark ended the job: {_cause(error)}; what was read is kept: start the same "
                    "command again"
                ) from error

    def close(self) -> None:
        """End the session."""
        self.session.stop()


def _completed(context: Any) -> int:  # noqa: ANN401 - pyspark has no types here
    """Return the number of completed tasks of the stage that runs."""
    completed = 0
    with suppress(Exception):  # progress must not fail a job that is just ending
        tracker = context.statusTracker()
        for stage in tracker.getActiveStageIds():
            info = tracker.getStageInfo(stage)
            completed += info.numCompletedTasks if info else 0
    return completed


def _cause(error: Exception) -> str:
    """Return the line that says what went wrong, out of Java's and Python's stack traces."""
    lines = [line.strip() for line in str(error).splitlines()]
    errors = [line for line in lines if _ERROR.match(line)]
    cause = (errors or lines or ["unknown reason"])[-1 if errors else 0][:_LONGEST]
    return f"{cause} ({_NOT_INSTALLED})" if "ModuleNotFoundError" in cause else cause
