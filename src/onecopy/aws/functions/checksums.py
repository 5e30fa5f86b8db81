"""The prototype's function: `{"content": "<md5 hex>"}` -> `{"exists": <count>}`, and nothing else.

For requests from API Gateway, of REST or HTTP APIs, at any path.
"""

from onecopy.aws.functions.service import open_checksums
from onecopy.settings import read

handler = open_checksums(read())
