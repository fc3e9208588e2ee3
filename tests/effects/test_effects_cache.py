from __future__ import annotations

from branchsim.effects import ABSENT, Form, UnitCache, Units, unknown

BLOBS = {"json": b'{"name": 1}', "broken": b"{", "text": b"some text\n"}


class Reader:
    def __init__(self) -> None:
        self.asked: list[str] = []

    def __call__(self, blob: str) -> bytes | Units:
        self.asked.append(blob)
        return BLOBS[blob] if blob in BLOBS else unknown(f"{blob} is missing")


def test_a_blob_is_read_once() -> None:
    cache, reader = UnitCache(), Reader()
    one = cache.units(b"a.txt", "text", "100644", reader)
    assert cache.units(b"b.txt", "text", "100644", reader) is one
    assert reader.asked == ["text"]
    assert (cache.hits, cache.misses) == (1, 1)


def test_a_blob_is_read_again_where_its_name_or_mode_makes_other_units() -> None:
    cache, reader = UnitCache(), Reader()
    forms = [
        cache.units(path, "json", mode, reader)
        for path, mode in ((b"a.json", "100644"), (b"a.txt", "100644"), (b"a.json", "100755"))
    ]
    assert [units.form for units in forms] == [Form.JSON, Form.LINES, Form.JSON]
    assert len({frozenset(units.counts) for units in forms}) == 3


def test_what_could_not_be_read_is_asked_for_again() -> None:
    cache, reader = UnitCache(), Reader()
    assert not cache.units(b"a", "nowhere", "100644", reader).is_known
    assert not cache.units(b"a", "nowhere", "100644", reader).is_known
    assert reader.asked == ["nowhere", "nowhere"]


def test_nothing_and_submodules_are_not_read() -> None:
    cache, reader = UnitCache(), Reader()
    assert cache.units(b"a", None, "000000", reader) is ABSENT
    assert cache.units(b"a", "1" * 40, "160000", reader).form is Form.POINTER
    assert not reader.asked


def test_the_least_recently_used_is_forgotten_first() -> None:
    weight = UnitCache().units(b"a", "text", "100644", Reader()).weight
    cache, reader = UnitCache(limit=2 * weight), Reader()
    for path in (b"a.txt", b"a.json", b"a.txt", b"a.yml", b"a.txt", b"a.json"):
        cache.units(path, "text", "100644", reader)
        assert cache.size <= cache.limit
    assert reader.asked == ["text"] * 4
    assert len(cache) == 2


def test_versions_that_are_compared_are_of_one_form() -> None:
    cache, reader = UnitCache(), Reader()
    units = cache.together(b"a.json", [("json", "100644"), ("broken", "100644"), (None, "000000")], reader)
    assert [one.form for one in units] == [Form.LINES, Form.LINES, Form.ABSENT]


def test_caches_share_nothing() -> None:
    one, other = UnitCache(), UnitCache()
    one.units(b"a", "text", "100644", Reader())
    assert not len(other)
