"""Our functions on a stand-in for AWS, each in processes of its own."""

import io
import json
import sys
import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote
from uuid import uuid4

from tests.standins import Standin

_SOURCE = Path(__file__).parents[2] / "src"
_PACKAGES = next(path for path in sys.path if path.endswith("site-packages"))
_ROLE_MAY_BE_TAKEN = {
    "Version": "2012-10-17",
    "Statement": [
        {
            "Effect": "Allow",
            "Principal": {"Service": "lambda.amazonaws.com"},
            "Action": "sts:AssumeRole",
        }
    ],
}
_ALL = {
    "Version": "2012-10-17",
    "Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}],
}


@dataclass
class Cloud:
    """An account on a stand-in."""

    standin: Standin

    def client(self, service: str) -> Any:  # noqa: ANN401 - boto3's
        """Return a client."""
        return self.standin.service(service)

    def role(self) -> str:
        """Make a role that may do everything; return its ARN."""
        iam, name = self.client("iam"), f"role-{uuid4().hex}"
        role = iam.create_role(
            RoleName=name, AssumeRolePolicyDocument=json.dumps(_ROLE_MAY_BE_TAKEN)
        )
        iam.put_role_policy(RoleName=name, PolicyName="all", PolicyDocument=json.dumps(_ALL))
        arn: str = role["Role"]["Arn"]
        return arn

    def function(self, handler: str, **environment: str) -> str:
        """Make a function of our own sources; return its ARN."""
        made = self.client("lambda").create_function(
            FunctionName=f"function-{uuid4().hex}",
            Runtime="python3.13",
            Role=self.role(),
            Handler=handler,
            Code={"ZipFile": _some_zip()},
            Timeout=29,
            MemorySize=1024,
            Environment={
                "Variables": {"PYTHONPATH": f"{_SOURCE}:{_PACKAGES}", **environment},
            },
        )
        arn: str = made["FunctionArn"]
        return arn

    def http_api(self, function: str) -> str:
        """Make an HTTP API that hands all requests to a function; return its URL."""
        gateway = self.client("apigatewayv2")
        api = gateway.create_api(Name=f"api-{uuid4().hex}", ProtocolType="HTTP")["ApiId"]
        integration = gateway.create_integration(
            ApiId=api,
            IntegrationType="AWS_PROXY",
            IntegrationUri=function,
            PayloadFormatVersion="2.0",
        )
        target = f"integrations/{integration['IntegrationId']}"
        gateway.create_route(ApiId=api, RouteKey="$default", Target=target)
        gateway.create_stage(ApiId=api, StageName="$default", AutoDeploy=True)
        return f"{self.standin.endpoint}/_aws/execute-api/{api}/$default"

    def queue_to(self, function: str) -> str:
        """Make a queue whose messages go to a function; return its ARN."""
        sqs, name = self.client("sqs"), f"queue-{uuid4().hex}"
        policy = {
            "Effect": "Allow",
            "Principal": {"Service": "s3.amazonaws.com"},
            "Action": "sqs:SendMessage",
            "Resource": "*",
        }
        document = json.dumps({"Version": "2012-10-17", "Statement": [policy]})
        url = sqs.create_queue(QueueName=name, Attributes={"Policy": document})["QueueUrl"]
        named = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])
        arn: str = named["Attributes"]["QueueArn"]
        self.client("lambda").create_event_source_mapping(
            EventSourceArn=arn,
            FunctionName=function,
            BatchSize=10,
            FunctionResponseTypes=["ReportBatchItemFailures"],
        )
        return arn

    def tell(self, bucket: str, *, queue: str = "", function: str = "") -> None:
        """Let a bucket send events of its objects."""
        events = ["s3:ObjectCreated:*", "s3:ObjectRemoved:*"]
        configuration: Any = {}
        if queue:
            configuration["QueueConfigurations"] = [{"QueueArn": queue, "Events": events}]
        if function:
            told = {"LambdaFunctionArn": function, "Events": events}
            configuration["LambdaFunctionConfigurations"] = [told]
        self.client("s3").put_bucket_notification_configuration(
            Bucket=bucket, NotificationConfiguration=configuration
        )

    def store_url(self, bucket: str) -> str:
        """Return the bucket as our settings have it."""
        return self.standin.store_url(bucket, "some/prefix")

    def index_url(self, table: str, more: str = "") -> str:
        """Return a table as our settings have it."""
        endpoint = quote(self.standin.endpoint, safe="")
        return f"dynamodb://{table}?region={self.standin.region}&endpoint={endpoint}{more}"


def _some_zip() -> bytes:
    """Return a package with nothing in it: the function finds our sources where they are."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("readme", "see PYTHONPATH")
    return buffer.getvalue()
