"""What a function on Lambda costs on top of what it asks: imports, the first answer, the next ones.

    python benchmarks/lambda.py [--rounds N]

CPU time of processes that import and answer, in turns, the least of each counting: what takes
longer was waiting for somebody else. They answer over a table and a bucket on a stand-in (from
PyPI, as the tests have it), beside processes that ask both by boto3 once. Warm, the handler is
called as Lambda calls it, over SQLite and a folder, whose time is taken off. What AWS itself takes
is not in it.
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
from onecopy.content import Content
from onecopy.digest import SHA256, Digest
from onecopy.gate import LocalGate
from onecopy.index import open_index
from onecopy.settings import Settings
from onecopy.store import open_store
from onecopy.tokens import create_token

IMPORTS = 1.5
"""At most so many times what boto3 alone takes to import."""
WARM = 3.0
"""Milliseconds that a warm handler may take on top of the index."""
IMPORTED = {
    "python": "pass",
    "boto3": "import boto3",
    "the API": "import onecopy.aws.functions.service, onecopy.store.s3.store, "
    "onecopy.index.dynamodb.index",
    "the events": "import onecopy.aws.functions.notices, onecopy.index.dynamodb.index",
}
COLD = {
    "python": "pass",
    "boto3, asking both once": """
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
    """Time enough."""

    def get_remaining_time_in_millis(self) -> int:
        return 30_000


def cpu(code: str, env: Mapping[str, str]) -> float:
    """Return the CPU seconds of a process that runs this."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run([sys.executable, "-c", code], check=True, env=env)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def least(
    codes: Mapping[str, str], rounds: int, env: Mapping[str, str] = os.environ
) -> dict[str, float]:
    """Return, by name, the least CPU seconds above those of the first code; prints them.

    Everything is compiled beforehand, as it is in the functions' package.
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
    """Print what importing takes."""
    own = least(IMPORTED, rounds)
    share = own["the API"] / own["boto3"]
    print(f"imports: {share:.2f} times boto3 (at most {IMPORTS}: {share <= IMPORTS})")


def cold(rounds: int) -> None:
    """Print what a process takes to its first answer."""
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
    """Return a request as API Gateway hands it over (payload format 2.0)."""
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
    """Return the median of the milliseconds that a call takes."""
    times = []
    for _ in range(calls):
        began = time.perf_counter()
        call()
        times.append(time.perf_counter() - began)
    return statistics.median(times) * 1000


def warm(calls: int) -> None:
    """Print what a call of the handler takes, and what the gate takes of it by itself."""
    digest = Digest(SHA256, hashlib.sha256(b"new").digest())
    document = {"files": [{"size": 3, "digests": [str(digest)]}]}
    with ExitStack() as opened, TemporaryDirectory() as folder:
        index_url, store_url = f"sqlite:{folder}/index.sqlite", f"{folder}/files"
        handler = open_service(Settings(index=index_url, store=store_url), opened)
        opened.callback(handler.close)
        index, store = open_index(index_url), open_store(store_url)
        opened.callback(index.close)
        opened.callback(store.close)
        asked = event(create_token(index)[1], document)
        gate = LocalGate(index, store, secrets=[b"secret"])
        whole = median(lambda: handler(asked, Remaining()), calls)
        alone = median(lambda: gate.check([Content(3, (digest,))]), calls)
    ours = whole - alone
    print(f"warm: {whole:.2f} ms, of which the gate and its index {alone:.2f} ms")
    print(f"warm, on top of the index: {ours:.2f} ms (at most {WARM}: {ours <= WARM})")


def main() -> None:
    """Print all figures, and say whether the targets were met."""
    arguments = argparse.ArgumentParser(description=__doc__.partition("\n")[0] if __doc__ else "")
    arguments.add_argument("--rounds", type=int, default=20)
    rounds = arguments.parse_args().rounds
    warm(100 * rounds)
    imports(rounds)
    cold(rounds)


if __name__ == "__main__":
    main()
