"""Tasks of about equal bytes."""

from collections import defaultdict

from hypothesis import given
from hypothesis import strategies as st

from onecopy.digest import MD5, SMALLEST_PART, MiB, part_size
from onecopy.reading.parts import part_count, part_length
from onecopy.reading.wanted import Wanted
from onecopy.spark.tasks import Packing, Task, decode, encode
from onecopy.store.interface import Object
from onecopy.tenant import Owned, Tenant

GiB = 1024 * MiB
TiB = 1024 * GiB
LIMIT = 256 * MiB


def packed(sizes: list[int], limit: int = LIMIT) -> list[Task]:
    """Pack objects of these sizes, of which the large ones were seen."""
    packing = Packing(limit)
    objects = []
    for number, size in enumerate(sizes):
        wanted = Wanted(Owned(Tenant(), f"{number}"), size)
        seen = Object(wanted.key, size, "identity", 1) if packing.is_cut(wanted) else None
        objects.append((wanted, seen))
    return list(packing.tasks(objects))


def bytes_of(task: Task) -> int:
    """Return the bytes that a task reads."""
    total = 0
    for item in task:
        part = item.range
        numbers = range(part.first, part.first + part.count) if part else []
        total += sum(part_length(item.size, n) for n in numbers) if part else item.size
    return total


def test_a_terabyte_and_small_objects() -> None:
    """1 TiB becomes thousands of tasks of about the limit; a million bytes each are packed."""
    tasks = packed([10**6] * 500 + [TiB] + [10**6] * 500)
    sizes = [bytes_of(task) for task in tasks]
    assert sum(sizes) == TiB + 10**9
    length = part_size(TiB) or 0
    assert max(sizes) <= LIMIT + length
    assert min(sizes[:-1]) > LIMIT - length - MiB
    assert len(tasks) <= 1.05 * sum(sizes) / LIMIT + 2


def test_tiny_objects_are_not_free() -> None:
    """A request takes time, so a task has thousands of tiny objects, not millions."""
    tasks = packed([1] * 10_000)
    assert [len(task) for task in tasks[:2]] == [4095, 4095]


def test_an_object_with_an_md5_is_not_cut() -> None:
    """Its MD5 can only be computed by one executor."""
    wanted = Wanted(Owned(Tenant(), "a"), TiB, (MD5,))
    assert not Packing(LIMIT).is_cut(wanted)


@given(
    st.lists(st.integers(1, 2 * GiB) | st.integers(1, 9 * MiB), max_size=20),
    st.integers(1, GiB),
)
def test_every_byte_is_in_one_task(sizes: list[int], limit: int) -> None:
    """The ranges of an object follow each other and cover it; tasks are read back as written."""
    tasks = packed(sizes, limit)
    whole: list[str] = []
    ranges: dict[str, list[int]] = defaultdict(list)
    for task in tasks:
        assert task
        assert decode(encode(task)) == task
        for item in task:
            if item.range is None:
                whole.append(item.key)
            else:
                first, count = item.range.first, item.range.count
                assert count > 0
                ranges[item.key] += range(first, first + count)
    assert sorted([*whole, *ranges], key=int) == [str(number) for number in range(len(sizes))]
    for key, numbers in ranges.items():
        assert numbers == list(range(part_count(sizes[int(key)])))
    largest = max(limit, SMALLEST_PART)
    assert all(bytes_of(task) <= largest or len(task) == 1 for task in tasks)
