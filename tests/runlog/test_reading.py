"""Dotted keys: the one place where they are walked."""

from decaylab.runlog.reading import at, flatten, has, put

METADATA = {"metrics": {"t20": {"mae": 0.012, "r2": None}, "own.name": 3}, "tags": ["a"]}


def test_a_value_is_found_by_a_dotted_path_or_by_its_parts():
    assert at(METADATA, "metrics.t20.mae") == 0.012
    assert at(METADATA, ("metrics", "own.name")) == 3
    assert at(METADATA, "metrics") is METADATA["metrics"]


def test_a_path_that_ends_early_gives_the_default_and_a_stored_null_does_not():
    for path in ("metrics.edt.mae", "metrics.t20.mae.more", "tags.0", "", "metrics.own.name"):
        assert at(METADATA, path) is None
        assert at(METADATA, path, 7) == 7
        assert not has(METADATA, path)
    assert at(METADATA, "metrics.t20.r2", 7) is None
    assert has(METADATA, "metrics.t20.r2")
    assert at(None, "a", 7) == at([], "a", 7) == 7


def test_what_is_put_is_found_and_the_rest_stays():
    metadata = {"a": {"b": 1}, "c": "text"}
    put(metadata, "a.d.e", 2)
    put(metadata, "c.f", 3)
    put(metadata, "g", 4)
    assert metadata == {"a": {"b": 1, "d": {"e": 2}}, "c": {"f": 3}, "g": 4}


def test_flat_paths_are_in_the_order_of_the_file_and_each_is_found():
    flat = flatten(METADATA | {"metrics": METADATA["metrics"] | {"empty": {}}})
    assert list(flat) == ["metrics.t20.mae", "metrics.t20.r2", "metrics.own.name", "tags"]
    assert flat["tags"] == ["a"]
