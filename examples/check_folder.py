"""Show which files of a folder are already stored. Nothing is uploaded.

Usage: python examples/check_folder.py http://127.0.0.1:8000 photos
"""

import os
import sys

from onecopy import Client, Verdict
from onecopy.files import walk
from onecopy.upload import check

server, folder = sys.argv[1:]
client = Client(server, os.environ.get("ONECOPY_TOKEN"))

for result in check(walk([folder]), client):
    if result.verdict is Verdict.NEW:
        print(f"{result.path}: new")
    elif result.verdict is Verdict.UNCONFIRMED:
        print(f"{result.path}: unconfirmed: {result.message or result.reason}")
    elif result.copy:
        print(f"{result.path}: already stored: {result.copy.key}")
    elif result.same_as:
        print(f"{result.path}: same content as {result.same_as}")

client.close()
