"""`onecopy doctor` on the command line."""

import json
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlencode

import pytest

from onecopy.doctor.clock import examine_clock
from onecopy.doctor.finding import State
from onecopy.doctor.lifecycle import abort_rule, examine_lifecycle
from onecopy.doctor.policy import policy
from onecopy.store.s3.address import Address
from tests.certificates import certify, serving_with
from tests.conftest import Ran, Run, Serve, backends, environment, used
from tests.middleman import Answer, answering
from tests.proxy import proxying
from tests.standins import Standin
from tests.upload.conftest import noise, write

BUCKETS = ["seaweedfs", "ministack"]


@pytest.fixture
def s3(request: pytest.FixtureRequest) -> Standin:
    """Return the S3 server whose name is the parameter."""
    found: Standin = request.getfixturevalue(request.param)
    return found


def findings(ran: Ran) -> dict[str, list[dict[str, Any]]]:
    """Return what `--json` printed, by what it is about."""
    found: dict[str, list[dict[str, Any]]] = {}
    for line in ran.out.splitlines():
        each = json.loads(line)
        found.setdefault(each["about"], []).append(each)
    return found


def states(ran: Ran) -> dict[str, set[str]]:
    """Return the states of the findings, by what they are about."""
    return {about: {each["state"] for each in some} for about, some in findings(ran).items()}


on_both = pytest.mark.parametrize("s3", BUCKETS, indirect=True)
ALL_FINE = {
    "credentials",
    "network",
    "bucket",
    "clock",
    "absence",
    "access",
    "checksums",
    "crc",
    "parts",
    "overwriting",
    "copying",
    "composites",
    "cors",
    "versioning",
    "expiry",
    "encryption",
    "index",
}


@on_both
def test_a_bucket_that_is_fine(run: Run, s3: Standin) -> None:
    """0, one finding per line, without the secret; only two small objects remain in the bucket."""
    bucket = s3.bucket()
    into = ("--store", s3.store_url(bucket, "some/prefix"))
    assert run("doctor", "--fix-cors", *into, **s3.environment()).code == 0
    done = run("doctor", "--json", *into, **s3.environment())
    assert (done.code, done.err.startswith("onecopy: ")) == (0, True), done.out
    found = states(done)
    assert {about for about, some in found.items() if some == {"fine"}} >= ALL_FINE
    assert {about for about, some in found.items() if "advice" in some} == {
        "endpoint",
        "unfinished",
    }
    assert s3.secret_key not in done.out
    assert s3.access_key in findings(done)["credentials"][0]["message"]
    listed = s3.client().list_objects_v2(Bucket=bucket)["Contents"]
    own = "some/prefix/.onecopy/"
    assert {each["Key"] for each in listed} == {f"{own}store.json", f"{own}composite"}
    assert not s3.client().list_multipart_uploads(Bucket=bucket).get("Uploads")


@on_both
def test_findings_are_printed_as_text(run: Run, s3: Standin) -> None:
    """A line begins with the state; the fix is printed below it."""
    done = run("doctor", "--store", s3.store_url(s3.bucket()), **s3.environment())
    lines = done.out.splitlines()
    assert "fine    absence: the bucket answers 404 for objects that do not exist" in lines
    at = next(at for at, line in enumerate(lines) if line.startswith("advice  unfinished: "))
    assert lines[at + 1].startswith("        run `onecopy doctor --abort-stale`")
    assert "AbortIncompleteMultipartUpload" in lines[at + 2]


@on_both
def test_cors_is_merged(run: Run, s3: Standin) -> None:
    """--fix-cors adds our origins to a rule of its own, and keeps the rules of others."""
    bucket, client = s3.bucket(), s3.client()
    others = {"ID": "theirs", "AllowedOrigins": ["https://x.example"], "AllowedMethods": ["GET"]}
    client.put_bucket_cors(Bucket=bucket, CORSConfiguration={"CORSRules": [others]})  # type: ignore[list-item]
    into = ("--json", "--store", s3.store_url(bucket), "--origin", "https://a.example")
    before = run("doctor", *into, **s3.environment())
    assert before.code == 1
    remedy = findings(before)["cors"][0]["fix"]
    assert remedy.startswith(f"onecopy doctor --store 's3://{bucket}?")
    assert remedy.endswith("--fix-cors --origin https://a.example")
    fixed = run("doctor", "--fix-cors", *into, **s3.environment())
    assert fixed.code == 0, fixed.out
    assert "x-amz-checksum-sha256" in findings(fixed)["cors"][0]["message"]
    more = run("doctor", "--fix-cors", *into, "--origin", "http://b.example", **s3.environment())
    assert more.code == 0, more.out
    theirs, ours = client.get_bucket_cors(Bucket=bucket)["CORSRules"]
    assert (theirs["ID"], theirs["AllowedMethods"]) == ("theirs", ["GET"])
    assert ours["AllowedOrigins"] == ["http://b.example", "https://a.example"]


def test_pages_that_may_only_send_cannot_show_texts(run: Run, ministack: Standin) -> None:
    """A rule without GET is no error; --fix-cors adds one that lets pages read."""
    bucket, client = ministack.bucket(), ministack.client()
    into = ("--json", "--store", ministack.store_url(bucket), "--origin", "https://a.example")
    assert run("doctor", "--fix-cors", *into, **ministack.environment()).code == 0
    [rule] = client.get_bucket_cors(Bucket=bucket)["CORSRules"]
    assert rule["AllowedMethods"] == ["GET", "PUT"]
    blind = {**rule, "AllowedMethods": ["PUT"]}
    client.put_bucket_cors(Bucket=bucket, CORSConfiguration={"CORSRules": [blind]})  # type: ignore[list-item]
    advised = run("doctor", *into, **ministack.environment())
    assert (advised.code, states(advised)["cors"]) == (0, {"fine", "advice"})
    fixed = run("doctor", "--fix-cors", *into, **ministack.environment())
    assert states(fixed)["cors"] == {"fine"}


def test_what_is_stored_with_options_may_be_sent_too(run: Run, ministack: Standin) -> None:
    """The rule allows the headers that are signed, such as that of a storage class."""
    bucket = ministack.bucket()
    into = ("--json", "--store", ministack.store_url(bucket))
    assert run("doctor", "--fix-cors", *into, **ministack.environment()).code == 0
    dearer = (*into[:-1], f"{into[-1]}&storage_class=STANDARD_IA")
    refused = run("doctor", *dearer, **ministack.environment())
    assert states(refused)["cors"] == {"wrong"}
    assert run("doctor", "--fix-cors", *dearer, **ministack.environment()).code == 0


@on_both
def test_a_bucket_that_is_not_there(run: Run, s3: Standin) -> None:
    """It is reported with the command that creates it, and nothing else is examined."""
    done = run("doctor", "--json", "--store", s3.store_url("none-such"), **s3.environment())
    assert done.code == 1
    assert set(states(done)) == {"index", "credentials", "network", "reach", "clock"}
    assert "create-bucket" in findings(done)["reach"][0]["fix"]


def test_wrong_credentials(run: Run, seaweedfs: Standin) -> None:
    """Wrong and missing credentials are reported differently."""
    into = ("doctor", "--json", "--store", seaweedfs.store_url(seaweedfs.bucket()))
    wrong = run(*into, **{**seaweedfs.environment(), "AWS_SECRET_ACCESS_KEY": "other"})
    assert (wrong.code, "does not accept these credentials" in wrong.out) == (1, True)
    env = {**seaweedfs.environment(), "AWS_ACCESS_KEY_ID": "", "AWS_SECRET_ACCESS_KEY": ""}
    none = run(*into, **env)
    assert (none.code, "no credentials for the bucket" in none.out) == (1, True)


@pytest.mark.parametrize(
    ("denied", "about"),
    [("s3:ListBucket", "reach"), ("s3:PutObject", "access"), ("s3:GetObject", "absence")],
)
def test_missing_permissions(run: Run, seaweedfs: Standin, denied: str, about: str) -> None:
    """A missing permission is reported, with the command that prints the policy."""
    bucket = seaweedfs.bucket()
    deny = {
        "Effect": "Deny",
        "Principal": "*",
        "Action": denied,
        "Resource": [f"arn:aws:s3:::{bucket}", f"arn:aws:s3:::{bucket}/*"],
    }
    document = json.dumps({"Version": "2012-10-17", "Statement": [deny]})
    seaweedfs.client().put_bucket_policy(Bucket=bucket, Policy=document)
    into = ("--store", seaweedfs.store_url(bucket))
    done = run("doctor", "--json", *into, **seaweedfs.environment())
    assert done.code == 1
    assert [each["state"] for each in findings(done)[about]] == ["wrong"], done.out
    assert "onecopy doctor --policy" in findings(done)[about][0]["fix"]


def test_who_we_are_is_asked_of_amazon(run: Run, ministack: Standin) -> None:
    """Without an endpoint in the URL, the owner of the credentials is shown."""
    url = f"s3://{ministack.bucket()}?addressing=path&region=us-east-1"
    env = {**ministack.environment(), "AWS_ENDPOINT_URL": ministack.endpoint}
    done = run("doctor", "--json", "--store", url, **env)
    assert findings(done)["credentials"][0]["message"].startswith("arn:aws:")


def test_another_region_is_reported(run: Run, ministack: Standin) -> None:
    """If the bucket is in another region, the fix is the parameter for the URL."""
    url = ministack.store_url(ministack.bucket()).replace("us-east-1", "eu-central-1")
    done = run("doctor", "--json", "--store", url, **ministack.environment())
    assert findings(done)["region"][0]["fix"] == "add region=us-east-1 to the store's URL"


def test_an_index_of_another_store(run: Run, tmp_path: Path, seaweedfs: Standin) -> None:
    """A bucket is not made the store of an index that belongs to another store."""
    used(run, tmp_path)
    bucket = seaweedfs.bucket()
    into = (
        "--index",
        f"sqlite:{tmp_path / 'index.sqlite'}",
        "--store",
        seaweedfs.store_url(bucket),
    )
    done = run("doctor", "--json", *into, **seaweedfs.environment())
    assert (done.code, states(done)["store"]) == (1, {"wrong"})
    assert not seaweedfs.client().list_objects_v2(Bucket=bucket).get("Contents")
    (tmp_path / "other").mkdir()
    used(run, tmp_path / "other")
    mixed = (*backends(tmp_path)[:2], *backends(tmp_path / "other")[2:])
    assert "it belongs to another store" in run("doctor", *mixed).out


def test_what_lesser_servers_lack(run: Run, moto: Standin, rclone: Standin) -> None:
    """The consequences of missing capabilities are reported, and what doctor cannot fix."""
    slower = run("doctor", "--json", "--store", moto.store_url(moto.bucket()), **moto.environment())
    assert slower.code == 0
    assert {"checksums", "composites"} <= {
        about for about, some in states(slower).items() if some == {"advice"}
    }
    into = ("--json", "--store", rclone.store_url(rclone.bucket()))
    refused = run("doctor", "--fix-cors", *into, **rclone.environment())
    assert refused.code == 1
    assert states(refused)["overwriting"] == {"wrong"}
    assert "store-overwrites" in findings(refused)["overwriting"][0]["message"]
    assert "the settings of this service" in findings(refused)["cors"][0]["fix"]


@on_both
def test_stale_uploads_are_aborted(run: Run, s3: Standin, tmp_path: Path) -> None:
    """Our old uploads are aborted; recent ones and those of others stay, and are counted."""
    bucket, client = s3.bucket(), s3.client()
    store = s3.store_url(bucket)
    begin_one(tmp_path, store, s3)
    client.create_multipart_upload(Bucket=bucket, Key="theirs")
    assert run("doctor", "--abort-stale", "--store", store, **s3.environment()).err == (
        "onecopy: aborted 0 unfinished uploads\n"
    )
    done = run(
        *("doctor", "--abort-stale", "--days", "0", "--json", "--store", store),
        **s3.environment(),
    )
    assert (done.code, json.loads(done.out)) == (0, {"given_up": 1, "others": 1})
    left = client.list_multipart_uploads(Bucket=bucket)["Uploads"]
    assert [each["Key"] for each in left] == ["theirs"]


def begin_one(folder: Path, store: str, s3: Standin) -> None:
    """Begin a large upload, and abandon it."""
    code = (
        "import sys; from onecopy import settings; from onecopy.backends import opened_gate\n"
        "from onecopy.gate import Request\n"
        "with opened_gate(settings.read(None, {'store': sys.argv[1]})) as gate:\n"
        "    assert gate.begin([Request('film', 9_000_000)])[0].ticket\n"
    )
    subprocess.run(
        [sys.executable, "-c", code, store],
        check=True,
        cwd=folder,
        env=environment(folder, **s3.environment()),
    )


def test_stale_uploads_of_a_folder(run: Run, tmp_path: Path) -> None:
    """The same command aborts the stale uploads of a folder."""
    used(run, tmp_path)
    done = run("doctor", "--abort-stale", *backends(tmp_path))
    assert (done.code, done.err) == (0, "onecopy: aborted 0 unfinished uploads\n")


def test_a_folder(run: Run, tmp_path: Path) -> None:
    """Index and folder are probed, and nothing remains in the folder."""
    used(run, tmp_path)
    done = run("doctor", "--json", *backends(tmp_path))
    assert done.code == 0, done.out
    assert set(states(done)) == {"index", "store", "room", "contents"}
    run("scan", *backends(tmp_path))
    assert "it belongs to this store" in run("doctor", *backends(tmp_path)).out
    assert not list((tmp_path / "files/.onecopy/uploads").iterdir())
    away = run("doctor", "--store", tmp_path / "none" / "such", "--index", f"sqlite:{tmp_path}/i")
    assert (away.code, "wrong   store: " in away.out) == (1, True)


def test_a_service(run: Run, server: Serve, tmp_path: Path) -> None:
    """Its version and clock are compared, and what the token permits is shown."""
    served = server()
    done = run("doctor", "--json", "--server", served.url)
    assert done.code == 0
    assert set(states(done)) == {"network", "service", "version", "token", "clock"}
    assert findings(done)["token"][0]["message"] == "it allows: upload, read"
    made = run("token", "create", "--scope", "check", *backends(tmp_path))
    served.stop()
    guarded = server()
    assert "the service needs a token" in run("doctor", "--server", guarded.url).out
    unknown = run("doctor", "--server", guarded.url, ONECOPY_TOKEN="onecopy_" + "a" * 43)
    assert (unknown.code, "does not accept this token" in unknown.out) == (1, True)
    asking = run("doctor", "--server", guarded.url, ONECOPY_TOKEN=made.out.strip())
    assert (asking.code, "it allows only: check; uploads are refused" in asking.out) == (0, True)
    gone = run("doctor", "--server", "http://127.0.0.1:9")
    assert gone.code == 1
    assert "wrong   service: can't reach http://127.0.0.1:9: Connection refused\n" in gone.out


def test_the_network_of_a_service(run: Run, server: Serve) -> None:
    """The proxy in use is shown without its password; a wrong one is found, with the fix."""
    served = server()
    where = ("--json", "--server", served.url)
    with proxying(served.url, closed=True) as proxy:
        done = run("doctor", *where, HTTP_PROXY=proxy.with_password)
        denied = run("doctor", *where, HTTP_PROXY=proxy.url)
        direct = run("doctor", *where, HTTP_PROXY=proxy.url, NO_PROXY="127.0.0.1")
    assert done.code == 0, done.out
    (network,) = findings(done)["network"]
    assert network["message"] == (
        f"{served.url}: through the proxy {proxy.url} (HTTP_PROXY); without TLS"
    )
    (service,) = findings(denied)["service"]
    assert (denied.code, service["state"]) == (1, "wrong")
    assert service["message"].endswith("it answered 407 Proxy Authentication Required")
    assert service["fix"].startswith("add its name and password in HTTP_PROXY")
    assert "without a proxy, as NO_PROXY says" in findings(direct)["network"][0]["message"]
    unusable = run("doctor", *where, HTTP_PROXY="https://ada:hush@proxy.test")
    assert states(unusable) == {"network": {"wrong"}}
    assert "hush" not in unusable.out


def test_the_ca_of_a_service(run: Run, tmp_path: Path) -> None:
    """An unknown CA is found, and the fix names the variable; that fix helps."""
    certificate = certify(tmp_path)
    with answering(200, {}, b"{}", tls=serving_with(certificate)) as served:
        done = run("doctor", "--json", "--server", served.url)
        fixed = run("doctor", "--json", "--server", served.url, AWS_CA_BUNDLE=str(certificate))
    (service,) = findings(done)["service"]
    assert service["fix"].endswith("set AWS_CA_BUNDLE to the CA's PEM file")
    assert "certificate verify failed" in service["message"]
    assert f"{certificate} (AWS_CA_BUNDLE)" in findings(fixed)["network"][0]["message"]
    assert "not a onecopy service" in findings(fixed)["service"][0]["message"]
    gone = run("doctor", "--json", "--server", served.url, SSL_CERT_FILE=str(tmp_path / "none"))
    assert states(gone) == {"network": {"wrong"}}


def test_the_address_of_a_service(run: Run) -> None:
    """Another address than that of the service is named with a fix, and no password is shown."""
    with answering(404, {}, b"none") as served:
        done = run("doctor", "--json", "--server", f"{served.url}/page")
        tls = run("doctor", "--json", "--server", served.url.replace("http:", "https:"))
    (service,) = findings(done)["service"]
    assert f"{served.url}/page/v1/config answered 404" in service["message"]
    assert service["fix"].endswith("which is that of the page; try it without /page")
    (service,) = findings(tls)["service"]
    assert service["message"].endswith("its URL begins with http://")
    for url in ("http://127.0.0.1:99999", "http://ada:hush@127.0.0.1", "127.0.0.1:8000"):
        done = run("doctor", "--server", url)
        assert (done.code, done.out) == (2, "")
        assert done.err.startswith("onecopy: invalid server URL")
        assert "hush" not in done.err


@pytest.mark.parametrize(
    ("answer", "message", "fix"),
    [
        ((401, {}, b""), "401 Unauthorized, probably from a proxy or gateway", "pass requests"),
        ((403, {}, b"<h1>"), "403 Forbidden, probably from a proxy or gateway", "pass requests"),
        ((502, {}, b"<h1>"), "which got no valid answer from it", "check that the server runs"),
        ((302, {"Location": "https://login.test/"}, b""), "to https://login.test/", "use the URL"),
        ((200, {"Content-Type": "text/html"}, b"<h1>"), "4 bytes of type text/html", "check the"),
        (
            (
                503,
                {"Content-Type": "application/problem+json"},
                b'{"title": "No", "status": 503, "reason": "stopping", "detail": "It stops."}',
            ),
            "answered 503 (stopping): It stops.",
            None,
        ),
    ],
)
def test_what_answers_instead_of_a_service(
    run: Run, answer: Answer, message: str, fix: str | None
) -> None:
    """A gateway's answer is distinguished from the service's own; the fix is for its cause."""
    with answering(*answer) as served:
        done = run("doctor", "--json", "--server", served.url)
    (service,) = findings(done)["service"]
    assert (done.code, service["state"]) == (1, "wrong")
    assert message in service["message"]
    assert served.url in service["message"]
    assert (fix is None) is (service["fix"] is None)
    assert (fix or "") in (service["fix"] or "")


def test_policy_of_a_folder(run: Run, tmp_path: Path) -> None:
    """A folder needs no policy; it is not called a bucket."""
    done = run("doctor", "--policy", *backends(tmp_path))
    assert done.code == 2
    assert "--policy is for buckets, not for" in done.err


@on_both
def test_a_bucket_behind_a_proxy(run: Run, s3: Standin, tmp_path: Path) -> None:
    """Examination and uploads pass the proxy, which needs a password; nothing goes around it."""
    url = s3.store_url(s3.bucket())
    endpoint = {"endpoint": "http://bucket.test"}
    url = f"{url.partition('?')[0]}?{urlencode(dict(parse_qsl(url.partition('?')[2])) | endpoint)}"
    (tmp_path / "large").write_bytes(b"x" * (9 << 20))
    index = ("--index", f"sqlite:{tmp_path / 'index'}")
    with proxying(s3.endpoint, closed=True) as proxy:
        env = {**s3.environment(), "HTTP_PROXY": proxy.with_password}
        done = run("doctor", "--json", "--store", url, *index, **env)
        sent = run("upload", "large", "--store", url, *index, **env)
        known = run("check", "large", "--store", url, *index, **env)
        denied = run(
            "doctor", "--json", "--store", url, *index, **s3.environment(), HTTP_PROXY=proxy.url
        )
    assert f"through the proxy {proxy.url}" in findings(done)["network"][0]["message"]
    assert states(done)["bucket"] == {"fine"}, done.out
    assert (sent.code, known.code) == (0, 1), sent.err + known.err
    (reach,) = findings(denied)["reach"]
    assert reach["fix"].startswith("add its name and password in HTTP_PROXY")


@pytest.mark.parametrize(
    "wrong", [("--origin", "example.org"), ("--origin", "https://a.example/"), ("--fix-cors",)]
)
def test_invalid_options_are_refused(run: Run, tmp_path: Path, wrong: tuple[str, ...]) -> None:
    """2 for an invalid origin, and for CORS of a folder."""
    done = run("doctor", *wrong, *backends(tmp_path))
    assert (done.code, done.err.startswith("onecopy: ")) == (2, True)


@pytest.mark.parametrize(
    ("seconds", "state"),
    [(0, State.FINE), (-59, State.FINE), (61, State.ADVICE), (-301, State.WRONG)],
)
def test_clocks(seconds: int, state: State) -> None:
    """More than a minute is worth advice; more than five minutes break signatures."""
    now = datetime(2026, 3, 12, 9, 26, 53, tzinfo=UTC)
    date = format_datetime(now + timedelta(seconds=seconds), usegmt=True)
    assert examine_clock(date, now).state is state
    assert examine_clock("yesterday", now).state is examine_clock(None, now).state is State.FINE


def expiring(prefix: str, **more: object) -> dict[str, Any]:
    """Return a rule that deletes what is below a prefix."""
    chosen = {"Prefix": prefix}
    return {"ID": "e", "Status": "Enabled", "Filter": chosen, "Expiration": {"Days": 9}, **more}


@pytest.mark.parametrize(
    ("rules", "about", "state"),
    [
        ([], "unfinished", State.ADVICE),
        ([abort_rule("")], "unfinished", State.FINE),
        ([abort_rule("p/")], "unfinished", State.FINE),
        ([abort_rule("q/")], "unfinished", State.ADVICE),
        ([{**abort_rule("p/"), "Status": "Disabled"}], "unfinished", State.ADVICE),
        (
            [{**abort_rule(""), "AbortIncompleteMultipartUpload": {"DaysAfterInitiation": 1}}],
            "unfinished",
            State.ADVICE,
        ),
        ([expiring("")], "expiry", State.WRONG),
        ([expiring("p/tmp/")], "expiry", State.WRONG),
        ([expiring("q/")], "expiry", State.FINE),
        ([expiring("", Status="Disabled")], "expiry", State.FINE),
        ([expiring("", Expiration={"ExpiredObjectDeleteMarker": True})], "expiry", State.FINE),
        ([expiring("", Filter={"And": {"Prefix": "p/", "Tags": []}})], "expiry", State.WRONG),
        ([{**expiring(""), "Filter": {}, "Prefix": "q/"}], "expiry", State.FINE),
    ],
)
def test_lifecycle_rules(rules: list[dict[str, Any]], about: str, state: State) -> None:
    """A rule that deletes our objects is wrong; one that aborts unfinished uploads is fine."""
    found = examine_lifecycle(Address("bucket", "p/"), rules)
    assert [each.state for each in found if each.about == about] == [state]


def test_lifecycle_of_a_bucket(run: Run, seaweedfs: Standin) -> None:
    """A real bucket's rules are understood, and kept by the command that is printed."""
    bucket = seaweedfs.bucket()
    rules: Any = [expiring("p/")]
    seaweedfs.client().put_bucket_lifecycle_configuration(
        Bucket=bucket, LifecycleConfiguration={"Rules": rules}
    )
    into = ("--json", "--store", seaweedfs.store_url(bucket, "p"))
    done = run("doctor", *into, **seaweedfs.environment())
    assert states(done)["expiry"] == {"wrong"}
    assert '"Days": 9' in findings(done)["unfinished"][0]["fix"]


def test_the_policy(run: Run) -> None:
    """It is JSON for this bucket and prefix only, without permission to delete."""
    done = run("doctor", "--policy", "--store", "s3://photos/2026")
    assert done.code == 0
    policy_document = json.loads(done.out)
    lists, objects, _ = policy_document["Statement"]
    assert lists["Condition"] == {"StringLike": {"s3:prefix": "2026/*"}}
    assert objects["Resource"] == "arn:aws:s3:::photos/2026/*"
    assert "Delete" not in done.out
    assert "*" not in "".join(objects["Action"])
    assert run("doctor", "--policy", "--store", "folder").code == 2


def test_a_policy_for_odd_prefixes_and_keys() -> None:
    """Wildcards in a prefix are escaped; a KMS key may be used."""
    address = Address.parse("s3://photos/a*b$?sse_key=arn:aws:kms:eu:1:key/k")
    objects, *_, key = policy(address)["Statement"][1:]
    assert objects["Resource"] == "arn:aws:s3:::photos/a${*}b${$}/*"
    assert key["Action"] == ["kms:Decrypt", "kms:GenerateDataKey"]
    assert "Condition" not in policy(Address.parse("s3://photos"))["Statement"][0]


def test_metadata_reaches_the_objects(run: Run, seaweedfs: Standin, tmp_path: Path) -> None:
    """`upload --metadata` is stored with small and large objects; invalid names are refused."""
    bucket = seaweedfs.bucket()
    write(tmp_path / "a", noise(10))
    write(tmp_path / "film", noise(9_000_000))
    into = ("--store", seaweedfs.store_url(bucket))
    given = ("--metadata", "camera=X100", "--metadata", "place=Rome = Italy")
    done = run("upload", *given, *into, "a", "film", **seaweedfs.environment())
    assert done.code == 0, done.out
    for key in ("a", "film"):
        head = seaweedfs.client().head_object(Bucket=bucket, Key=key)
        assert head["Metadata"].items() >= {"camera": "X100", "place": "Rome = Italy"}.items()
    write(tmp_path / "b", noise(11))
    refused = run("upload", "--metadata", "Ä=1", *into, "b", **seaweedfs.environment())
    assert (refused.code, "invalid metadata" in refused.out) == (2, True)
