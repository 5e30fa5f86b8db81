"""Our own signatures are those that botocore makes."""

from typing import cast
from urllib.parse import quote

import boto3
import pytest
from botocore.auth import S3SigV4Auth, S3SigV4QueryAuth
from botocore.awsrequest import AWSRequest
from botocore.config import Config
from botocore.credentials import Credentials
from hypothesis import given
from hypothesis import strategies as st

from onecopy.key import check_key
from onecopy.errors import InvalidKey
from onecopy.store.s3.connection import Connection
from onecopy.store.s3.signing import Signer
