"""What a function on Lambda costs on top of what it asks: imports, the first answer, the next ones.

    python benchmarks/lambda.py [--rounds N]

CPU time of processes that import and open, in turns, the least of each counting: what takes longer
was waiting for somebody else. Warm, the handler is called as Lambda calls it, over an index in
memory, so that all of its time is ours. Prices and waits of AWS are not in it.
"""

import argparse
import hashlib
import json
import resource
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import ExitStack
from tempfile import TemporaryDirectory

from onecopy.aws.service import open_service
from onecopy.content import Content
from onecopy.digest import SHA256, Digest
from onecopy.gate import LocalGate
from onecopy.http.auth import create_token
from onecopy.index import open_index
from onecopy.settings import Settings
from onecopy.store import open_store

IMPORTS = 1.5
"""At most so many times what boto3 alone takes to import."""
WARM = 3.0
"""Milliseconds that a warm handler may take on top of the index."""
CLIENTS = (
    "import boto3\n"
    "session = boto3.Session(region_name='us-east-1')\n"
    "session.client('s3'), session.client('dynamodb')"
)
STEPS = {
    "python": "pass",
    "boto3": "import boto3",
    "the API": "import onecopy.aws.service, onecopy.store.s3.store, onecopy.index.dynamodb.index",
    "the events": "import onecopy.aws.notices, onecopy.index.dynamodb.index",
    "boto3 and its clients": CLIENTS,
}


class Remaining:
    """Time enough."""

    def get_remaining_time_in_millis(self) -> int:
        return 30_000


def cpu(code: str) -> float:
    """Return the CPU seconds of a process that runs this."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run([sys.executable, "-c", code], check=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def imports(rounds: int) -> None:
    """Print what importing takes, above `python -c pass`."""
    times = [{name: cpu(code) for name, code in STEPS.items()} for _ in range(rounds)]
    least = {name: min(each[name] for each in times) for name in STEPS}
    for name in list(STEPS)[1:]:
        own = least[name] - least["python"]
        share = own / (least["boto3"] - least["python"])
        print(f"{name:22} {own * 1000:6.0f} ms CPU, {share:.2f} times boto3")
    share = (least["the API"] - least["python"]) / (least["boto3"] - least["python"])
    print(f"imports: {share:.2f} times boto3 (at most {IMPORTS}: {share <= IMPORTS})")


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


if __name__ == "__main__":
    main()
