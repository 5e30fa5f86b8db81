"""What the template says, of what no stand-in can show."""

import re
import subprocess
from pathlib import Path
from typing import Any

import pytest

from onecopy import settings
from onecopy.aws.deploy.account import Account
from onecopy.aws.deploy.choices import Choices, Names, store_options
from onecopy.aws.deploy.plan import TEMPLATE
from onecopy.aws.functions import settings as functions
from onecopy.doctor.cors import _rule
from onecopy.doctor.lifecycle import DAYS
from onecopy.doctor.policy import LISTS, OBJECTS, policy
from onecopy.http.cors import _EXPOSED, _PREFLIGHT, MAX_AGE_SECONDS
from onecopy.http.options import PAGE, SignIn
from onecopy.http.page import content_security_policy
from onecopy.index import dynamodb
from onecopy.store.s3.address import Address
from onecopy.store.s3.store import S3Store
from tests.deploy.template import one, resources, statements, template
from tests.standins.child import program


@pytest.fixture
def store(monkeypatch: pytest.MonkeyPatch) -> S3Store:
    """Return a store that is never asked."""
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "none")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "none")
    return S3Store(Address.parse("s3://photos?region=eu-west-1&addressing=virtual"))


def test_it_is_what_cloudformation_takes() -> None:
    """Types, properties, references and values, in the newest and in a smaller region."""
    done = subprocess.run(
        [program("cfn-lint"), "--template", str(TEMPLATE), "--regions", "us-east-1", "eu-north-1"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.stdout, done.stderr, done.returncode) == ("", "", 0)


def test_no_action_is_a_wildcard() -> None:
    """Every act that somebody is allowed stands there by its name."""
    actions = [
        action
        for statement in statements()
        for action in (
            statement["Action"] if isinstance(statement["Action"], list) else [statement["Action"]]
        )
    ]
    assert len(actions) > 25
    assert not [action for action in actions if "*" in action or "?" in action]


def test_nothing_is_allowed_upon_everything() -> None:
    """Only streams of one log, objects of one bucket below one prefix, and calls of one API."""
    allowed = [str(each["Resource"]) for each in statements() if "Resource" in each]
    wide = {text for text in allowed if "*" in text}
    ends = ("log-stream:*'}", "${Prefix}*'}", "/page/*'}")
    assert wide
    assert all(text.endswith(ends) for text in wide), wide


def test_nobody_may_delete_objects() -> None:
    """P7: not even functions that were taken over."""
    assert "s3:Delete" not in str(statements())


def test_functions_may_do_in_the_bucket_what_doctor_prints() -> None:
    """One list of permissions, in the code and in the template."""
    ours = {each["Sid"]: each for each in policy(Address("photos"))["Statement"]}
    theirs = {each["Sid"]: each for each in statements() if each.get("Sid") in ours}
    assert sorted(theirs["OnecopyLists"]["Action"]) == sorted(LISTS)
    assert sorted(theirs["OnecopyObjects"]["Action"]) == sorted(OBJECTS)


def test_functions_may_do_in_the_table_what_the_engine_does() -> None:
    """And no more: only the deployment creates and scans the table."""
    engine = Path(dynamodb.__file__).parent
    calls = {
        call
        for path in engine.glob("*.py")
        if path.name not in ("schema.py", "checksums.py")
        for call in re.findall(r"\bclient\.(\w+)", path.read_text())
    }
    partiql = {"BatchExecuteStatement": "PartiQLInsert"}
    # The rights to a transaction are those to what it consists of.
    calls -= {"close", "transact_write_items"}
    names = {"".join(word.title() for word in call.split("_")) for call in calls}
    (statement,) = [each for each in statements() if each.get("Sid") == "Index"]
    assert {f"dynamodb:{partiql.get(name, name)}" for name in names} == set(statement["Action"])


def test_objects_and_index_outlive_the_stack() -> None:
    """They stay when it is removed, or when a change would replace them; all else may go."""
    kept = {
        name
        for name, each in resources().items()
        if each.get("DeletionPolicy") == each.get("UpdateReplacePolicy") == "Retain"
    }
    assert kept == {"UploadBucket", "IndexTable"}


def test_the_index_is_guarded() -> None:
    """Its last 35 days can be had back, and nobody deletes it by a slip."""
    table = one("IndexTable")
    assert table["BillingMode"] == "PAY_PER_REQUEST"
    assert table["PointInTimeRecoverySpecification"] == {"PointInTimeRecoveryEnabled": True}
    assert table["DeletionProtectionEnabled"] is True


def test_the_buckets_are_closed() -> None:
    """Nothing in them is public: the page comes through CloudFront, by its access control."""
    assert set(one("UploadBucket")["PublicAccessBlockConfiguration"].values()) == {True}
    assert len(one("UploadBucket")["PublicAccessBlockConfiguration"]) == 4
    page, api = one("Distribution")["DistributionConfig"]["Origins"]
    assert page["OriginAccessControlId"] == {"Fn::GetAtt": "PageAccess.Id"}
    assert api["CustomOriginConfig"]["OriginProtocolPolicy"] == "https-only"
    (reader,) = one("PagePolicy")["PolicyDocument"]["Statement"]
    assert reader["Principal"] == {"Service": "cloudfront.amazonaws.com"}
    assert "distribution/${Distribution}" in str(reader["Condition"])


def test_the_page_has_the_policy_that_the_service_gives_it(store: S3Store) -> None:
    """Wherever the page comes from, it may do the same: a change of its first style is one here."""
    index = (PAGE / "index.html").read_bytes()
    headers = one("PageHeaders")["ResponseHeadersPolicyConfig"]["SecurityHeadersConfig"]
    text, names = headers["ContentSecurityPolicy"]["ContentSecurityPolicy"]["Fn::Sub"]
    text = text.replace("${BucketOrigin}", store.origin)
    assert text.replace("${SignsInAt}", "") == content_security_policy(store, None, index)
    condition, substituted, otherwise = names["SignsInAt"]["Fn::If"]
    assert (condition, otherwise) == ("HasIssuer", "")
    issuer = SignIn("https://issuer.example/pool", "page")
    origin = Choices(issuer=issuer.issuer).parameters["IssuerOrigin"]
    at = substituted["Fn::Sub"].replace("${IssuerOrigin}", origin).replace(" ${IssuerOrigins}", "")
    assert text.replace("${SignsInAt}", at) == content_security_policy(store, issuer, index)
    assert store.origin == "https://photos.s3.eu-west-1.amazonaws.com"


def test_every_answer_has_the_security_headers() -> None:
    """Those of the API, too, which has some of its own that stay."""
    config = one("Distribution")["DistributionConfig"]
    behaviors = [config["DefaultCacheBehavior"], *config["CacheBehaviors"]]
    assert {str(each["ResponseHeadersPolicyId"]) for each in behaviors} == {
        str({"Ref": "PageHeaders"})
    }
    headers = one("PageHeaders")["ResponseHeadersPolicyConfig"]
    assert set(headers["SecurityHeadersConfig"]) == {
        "ContentSecurityPolicy",
        "ContentTypeOptions",
        "FrameOptions",
        "ReferrerPolicy",
        "StrictTransportSecurity",
    }
    assert not any(each["Override"] for each in headers["SecurityHeadersConfig"].values())


def test_no_error_is_kept_for_others() -> None:
    """What one client may not see or have is no answer to another one."""
    kept = one("Distribution")["DistributionConfig"]["CustomErrorResponses"]
    assert {each["ErrorCachingMinTTL"] for each in kept} == {0}
    assert {400, 403, 404, 500, 502, 503, 504} <= {each["ErrorCode"] for each in kept}


def test_pages_may_send_what_we_sign(store: S3Store) -> None:
    """The rule for the bucket is the one that `onecopy doctor --fix-cors` writes."""
    (rule,) = one("UploadBucket")["CorsConfiguration"]["CorsRules"]
    ours = _rule(store, ["https://page.example"])
    assert rule["Id"] == ours["ID"]
    assert rule["AllowedMethods"] == ours["AllowedMethods"]
    assert rule["AllowedHeaders"] == ours["AllowedHeaders"]
    assert rule["MaxAge"] == ours["MaxAgeSeconds"]


def test_unfinished_uploads_are_given_up() -> None:
    """After as long as `onecopy doctor` advises."""
    (rule,) = one("UploadBucket")["LifecycleConfiguration"]["Rules"]
    assert rule["AbortIncompleteMultipartUpload"] == {"DaysAfterInitiation": DAYS}
    assert not {key for key in rule if "Expiration" in key}


def test_functions_are_told_what_settings_read() -> None:
    """No variable of theirs is one that nobody looks at."""
    known = {*settings._VARIABLES, *functions._VARIABLES}
    for name in resources("AWS::Lambda::Function"):
        given = set(one(name)["Environment"]["Variables"])
        assert {"ONECOPY_INDEX", "ONECOPY_STORE"} <= given <= known


def test_functions_run_on_arm_and_have_room_for_events() -> None:
    """What failed waits long enough to be tried again, and is not lost after five times."""
    for name in ("Events", "Ranges"):
        queue, source = one(f"{name}Queue"), one(f"{name}Source")
        assert queue["VisibilityTimeout"] >= 6 * one(f"{name}Function")["Timeout"]
        assert queue["RedrivePolicy"]["maxReceiveCount"] >= 5
        assert source["FunctionResponseTypes"] == ["ReportBatchItemFailures"]
    assert template()["Parameters"]["Architecture"]["Default"] == "arm64"
    assert template()["Parameters"]["Runtime"]["Default"] == "python3.13"


def test_ranges_are_read_with_least_rights() -> None:
    """The function that reads them can write nothing into the bucket, nor does the API receive."""
    own = one("RangesRole")["Policies"][0]["PolicyDocument"]["Statement"]
    actions = {action for each in own for action in each.get("Action", [])}
    assert {action for action in actions if action.startswith("s3:")} == {
        "s3:GetObject",
        "s3:GetObjectAttributes",
        "s3:ListBucket",
    }
    assert "RangesRole" not in str(one("StorePolicy")["Roles"])
    (sends,) = [each for each in statements() if each.get("Sid") == "SendRanges"]
    assert sends["Action"] == ["sqs:SendMessage"]


def test_all_of_confirming_can_be_left_out() -> None:
    """With `--confirm-large no`, no resource of it is made, and no other one needs them."""
    optional = {name for name, each in resources().items() if each.get("Condition") == "Confirms"}
    assert optional == {name for name in resources() if name.startswith("Ranges")}
    rate = one("RangesFunction")["Environment"]["Variables"]["ONECOPY_CONFIRM_FUNCTIONS"]
    assert rate == str(one("RangesSource")["ScalingConfig"]["MaximumConcurrency"])


def test_only_this_bucket_of_this_account_sends_events() -> None:
    """Another bucket of that name, of another account, would be somebody else's word."""
    (statement,) = one("EventsQueuePolicy")["PolicyDocument"]["Statement"]
    condition = statement["Condition"]
    assert condition["StringEquals"] == {"aws:SourceAccount": {"Ref": "AWS::AccountId"}}
    assert "${Bucket}" in str(condition["ArnEquals"])


def test_the_api_lets_through_only_so_much() -> None:
    """And only whom the issuer let in, where one is named."""
    throttle = one("ApiStage")["DefaultRouteSettings"]
    assert throttle["ThrottlingRateLimit"] == {"Ref": "RequestsPerSecond"}
    assert throttle["ThrottlingBurstLimit"] == {"Ref": "RequestsAtOnce"}
    route = one("ApiRoute")
    assert route["AuthorizationType"] == {"Fn::If": ["HasIssuer", "JWT", "NONE"]}
    assert resources()["SignIn"]["Condition"] == "HasIssuer"


def test_other_pages_may_use_what_was_chosen() -> None:
    """The API for named origins, the checksum API for one, and otherwise nothing."""
    condition, named, otherwise = one("HttpApi")["CorsConfiguration"]["Fn::If"]
    assert condition == "HasPageOrigins"
    headers = [part for _, part in _PREFLIGHT[:2]]
    assert [
        b", ".join(map(str.encode, named[f"Allow{name}"])) for name in ("Methods", "Headers")
    ] == headers
    assert ", ".join(named["ExposeHeaders"]).encode() == _EXPOSED[1]
    assert named["MaxAge"] == MAX_AGE_SECONDS
    assert "AllowCredentials" not in named
    environment = one("ApiFunction")["Environment"]["Variables"]
    assert "PageOrigins" in str(environment["ONECOPY_PAGE_ORIGINS"])
    condition, cors, _ = otherwise["Fn::If"]
    assert condition == "HasChecksumApi" == resources()["ChecksumRoute"]["Condition"]
    assert cors["AllowOrigins"] == [{"Ref": "ChecksumOrigin"}]
    assert (cors["AllowMethods"], cors["AllowHeaders"]) == (["POST"], ["content-type"])


def test_links_need_no_sign_in() -> None:
    """A browser follows them without a token, also where an authorizer asks for one."""
    route = one("ContentRoute")
    assert (route["RouteKey"], route["AuthorizationType"]) == ("GET /v1/content", "NONE")


def test_logs_end() -> None:
    """No log is kept for ever."""
    logs = resources("AWS::Logs::LogGroup")
    assert len(logs) == len(resources("AWS::Lambda::Function"))
    assert all(log["Properties"]["RetentionInDays"] == {"Ref": "LogDays"} for log in logs.values())


def test_no_secret_is_a_parameter() -> None:
    """Everybody who may view a stack can read its parameters: they only name the secret's place."""
    texts: list[Any] = list(template()["Parameters"])
    assert [name for name in texts if "Secret" in name] == ["SecretParameter"]


def test_every_choice_is_a_parameter() -> None:
    """What is chosen on the command line reaches the template."""
    chosen = Choices(
        domain="a.example",
        certificate="arn:aws:acm:us-east-1:111122223333:certificate/a",
        price_class="100",
        page_origins=("https://a",),
        trust=("default=md5",),
        trash=("/old/",),
        checksum_origin="https://a",
        checksum_tenant="a",
        checksum_table="a",
        checksum_key="a",
        issuer="https://a",
        audience="a",
        client_id="a",
        sign_in_scopes="openid",
        issuer_origins=("https://a",),
        jwt_tenant="a",
        jwt_scopes="a",
        confirm_large="no",
        confirm_rate="1MB",
        confirm_tenant_rate="1MB",
        confirm_daily="unlimited",
        confirm_tenant_daily="0",
        confirm_retrieval="yes",
        alarm_email="a@a.example",
        python="3.13",
        architecture="arm64",
    )
    assert set(chosen.parameters) <= set(template()["Parameters"])
    assert len(chosen.parameters) == 27


@pytest.mark.parametrize(
    ("bucket", "region", "origin"),
    [
        ("photos", "eu-west-1", "https://photos.s3.eu-west-1.amazonaws.com"),
        ("photos", "us-east-1", "https://photos.s3.amazonaws.com"),
        ("photos", "cn-north-1", "https://photos.s3.cn-north-1.amazonaws.com.cn"),
        ("my.photos", "eu-west-1", "https://s3.eu-west-1.amazonaws.com"),
    ],
)
def test_the_bucket_is_reached_in_its_region(
    bucket: str, region: str, origin: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By a name that it has from its first minute on, and that a certificate is for."""
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "none")
    monkeypatch.setenv("AWS_DEFAULT_REGION", region)
    options = store_options(Address(bucket), Account().endpoint_options(bucket))
    store = S3Store(Address.parse(f"s3://{bucket}?region={region}&{options}"))
    assert (store.origin, store.url) == (origin, f"s3://{bucket}")
    store.close()


def test_names_have_room_in_every_region() -> None:
    """A bucket's name has 63 characters at most."""
    names = Names("a" * 20, "1" * 12, "ap-southeast-1")
    assert max(map(len, (names.artifacts, names.uploads))) <= 63
