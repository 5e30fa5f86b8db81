"""`onecopy deploy` against a stand-in of AWS: made, made again, changed, interrupted, removed."""

import json
import signal
import subprocess
import sys
from functools import partial
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from onecopy.aws.deploy.choices import Choices
from onecopy.aws.deploy.plan import plan
from onecopy.http.options import PAGE
from tests.conftest import Run, environment
from tests.deploy.conftest import HERE, Cloud
from tests.deploy.template import one
from tests.middleman import standing_between

pytestmark = pytest.mark.server


def objects(cloud: Cloud, bucket: str) -> dict[str, Any]:
    """Return keys with what distinguishes the versions of an object."""
    found = cloud.client("s3").list_objects_v2(Bucket=bucket).get("Contents", [])
    return {each["Key"]: (each["ETag"], each["LastModified"]) for each in found}


def others_events(cloud: Cloud, bucket: str) -> None:
    """Let a bucket send events below `else/` to a queue of somebody's."""
    queue = f"arn:aws:sqs:{cloud.standin.region}:{cloud.names.account}:{bucket}"
    statement = {
        "Effect": "Allow",
        "Principal": {"Service": "s3.amazonaws.com"},
        "Action": "sqs:SendMessage",
        "Resource": queue,
    }
    policy = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    cloud.client("sqs").create_queue(QueueName=bucket, Attributes={"Policy": policy})
    rule = {
        "Id": "theirs",
        "QueueArn": queue,
        "Events": ["s3:ObjectCreated:*"],
        "Filter": {"Key": {"FilterRules": [{"Name": "prefix", "Value": "else/"}]}},
    }
    cloud.client("s3").put_bucket_notification_configuration(
        Bucket=bucket, NotificationConfiguration={"QueueConfigurations": [rule]}
    )


def sent(cloud: Cloud, bucket: str) -> dict[tuple[str, str], Any]:
    """Return where a bucket sends its events, by queue."""
    found = cloud.client("s3").get_bucket_notification_configuration(Bucket=bucket)
    return {
        (each["QueueArn"], event): each.get("Filter")
        for each in found.get("QueueConfigurations", [])
        for event in each["Events"]
    }


# Making it


def test_the_whole_stack_is_made(cloud: Cloud) -> None:
    """All that the plan says, and nothing else; the page is at the printed URL."""
    ran = cloud.deploy(*HERE)
    assert ran.code == 0, ran.err
    said = set(plan(Choices())) - {"Artifacts", "SecretParameter"}
    assert set(cloud.made) == said
    url = ran.out.strip()
    assert url == cloud.output("Url")
    page = cloud.ask(url)
    assert page.status == 200
    assert page.body == (PAGE / "index.html").read_bytes()
    assert (
        f"connect-src 'self' {cloud.standin.endpoint};" in page.headers["Content-Security-Policy"]
    )
    assert page.headers["Cache-Control"] == "no-cache"
    assert page.headers["X-Content-Type-Options"] == "nosniff"


def test_every_file_of_the_page_is_there(standing: Cloud) -> None:
    """With its type; what has a hash in its name is kept for ever."""
    url = standing.output("Url")
    for path in (each for each in PAGE.rglob("*") if each.is_file()):
        name = path.relative_to(PAGE).as_posix()
        answer = standing.ask(f"{url}/{name}")
        assert (answer.status, answer.body) == (200, path.read_bytes())
        assert ("immutable" in answer.headers["Cache-Control"]) == name.startswith("assets/")
        if path.suffix == ".js":
            assert answer.headers["Content-Type"] == "text/javascript; charset=utf-8"


def test_nothing_but_the_page_comes_through_the_distribution(standing: Cloud) -> None:
    """The package is in the same bucket."""
    keys = objects(standing, standing.names.artifacts)
    (package,) = [key for key in keys if key.startswith("package/")]
    assert standing.ask(f"{standing.output('Url')}/{package}").status in (403, 404)
    assert standing.ask(f"{standing.output('Url')}/../{package}").status in (403, 404)


def test_the_first_run_makes_a_token_and_no_other_does(cloud: Cloud) -> None:
    """The service requires tokens from its first minute on."""
    first, second = cloud.deploy(*HERE), cloud.deploy()
    assert first.err.count("onecopy_") == 1
    assert "onecopy_" not in second.err + second.out


def test_index_and_bucket_belong_together(standing: Cloud) -> None:
    """The command can work with them, as the functions do."""
    index = f"dynamodb://{standing.names.table}?region={standing.standin.region}"
    store = f"s3://{standing.names.uploads}?region={standing.standin.region}&addressing=path"
    ran = standing.run("report", "--index", index, "--store", store, **standing.environment)
    assert ran.code == 0, ran.err


def test_the_table_has_the_keys_that_the_engine_gives_it(standing: Cloud) -> None:
    """The template describes what the engine would make."""
    made = f"{standing.name}-own"
    index = f"dynamodb://{made}?region={standing.standin.region}"
    created = standing.run("token", "create", "--index", index, **standing.environment)
    assert created.code == 0, created.err
    tables = standing.client("dynamodb")
    ours, theirs = (
        tables.describe_table(TableName=name)["Table"] for name in (made, standing.names.table)
    )
    assert ours["KeySchema"] == theirs["KeySchema"] == one("IndexTable")["KeySchema"]
    assert ours["AttributeDefinitions"] == theirs["AttributeDefinitions"]
    assert theirs["DeletionProtectionEnabled"]


def test_functions_are_where_the_template_says(standing: Cloud) -> None:
    """With the package, the index, the bucket and the secret of this deployment."""
    functions = standing.client("lambda")
    for name in ("ApiFunction", "EventsFunction", "RangesFunction"):
        found = functions.get_function_configuration(FunctionName=standing.made[name])
        variables = found["Environment"]["Variables"]
        assert variables["ONECOPY_INDEX"].startswith(f"dynamodb://{standing.names.table}?")
        assert variables["ONECOPY_STORE"].startswith(f"s3://{standing.names.uploads}/?")
    api = functions.get_function_configuration(FunctionName=standing.made["ApiFunction"])
    assert api["Environment"]["Variables"]["ONECOPY_SECRET_FROM"] == f"ssm:{standing.names.secret}"


def test_json_tells_the_same(cloud: Cloud) -> None:
    """For programs, which keep the token."""
    ran = cloud.deploy(*HERE, "--json")
    assert ran.code == 0, ran.err
    assert f'"url": "{cloud.output("Url")}"' in ran.out
    assert '"token": "onecopy_' in ran.out


# Again


def test_the_same_again_changes_nothing(standing: Cloud) -> None:
    """Neither the stack nor an object."""
    before, stack = objects(standing, standing.names.artifacts), standing.stack
    ran = standing.deploy()
    assert ran.code == 0, ran.err
    assert ran.err == "onecopy: nothing has changed\n"
    assert objects(standing, standing.names.artifacts) == before
    assert standing.stack == stack


def test_what_is_not_given_stays_as_it_was(deployed: Cloud) -> None:
    """A choice is made once, and taken back by an empty one."""
    asked = deployed.deploy("--checksum-api", "https://old.example", "--trust", "default=md5")
    assert asked.code == 0, asked.err
    assert "ChecksumRoute" in deployed.made
    counted = {"pk": {"S": "v checksum-api-default"}, "sk": {"S": "-"}}
    read = partial(deployed.client("dynamodb").get_item, TableName=deployed.names.table)
    assert "Item" in read(Key=counted)  # the function has recorded it
    assert deployed.deploy().err == "onecopy: nothing has changed\n"
    assert deployed.deploy("--checksum-api", "").code == 0
    assert "ChecksumRoute" not in deployed.made
    assert "Item" not in read(Key=counted)
    functions = deployed.client("lambda")
    found = functions.get_function_configuration(FunctionName=deployed.made["ApiFunction"])
    assert found["Environment"]["Variables"]["ONECOPY_TRUST"] == "default=md5"


def test_confirming_can_be_limited_and_left_out(cloud: Cloud) -> None:
    """Limits reach the function that reads; without it, the API has no queue."""
    ran = cloud.deploy(*HERE, "--confirm-daily", "500GB", "--confirm-retrieval", "yes")
    assert ran.code == 0, ran.err
    functions = cloud.client("lambda")

    def variables(name: str) -> dict[str, str]:
        found = functions.get_function_configuration(FunctionName=cloud.made[name])
        given: dict[str, str] = found["Environment"]["Variables"]
        return given

    ranges = variables("RangesFunction")
    assert ranges["ONECOPY_CONFIRM_DAILY"] == "500GB"
    assert ranges["ONECOPY_CONFIRM_RETRIEVAL"] == "true"
    assert ranges["ONECOPY_CONFIRM_QUEUE"] == variables("ApiFunction")["ONECOPY_CONFIRM_QUEUE"]
    assert cloud.deploy("--confirm-large", "no").code == 0
    assert not [name for name in cloud.made if name.startswith("Ranges")]
    assert not variables("ApiFunction").get("ONECOPY_CONFIRM_QUEUE")
    assert set(cloud.made) == set(plan(Choices(confirm_large="no"))) - {
        "Artifacts",
        "SecretParameter",
    }


def test_an_issuer_guards_the_api(cloud: Cloud) -> None:
    """Then nobody needs a token of ours, and none is made."""
    issuer = ["--issuer", "https://issuer.example/pool", "--audience", "page"]
    ran = cloud.deploy(*HERE, *issuer)
    assert ran.code == 0, ran.err
    assert "onecopy_" not in ran.err
    gateway = cloud.client("apigatewayv2")
    (found,) = gateway.get_authorizers(ApiId=cloud.made["HttpApi"])["Items"]
    assert found["JwtConfiguration"] == {"Issuer": issuer[1], "Audience": ["page"]}
    routes = gateway.get_routes(ApiId=cloud.made["HttpApi"])["Items"]
    (api,) = [route for route in routes if route["RouteKey"] == "ANY /v1/{proxy+}"]
    assert (api["AuthorizationType"], api["AuthorizerId"]) == ("JWT", found["AuthorizerId"])


def test_users_of_a_pool_must_not_choose_their_tenant(cloud: Cloud) -> None:
    """An attribute of a Cognito pool that an app client may write names no tenant safely."""
    pools = cloud.client("cognito-idp")
    pool = pools.create_user_pool(PoolName="users")["UserPool"]["Id"]
    pools.create_user_pool_client(
        UserPoolId=pool, ClientName="page", WriteAttributes=["email", "custom:tenant"]
    )
    issuer = f"https://cognito-idp.{cloud.standin.region}.amazonaws.com/{pool}"
    options = ["--issuer", issuer, "--audience", "page", "--jwt-tenant"]
    ran = cloud.deploy(*HERE, *options, "claim:custom:tenant")
    assert ran.code == 0, ran.err
    assert "must not be able to write the attribute that names their tenant" in ran.err
    assert f"those of {pool} can write custom:tenant" in ran.err
    ran = cloud.deploy(*HERE, *options, "claim:custom:other")
    assert f"users of {pool} cannot write custom:other" in ran.err


def test_an_issuer_is_not_named_beside_tokens_of_the_whole_store(deployed: Cloud) -> None:
    """The deployment stays as it was; once the tokens are revoked, the issuer is set."""
    index = f"dynamodb://{deployed.names.table}?region={deployed.standin.region}"
    issuer = ["--issuer", "https://issuer.example/pool", "--audience", "page"]
    ran = deployed.deploy(*issuer)
    assert (ran.code, ran.out) == (2, "")
    assert "revoke them" in ran.err
    assert (
        deployed.client("apigatewayv2").get_authorizers(ApiId=deployed.made["HttpApi"])["Items"]
        == []
    )
    listed = deployed.run("token", "list", "--index", index, **deployed.environment)
    revoked = deployed.run(
        "token", "revoke", listed.out.split()[0], "--index", index, **deployed.environment
    )
    assert revoked.code == 0, revoked.err
    ran = deployed.deploy(*issuer)
    assert ran.code == 0, ran.err


def test_a_secret_is_rotated(standing: Cloud) -> None:
    """The new one signs, the one before is still taken, the one before that is not."""
    held = [secrets_of(standing)]
    for _ in range(2):
        assert standing.deploy("--rotate-secret").code == 0
        held.append(secrets_of(standing))
    (first,), second, third = held
    assert second[1:] == [first]
    assert third[1:] == second[:1]
    assert min(map(len, third)) >= 43


def secrets_of(cloud: Cloud) -> list[str]:
    """Return what signs tickets."""
    found = cloud.client("ssm").get_parameter(Name=cloud.names.secret, WithDecryption=True)
    assert found["Parameter"]["Type"] == "SecureString"
    words: list[str] = found["Parameter"]["Value"].split()
    return words


# Trouble


def test_an_interrupted_run_goes_on(cloud: Cloud, tmp_path: Path) -> None:
    """Ctrl-C leaves a stack that the next run completes."""
    command = [sys.executable, "-m", "onecopy", "deploy", "--name", cloud.name, *HERE]
    process = subprocess.Popen(
        command,
        stderr=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        cwd=tmp_path,
        env=environment(tmp_path, **cloud.environment),
    )
    assert process.stderr is not None
    first = process.stderr.readline()
    assert "deploying" in first
    process.send_signal(signal.SIGINT)
    _, rest = process.communicate(timeout=60)
    assert process.returncode == 130
    assert "run the same command again to resume" in rest
    again = cloud.deploy(*HERE)
    assert again.code == 0, again.err
    assert cloud.ask(again.out.strip()).status == 200


def test_functions_that_can_not_start_are_told_of(cloud: Cloud) -> None:
    """As with a package for other machines; the correct one is deployed afterwards."""
    here = HERE[HERE.index("--architecture") + 1]
    ran = cloud.deploy(*HERE, "--architecture", "arm64" if here == "x86_64" else "x86_64")
    assert (ran.code, ran.out) == (2, "")
    assert f"{cloud.made['ApiFunction']} does not start: " in ran.err
    assert "msgspec" in ran.err
    ran = cloud.deploy(*HERE)
    assert ran.code == 0, ran.err
    assert "onecopy_" in ran.err


def test_without_credentials_it_says_so(cloud: Cloud) -> None:
    """And how to give them."""
    ran = cloud.deploy(AWS_ACCESS_KEY_ID="", AWS_SECRET_ACCESS_KEY="")
    assert ran.code == 2
    assert "no credentials for AWS" in ran.err
    assert "AWS_ACCESS_KEY_ID" in ran.err


def test_without_a_region_it_asks_for_one(cloud: Cloud) -> None:
    """There is none that suits everybody."""
    ran = cloud.deploy(AWS_DEFAULT_REGION="", AWS_REGION="")
    assert (ran.code, ran.out) == (2, "")
    assert "AWS_REGION=" in ran.err


def test_a_bucket_of_others_under_our_name_is_left_alone(cloud: Cloud) -> None:
    """Neither used nor emptied."""
    s3 = cloud.client("s3")
    s3.create_bucket(Bucket=cloud.names.artifacts)
    s3.put_object(Bucket=cloud.names.artifacts, Key="theirs", Body=b"theirs")
    for options in ([*HERE], ["--remove", "--yes"]):
        ran = cloud.deploy(*options)
        assert ran.code == 2
        assert "not marked as ours" in ran.err
    assert list(objects(cloud, cloud.names.artifacts)) == ["theirs"]
    assert cloud.stack is None


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--name", "Upper"], "invalid name"),
        (["--name", "a" * 21], "up to 20"),
        (["--store", "s3://photos?region=eu-west-1"], "cannot have region"),
        (["--store", "s3://photos/a b"], "invalid prefix"),
        (["--store", "/srv/files"], "invalid bucket"),
        (["--page-origin", "https://a.example/page"], "invalid web origin"),
        (["--trust", "md5"], "TENANT=EVIDENCE"),
        (["--with-index"], "--with-index needs --remove"),
        (["--yes"], "--yes needs --remove"),
        (["--plan", "--remove"], "give only one of"),
        (["--certificate", "arn:aws:acm:eu-west-1:111122223333:certificate/a1"], "us-east-1 only"),
        (["--certificate", "a1", "--plan"], "expected the ARN"),
        (["--domain", "https://up.example.org", "--plan"], "invalid domain"),
        (["--domain", "up", "--plan"], "invalid domain"),
        (["--alarm-email", "ada", "--plan"], "invalid email address"),
        (["--confirm-daily", "much", "--plan"], "invalid --confirm-daily 'much'"),
    ],
)
def test_what_can_not_be_chosen_is_refused(run: Run, options: list[str], message: str) -> None:
    """Before the user is asked."""
    ran = run("deploy", *options, AWS_ACCESS_KEY_ID="", AWS_EC2_METADATA_DISABLED="true")
    assert (ran.code, ran.out) == (2, "")
    assert message in ran.err
    assert "Traceback" not in ran.err


@pytest.mark.parametrize(
    ("given", "missing"),
    [
        (("--domain", "up.example.org"), "--certificate"),
        (("--issuer", "https://issuer.example"), "--audience"),
    ],
)
def test_what_goes_together_is_chosen_together(
    cloud: Cloud, given: tuple[str, str], missing: str
) -> None:
    """Nothing is made before both are known."""
    ran = cloud.deploy(*given)
    assert ran.code == 2
    assert f"needs {missing}" in ran.err
    assert (cloud.stack, cloud.buckets) == (None, [])


# A bucket of one's own


@pytest.fixture
def own(cloud: Cloud) -> str:
    """Return a bucket that was there before, with events and rules of others."""
    bucket = cloud.standin.bucket()
    others_events(cloud, bucket)
    rule = {"ID": "theirs", "AllowedOrigins": ["https://a.example"], "AllowedMethods": ["GET"]}
    cloud.client("s3").put_bucket_cors(Bucket=bucket, CORSConfiguration={"CORSRules": [rule]})
    cloud.client("s3").put_object(Bucket=bucket, Key="up/here/a.txt", Body=b"theirs")
    return bucket


def test_a_bucket_of_ones_own_keeps_what_it_did(cloud: Cloud, own: str) -> None:
    """Its events and its rules for pages are added to, and taken away again."""
    before = sent(cloud, own)
    ran = cloud.deploy(*HERE, "--store", f"s3://{own}/up/here")
    assert ran.code == 0, ran.err
    assert "UploadBucket" not in cloud.made
    queue = cloud.output("EventsQueueArn")
    added = {key: value for key, value in sent(cloud, own).items() if key not in before}
    assert {event for _, event in added} == {
        "s3:ObjectCreated:*",
        "s3:ObjectRemoved:*",
        "s3:LifecycleExpiration:*",
    }
    assert {arn for arn, _ in added} == {queue}
    assert "up/here/" in str(added)
    rules = cloud.client("s3").get_bucket_cors(Bucket=own)["CORSRules"]
    assert [rule["ID"] for rule in rules] == ["theirs", "onecopy"]
    assert rules[1]["AllowedOrigins"] == [cloud.output("Url")]
    assert cloud.deploy().err == "onecopy: nothing has changed\n"
    assert cloud.deploy("--remove", "--yes").code == 0
    assert sent(cloud, own) == before
    assert "up/here/a.txt" in objects(cloud, own)


def test_a_bucket_that_is_not_there_is_not_made(cloud: Cloud) -> None:
    """A slip in its name must not become a bucket."""
    ran = cloud.deploy(*HERE, "--store", f"s3://missing-{uuid4().hex}")
    assert ran.code == 2
    assert "there is no bucket missing-" in ran.err
    assert cloud.stack is None


def test_the_bucket_can_not_be_changed(deployed: Cloud, own: str) -> None:
    """An index is of one bucket: for another one, its answers would be wrong."""
    ran = deployed.deploy("--store", f"s3://{own}")
    assert ran.code == 2
    assert "--name" in ran.err


# Removing


def test_removing_leaves_objects_and_index(deployed: Cloud) -> None:
    """All else is gone; removing it again says that there is nothing to remove."""
    s3, bucket = deployed.client("s3"), deployed.names.uploads
    s3.put_object(Bucket=bucket, Key="rome.jpg", Body=b"rome")
    before = objects(deployed, bucket)
    refused = deployed.deploy("--remove")
    assert (refused.code, "needs --yes" in refused.err) == (2, True)
    assert "ApiFunction" in deployed.made
    ran = deployed.deploy("--remove", "--yes")
    assert ran.code == 0, ran.err
    assert bucket in ran.err
    again = deployed.deploy("--remove", "--yes")
    assert (again.code, "no such stack" in again.err) == (2, True)
    assert deployed.stack is None
    assert deployed.buckets == [bucket]
    assert objects(deployed, bucket) == before
    assert deployed.names.table in deployed.client("dynamodb").list_tables()["TableNames"]
    assert sent(deployed, bucket) == {}
    named = deployed.client("ssm").get_parameters(Names=[deployed.names.secret])
    assert named["InvalidParameters"] == [deployed.names.secret]


def test_nothing_is_removed_that_is_not_there(cloud: Cloud) -> None:
    """A misspelt name is an error, before the user is asked."""
    ran = cloud.deploy("--remove")
    assert (ran.code, ran.out) == (2, "")
    assert f"no such stack: {cloud.name}" in ran.err


def test_the_index_can_go_later(deployed: Cloud) -> None:
    """As the first removal says: `--with-index` is enough to remove what it left."""
    assert deployed.deploy("--remove", "--yes").code == 0
    ran = deployed.deploy("--remove", "--yes", "--with-index")
    assert ran.code == 0, ran.err
    assert deployed.names.table not in deployed.client("dynamodb").list_tables()["TableNames"]


def test_the_index_goes_only_if_that_is_said(deployed: Cloud) -> None:
    """The objects stay even then."""
    s3, bucket = deployed.client("s3"), deployed.names.uploads
    s3.put_object(Bucket=bucket, Key="rome.jpg", Body=b"rome")
    ran = deployed.deploy("--remove", "--yes", "--with-index")
    assert ran.code == 0, ran.err
    assert deployed.names.table not in deployed.client("dynamodb").list_tables()["TableNames"]
    assert "rome.jpg" in objects(deployed, bucket)


def test_what_was_left_is_taken_up_again(deployed: Cloud) -> None:
    """A new deployment of the name has the old objects, the old index and the old token."""
    assert deployed.deploy("--remove", "--yes").code == 0
    again = deployed.deploy(*HERE)
    assert again.code == 0, again.err
    assert not {"UploadBucket", "IndexTable"} & set(deployed.made)
    assert "onecopy_" not in again.err
    queues = {arn for arn, _ in sent(deployed, deployed.names.uploads)}
    assert queues == {deployed.output("EventsQueueArn")}
    rules = deployed.client("s3").get_bucket_cors(Bucket=deployed.names.uploads)["CORSRules"]
    assert deployed.output("Url") in rules[0]["AllowedOrigins"]


# The plan


def test_the_plan_asks_nobody(ministack: Any, run: Run, tmp_path: Path) -> None:  # noqa: ANN401
    """It writes nothing, and needs no credentials."""
    with standing_between(ministack.endpoint) as middleman:
        env = {"AWS_ENDPOINT_URL": middleman.url, "AWS_ACCESS_KEY_ID": ""}
        ran = run("deploy", "--plan", "--files-per-month", "1000000", **env)
        assert (ran.code, ran.err) == (0, "")
        assert middleman.seen == []
    assert "AWS::CloudFront::Distribution" in ran.out
    assert "1,000,000 files × 4 = 4,000,000 requests × $1 a million" in ran.out
    assert list(tmp_path.iterdir()) == []
