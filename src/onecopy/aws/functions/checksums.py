"""Entry point of the checksum API alone: `{"content": "<md5 hex>"}` -> `{"exists": <count>}`.

It handles requests from REST and HTTP APIs of API Gateway, at any path, and the bare event that the
prototype's function was called with.
"""

from onecopy.aws.functions.service import open_checksums
from onecopy.aws.functions.settings import FunctionSettings

handler = open_checksums(FunctionSettings.read())
