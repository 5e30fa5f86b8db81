"""Upload the files of a folder that are not already stored.

Usage: python examples/upload_folder.py http://127.0.0.1:8000 photos
"""

import os
import sys

from onecopy import Client
from onecopy.files import walk
from onecopy.upload import Options, Outcome, upload

server, folder = sys.argv[1:]
client = Client(server, os.environ.get("ONECOPY_TOKEN"))
options = Options(on_taken="rename")  # store "rome (2).jpg" if another file is named rome.jpg
failed = False

for result in upload(walk([folder]), client, options):
    if result.outcome is Outcome.UPLOADED:
        print(f"{result.path}: uploaded as {result.key}")
    elif result.outcome is Outcome.SKIPPED and result.copy:
        print(f"{result.path}: already stored: {result.copy.key}")
    else:
        print(f"{result.path}: {result.message or result.reason}", file=sys.stderr)
        failed = True

client.close()
sys.exit(failed)
