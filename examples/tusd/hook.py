"""A hook for tusd 2: rejects an upload whose content is already stored, and links to the copy.

Usage: python hook.py http://127.0.0.1:8000 8433
"""

import json
import os
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, cast
from urllib.parse import quote, urljoin

import urllib3

JSON = {"Content-Type": "application/json"}
service, port = sys.argv[1:]
token = os.environ.get("ONECOPY_TOKEN")
headers = {**JSON, "Authorization": f"Bearer {token}"} if token else JSON


def ask(method: str, path: str, document: object = None) -> dict[str, Any]:
    """Return the service's answer; tusd waits for 15 seconds."""
    url = urljoin(service, path)
    answer = urllib3.request(method, url, json=document, headers=headers, timeout=5, retries=False)
    return cast("dict[str, Any]", answer.json())


def decide(hook: dict[str, Any]) -> dict[str, Any]:
    """Return what tusd is to do; an empty response accepts the upload."""
    upload = hook["Event"]["Upload"]
    digest = (upload.get("MetaData") or {}).get("digest")
    if hook["Type"] != "pre-create" or not (digest and upload.get("Size")):
        return {}
    file = {"size": upload["Size"], "digests": [digest]}
    [result] = ask("POST", "/v1/check", {"files": [file]})["results"]
    if result["verdict"] != "duplicate" or "copy" not in result:
        return {}
    key = result["copy"]["key"]
    link = ask("GET", f"/v1/copies/{quote(key, safe='')}/link")["url"]
    answer = {"message": f"already stored as {key}", "url": urljoin(service, link)}
    problem = {"StatusCode": 409, "Body": json.dumps(answer), "Header": JSON}
    return {"RejectUpload": True, "HTTPResponse": problem}


class Hook(BaseHTTPRequestHandler):
    """Answers the requests of tusd."""

    def do_POST(self) -> None:
        """Decide about an upload; without an answer of the service, accept it."""
        hook = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        try:
            response = decide(hook)
        except (urllib3.exceptions.HTTPError, LookupError, ValueError) as error:
            self.log_error("the upload is accepted unchecked: %r", error)
            response = {}
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.end_headers()
        self.wfile.write(json.dumps(response).encode())


with ThreadingHTTPServer(("127.0.0.1", int(port)), Hook) as server:
    print(f"the hook is at http://127.0.0.1:{server.server_port}/", flush=True)
    server.serve_forever()
