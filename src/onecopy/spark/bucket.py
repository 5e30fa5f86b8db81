"""The folder of results in a bucket."""

from collections.abc import Iterator

from botocore.exceptions import ClientError

from onecopy.aws.client import code_of
from onecopy.store.s3.address import Address
from onecopy.store.s3.connection import Connection, translated


class BucketFolder:
    """Objects below a prefix, by botocore: there are only a few for each task."""

    def __init__(self, url: str) -> None:
        self._address = Address.parse(url)
        self._connection = Connection(self._address, self._address.endpoint)

    def get(self, name: str) -> bytes | None:
        with translated():
            try:
                answer = self._connection.client.get_object(**self._address.place(name))
            except ClientError as error:
                if code_of(error) == "NoSuchKey":
                    return None
                raise
            return bytes(answer["Body"].read())

    def put(self, name: str, content: bytes) -> None:
        with translated():
            self._connection.client.put_object(**self._address.place(name), Body=content)

    def names(self, folder: str) -> Iterator[str]:
        below = self._address.below(f"{folder}/")
        with translated():
            paginator = self._connection.client.get_paginator("list_objects_v2")
            for page in paginator.paginate(**below):
                for each in page.get("Contents", ()):
                    yield each["Key"].removeprefix(below["Prefix"])
