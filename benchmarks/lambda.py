"""Overhead of the Lambda functions: imports, the first answer, and the next ones.

    python benchmarks/lambda.py [--rounds N]

Cold: CPU time of processes that import the function and answer one request, with a table and a
bucket on the server that the tests use in place of AWS. Floor: processes that import boto3 and
request both once. They take turns, and the least time of each counts, because longer ones include
waiting. Warm: time of a call of the handler with SQLite and a folder, less the time of the gate and
its index. The latency of AWS itself is not included.
"""

import argparse
import hashlib
import json
import os
import resource
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from pathlib import Path
from tempfile import TemporaryDirectory

sys.path.insert(0, str(Path(__file__).parents[1]))

from tests.standins import ministack

from onecopy.aws.functions.service import open_service
from onecopy.aws.functions.settings import FunctionSettings
from onecopy.content import Content
from onecopy.digest import SHA256, Digest
from onecopy.gate import LocalGate
from onecopy.index import open_index
from onecopy.settings import Settings
from onecopy.store import open_store
from onecopy.tokens import create_token

IMPORTS = 1.5
"""Limit for the time to import the API, relative to boto3 alone."""
WARM = 3.0
"""Limit in milliseconds for a warm call, above the gate and its index."""
IMPORTED = {
    "python": "pass",
    "boto3": "import boto3",
    "the API": "import onecopy.aws.functions.service, onecopy.store.s3.store, "
    "onecopy.index.dynamodb.index",
    "the events": "import onecopy.aws.functions.bucket_events, onecopy.index.dynamodb.index",
}
COLD = {
    "python": "pass",
    "boto3, requesting both once": """
import boto3, os
boto3.client("dynamodb").list_tables(Limit=1)
boto3.client("s3").head_bucket(Bucket=os.environ["BUCKET"])
""",
    "the API, answering once": """
import json, os
from onecopy.aws.functions.api import handler
class Remaining:
    def get_remaining_time_in_millis(self): return 30_000
assert handler(json.loads(os.environ["EVENT"]), Remaining())["statusCode"] == 200
""",
}


class Remaining:
    """Context of a Lambda call with enough time left."""

    def get_remaining_time_in_millis(self) -> int:
        return 30_000


def cpu(code: str, env: Mapping[str, str]) -> float:
    """Return the CPU seconds of a process that runs this code."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run([sys.executable, "-c", code], check=True, env=env)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def least(
    codes: Mapping[str, str], rounds: int, env: Mapping[str, str] = os.environ
) -> dict[str, float]:
    """Print and return the least CPU seconds of each code, above those of the first one.

    Modules are compiled in advance, as in the functions' package.
    """
    with TemporaryDirectory() as cache:
        own = {**env, "PYTHONPYCACHEPREFIX": cache}
        own.pop("PYTHONDONTWRITEBYTECODE", None)
        for code in codes.values():
            cpu(code, own)
        times = [{name: cpu(code, own) for name, code in codes.items()} for _ in range(rounds)]
    floor, *names = codes
    base = min(each[floor] for each in times)
    above = {name: min(each[name] for each in times) - base for name in names}
    for name, seconds in above.items():
        share = seconds / above[names[0]]
        print(f"{name:24} {seconds * 1000:5.0f} ms CPU, {share:.2f} times {names[0]}")
    return above


def imports(rounds: int) -> None:
    """Print the times of imports."""
    own = least(IMPORTED, rounds)
    share = own["the API"] / own["boto3"]
    print(f"imports: {share:.2f} times boto3 (at most {IMPORTS}: {share <= IMPORTS})")


def cold(rounds: int) -> None:
    """Print the times of processes up to their first answer."""
    with ministack() as standin:
        bucket = standin.bucket()
        own = {
            **os.environ,
            **standin.environment(),
            "AWS_ENDPOINT_URL": standin.endpoint,
            "BUCKET": bucket,
            "ONECOPY_INDEX": f"dynamodb://index?region={standin.region}",
            "ONECOPY_STORE": standin.store_url(bucket),
        }
        made = subprocess.run(
            [sys.executable, "-m", "onecopy", "token", "create"],
            env=own,
            check=True,
            capture_output=True,
            text=True,
        )
        own["EVENT"] = json.dumps(event(made.stdout.split()[-1], {"files": []}))
        least(COLD, rounds, own)


def event(token: str, document: object) -> object:
    """Return a request as API Gateway passes it (payload format 2.0)."""
    return {
        "version": "2.0",
        "rawPath": "/v1/check",
        "rawQueryString": "",
        "headers": {"authorization": f"Bearer {token}", "content-type": "application/json"},
        "requestContext": {
            "apiId": "abc",
            "domainPrefix": "abc",
            "http": {"method": "POST", "path": "/v1/check"},
            "stage": "$default",
        },
        "body": json.dumps(document),
        "isBase64Encoded": False,
    }


def median(call: Callable[[], object], calls: int) -> float:
    """Return the median duration of a call in milliseconds."""
    times = []
    for _ in range(calls):
        began = time.perf_counter()
        call()
        times.append(time.perf_counter() - began)
    return statistics.median(times) * 1000


def warm(calls: int) -> None:
    """Print the time of a call of the handler, and of the gate alone."""
    digest = Digest(SHA256, hashlib.sha256(b"new").digest())
    document = {"files": [{"size": 3, "digests": [str(digest)]}]}
    with ExitStack() as opened, TemporaryDirectory() as folder:
        index_url, store_url = f"sqlite:{folder}/index.sqlite", f"{folder}/files"
        handler = open_service(
            Settings(index=index_url, store=store_url), FunctionSettings(), opened
        )
        opened.callback(handler.close)
        index, store = open_index(index_url), open_store(store_url)
        opened.callback(index.close)
        opened.callback(store.close)
        request = event(create_token(index)[1], document)
        gate = LocalGate(index, store, secrets=[b"secret"])
        whole = median(lambda: handler(request, Remaining()), calls)
        alone = median(lambda: gate.check([Content(3, (digest,))]), calls)
    ours = whole - alone
    print(f"warm: {whole:.2f} ms, including {alone:.2f} ms for the gate and its index")
    print(f"warm, above the gate: {ours:.2f} ms (at most {WARM}: {ours <= WARM})")


def main() -> None:
    """Print all figures, and whether the targets are met."""
    arguments = argparse.ArgumentParser(description=__doc__.partition("\n")[0] if __doc__ else "")
    arguments.add_argument("--rounds", type=int, default=20)
    rounds = arguments.parse_args().rounds
    warm(100 * rounds)
    imports(rounds)
    cold(rounds)


if __name__ == "__main__":
    main()
