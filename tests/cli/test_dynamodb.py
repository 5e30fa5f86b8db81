"""The command line with an index in DynamoDB."""

import json
import re
import shlex
from collections.abc import Callable
from hashlib import md5
from pathlib import Path

import pytest

from tests.conftest import Run, Serve
from tests.index.tables import client_of, make_table, new_table, url_of
from tests.standins import Standin


def test_it_works_as_over_a_file(
    run: Run, server: Serve, tmp_path: Path, ministack: Standin
) -> None:
    """Upload, check, scan, report, forget, tokens and the service work with one table."""
    env = ministack.environment()
    index = url_of(ministack, new_table())
    (tmp_path / "in").mkdir()
    for name in ("a", "b"):
        (tmp_path / "in" / name).write_bytes(name.encode() * 1000)
    backends = ["--index", index, "--store", str(tmp_path / "files")]
    uploaded = run("upload", "in", *backends, **env)
    assert (uploaded.code, "2 uploaded" in uploaded.err) == (0, True)
    again = run("upload", "in", "--to", "again", "--json", *backends, **env)
    outcomes = [json.loads(line)["outcome"] for line in again.out.splitlines()]
    assert (again.code, outcomes) == (0, ["skipped", "skipped"])
    (tmp_path / "files" / "put by hand").write_bytes(b"a" * 1000)
    scanned = run("scan", *backends, **env).out
    assert ("1 new" in scanned, "2 unchanged" in scanned) == (True, True)
    assert "1 duplicate," in run("report", *backends, **env).out
    assert run("forget", "in/a", *backends, **env).code == 0
    checked = run("check", "in/a", "--json", *backends, **env)
    assert json.loads(checked.out)["copy"]["key"] == "put by hand"
    token = run("token", "create", *backends, **env).out.strip()
    served = server(tmp_path, *backends, env=env)
    through = run("check", "in/b", "--server", served.url, ONECOPY_TOKEN=token)
    assert (through.code, "already stored" in through.out) == (1, True)


def test_bucket_is_listed(run: Run, tmp_path: Path, ministack: Standin) -> None:
    """A bucket is listed into a table, for the price that is shown, and a check finds all.

    No request is made for each object.
    """
    env, bucket = ministack.environment(), ministack.bucket()
    client = ministack.client()
    for number in range(30):
        client.put_object(Bucket=bucket, Key=f"d/{number}", Body=b"x" * (number + 1))
    backends = ["--index", url_of(ministack, new_table()), "--store", ministack.store_url(bucket)]
    price = "up to $0.06 for 1,000,000 objects"
    for new, unchanged, note in ((30, 0, price), (0, 30, "")):
        answer = run("scan", "--json", *backends, **env)
        assert note in answer.err
        assert ("writes to the index" in answer.err) == bool(note)
        scanned = json.loads(answer.out)
        assert (scanned["new"], scanned["unchanged"]) == (new, unchanged)
        assert scanned["looks"] < 10
    (tmp_path / "same").write_bytes(b"x" * 7)
    (tmp_path / "other").write_bytes(b"y" * 7)
    checked = run("check", "same", "other", "--json", *backends, **env)
    same, other = map(json.loads, checked.out.splitlines())
    assert same["copy"]["key"] == "d/6"
    assert other["verdict"] == "new"
    report = json.loads(run("report", "--json", *backends, **env).out)
    assert report["stored"] == 30


def test_checksums_as_they_are(run: Run, server: Serve, tmp_path: Path, ministack: Standin) -> None:
    """Matches in a table of checksums are unconfirmed, unless trusted; nothing is uploaded."""
    env, table = ministack.environment(), new_table()
    make_table(ministack, table, "content")
    sums = {"content": {"S": md5(b"a", usedforsecurity=False).hexdigest()}}
    client_of(ministack).put_item(TableName=table, Item=sums)
    index = url_of(ministack, table, "&layout=checksums&key=content")
    for name in ("a", "b"):
        (tmp_path / name).write_bytes(name.encode())
    command = ["check", "a", "b", "--json", "--index", index, "--store", str(tmp_path / "files")]
    verdicts = [json.loads(line)["verdict"] for line in run(*command, **env).out.splitlines()]
    assert verdicts == ["unconfirmed", "new"]
    (tmp_path / "onecopy.toml").write_text('[tenants.default]\ntrust = ["claimed", "md5"]\n')
    verdicts = [json.loads(line)["verdict"] for line in run(*command, **env).out.splitlines()]
    assert verdicts == ["duplicate", "new"]
    examined = run("doctor", "--index", index, "--store", str(tmp_path / "files"), **env)
    assert (examined.code, "a table of checksums" in examined.out) == (0, True), examined.out
    refused = run("token", "create", "--index", index, **env)
    assert (refused.code, "onecopy migrate" in refused.err) == (2, True)
    refused = run("upload", "b", "--index", index, "--store", str(tmp_path / "files"), **env)
    assert (refused.code, "onecopy migrate" in refused.err) == (2, True)
    assert not (tmp_path / "files" / "b").exists()
    served = server(tmp_path, "--index", index, "--store", str(tmp_path / "files"), env=env)
    assert "warning: checks work, but uploads fail" in served.said
    assert "onecopy migrate" in served.said


@pytest.mark.parametrize("form", ["{}", "{:<40}", "{} ", "\t{}"])
@pytest.mark.parametrize("case", [str.upper, str.lower])
def test_checksums_in_another_form(
    run: Run, tmp_path: Path, ministack: Standin, form: str, case: Callable[[str], str]
) -> None:
    """Checksums that no lookup finds are reported at once, and the advice makes them known."""
    if (form, case) == ("{}", str.lower):
        return
    env, table = ministack.environment(), new_table()
    make_table(ministack, table, "content")
    for content in (b"a", b"b"):
        text = form.format(case(md5(content, usedforsecurity=False).hexdigest()))
        client_of(ministack).put_item(TableName=table, Item={"content": {"S": text}})
    index = url_of(ministack, table, "&layout=checksums&key=content")
    (tmp_path / "a").write_bytes(b"a")
    backends = ["--index", index, "--store", str(tmp_path / "files")]
    before = run("check", "a", *backends, **env)
    assert f"{index} holds checksums that are never found, such as '" in before.err
    examined = run("doctor", *backends, **env)
    assert examined.code == 1
    [command] = re.findall(r"onecopy (migrate '.*' '.*')", examined.out)
    done = run(*shlex.split(command), **env)
    assert done.code == 0, done.err
    after = run("check", "a", "--json", *backends, **env)
    assert (json.loads(after.out)["verdict"], "never" in after.err) == ("unconfirmed", False)
    assert run("doctor", *backends, **env).code == 0
