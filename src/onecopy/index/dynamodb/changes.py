"""Changes of what is listed: prepared out of sight, then made by one transaction.

    run is open ─▶ new blocks and entries ─▶ transaction: directories, run is live ─▶ delete the old

A block is never overwritten: a change stores another version, which its directory then names. So a
reader sees all of a change or nothing, whatever a process that ends in between has left. What it
leaves unused is named by the run, and deleted by `tidy`.
"""

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field

from onecopy.errors import Failure
from onecopy.index.dynamodb.connections import Item, Key, Table, names_in
from onecopy.index.dynamodb.directory import Directory, Outdated
from onecopy.index.dynamodb.items import directory_key, run_key
from onecopy.index.dynamodb.runs import (
    PAGE,
    RunReader,
    age_of,
    delete_unused,
    firsts_of,
    new_version,
    pages_of,
    unused_of,
    unused_pages,
)

ABANDONED_SECONDS = 3600.0
"""A run that is open for longer is given up: its process has ended, or has waited for too long."""


@dataclass
class Change:
    """A change that is being prepared."""

    tenant: str
    version: str = field(default_factory=new_version)
    """The name of its run, and the version of all that it stores."""
    blocks: list[Item] = field(default_factory=list)
    """New versions of blocks."""
    new: list[str] = field(default_factory=list)
    """Their names, for `unused`."""
    old: list[str] = field(default_factory=list)
    """Names of what it replaces."""
    records: list[bytes] = field(default_factory=list)
    """Entries that it adds and removes, sorted."""
    directories: list[tuple[Directory, Sequence[Directory]]] = field(default_factory=list)
    """Directories as they were read, and what is stored in their place."""
    runs: list[str] = field(default_factory=list)
    """Runs that it replaces."""

    @property
    def is_empty(self) -> bool:
        """Whether there is nothing to change."""
        return not self.directories


class Changer:
    """Makes changes."""

    def __init__(self, table: Table, runs: RunReader) -> None:
        self._table = table
        self._runs = runs

    def open(self, change: Change, pages: int) -> None:
        """Store the run of a change that will have up to this number of pages."""
        unused = [*change.new, unused_pages(change.version, pages)]
        key = run_key(change.tenant, change.version).raw()
        item = {**key, "stage": {"S": "open"}, "unused": {"SS": unused}}
        self._table.put_many([item])

    def make(self, change: Change) -> None:
        """Store and make a change; raises Outdated if what it changes was changed since."""
        pages = pages_of(change.tenant, change.version, change.records)
        firsts = change.records[::PAGE]
        self.open(change, len(pages))
        found = firsts_of(change.tenant, change.version, firsts)
        self._table.put_many([*change.blocks, *pages, *found])
        self.finish(change, len(change.records), len(pages))

    def finish(self, change: Change, entries: int, pages: int) -> None:
        """Make a change whose blocks and pages are stored; raises Outdated."""
        actions = [
            *self._directory_actions(change),
            *(self._deletion(change.tenant, run) for run in change.runs),
            self._going_live(change, entries, pages),
        ]
        if not self._table.transact(actions) and not self._is_live(change):
            self.give_up(change.tenant, change.version)
            raise Outdated
        self._clean(change, pages)

    def _directory_actions(self, change: Change) -> list[Item]:
        name, actions = self._table.name, list[Item]()
        for old, new in change.directories:
            for each in new:
                put = {"TableName": name, "Item": each.item(change.tenant)}
                if each.first == old.first and old.version is not None:
                    put["ConditionExpression"] = "version = :old"
                    put["ExpressionAttributeValues"] = {":old": {"S": old.version}}
                else:
                    put["ConditionExpression"] = "attribute_not_exists(pk)"
                actions.append({"Put": put})
        return actions

    def _deletion(self, tenant: str, run: str) -> Item:
        deletion = {
            "TableName": self._table.name,
            "Key": run_key(tenant, run).raw(),
            "ConditionExpression": "#stage = :live AND attribute_not_exists(#unused)",
            "ExpressionAttributeValues": {":live": {"S": "live"}},
        }
        return {"Delete": _named(deletion)}

    def _going_live(self, change: Change, entries: int, pages: int) -> Item:
        action: Item = {
            "TableName": self._table.name,
            "Key": run_key(change.tenant, change.version).raw(),
            "ConditionExpression": "#stage = :open",
            "ExpressionAttributeValues": {":open": {"S": "open"}},
        }
        if not pages and not change.old:
            return {"Delete": _named(action)}
        update = "SET #stage = :live, #entries = :entries, #pages = :pages"
        action["ExpressionAttributeValues"] |= {
            ":live": {"S": "live"},
            ":entries": {"N": str(entries)},
            ":pages": {"N": str(pages)},
        }
        if change.old:
            update += ", #unused = :unused"
            action["ExpressionAttributeValues"][":unused"] = {"SS": change.old}
        else:
            update += " REMOVE #unused"
        return {"Update": _named({**action, "UpdateExpression": update})}

    def _is_live(self, change: Change) -> bool:
        """Whether an earlier attempt, whose answer was lost, was carried out."""
        item = self._table.get(run_key(change.tenant, change.version), consistent=True)
        if item:
            return bool(item["stage"]["S"] == "live")
        stored = [new for _, [new, *_] in change.directories]
        keys = [directory_key(change.tenant, each.first) for each in stored]
        return bool(keys) and all(
            self._table.get(key, consistent=True).get("version") == {"S": change.version}
            for key in keys
        )

    def _clean(self, change: Change, pages: int) -> None:
        """Delete what a change has replaced; if that fails, `tidy` does it later."""
        if change.old:
            with suppress(Failure):
                delete_unused(self._table, change.tenant, change.old)
                self._forget_unused(run_key(change.tenant, change.version), is_empty=not pages)

    def _forget_unused(self, key: Key, *, is_empty: bool) -> None:
        if is_empty:
            self._table.delete(key, "#stage = :live", {":live": {"S": "live"}})
        else:
            self._table.update(key, "REMOVE #unused", "#stage = :live", {":live": {"S": "live"}})

    def give_up(self, tenant: str, version: str) -> None:
        """Delete what was prepared for a change that is not made, if it is still open."""
        key = run_key(tenant, version)
        values = {":open": {"S": "open"}, ":up": {"S": "given up"}}
        written = self._table.update(
            key, "SET #stage = :up", "#stage = :open", values, returns="ALL_NEW"
        )
        if written.item.get("stage") == {"S": "given up"}:
            delete_unused(self._table, tenant, unused_of(written.item))
            self._table.delete(key, "#stage = :up", {":up": {"S": "given up"}})

    def tidy(self, tenant: str) -> None:
        """Delete what interrupted changes have left: after an hour, since others may be at it."""
        for item in self._runs.items(tenant, consistent=True):
            version, stage = item["sk"]["S"], item["stage"]["S"]
            if "unused" not in item or age_of(version) < ABANDONED_SECONDS:
                continue
            if stage == "live":
                delete_unused(self._table, tenant, unused_of(item))
                self._forget_unused(run_key(tenant, version), is_empty=item["pages"]["N"] == "0")
            else:
                self.give_up(tenant, version)


def _named(action: Item) -> Item:
    """Return an action of a transaction with the names that its expressions use."""
    return action | names_in(action.get("UpdateExpression", ""), action["ConditionExpression"])
