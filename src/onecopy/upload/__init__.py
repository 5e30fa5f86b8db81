"""Check and upload many files concurrently, through any `Gate`."""

from onecopy.upload.checking import check
from onecopy.upload.options import Options
from onecopy.upload.pipeline import upload
from onecopy.upload.result import Outcome, Progress, Result
from onecopy.upload.unfinished import Unfinished

__all__ = ["Options", "Outcome", "Progress", "Result", "Unfinished", "check", "upload"]
