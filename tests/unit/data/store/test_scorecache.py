"""The file of scores: what was written is found, what was cut off or changed is absent, several writers lose nothing."""

import multiprocessing
from pathlib import Path

import numpy as np
import pytest

from intrex.data.errors import IntrexError
from intrex.data.specs import EncoderSpec
from intrex.data.store.scorecache import RECORD, SUFFIX, ScoreCache, pair_keys, text_digest

SPEC = EncoderSpec("fake", "fake")


def keys(count: int, start: int = 0, spec: EncoderSpec = SPEC):
    texts = [text_digest(f"text {i}") for i in range(start, start + count)]
    return pair_keys(spec, [text_digest("query")] * count, texts)


def file(folder: Path, number: int = 0) -> Path:
    return folder / SPEC.fingerprint / f"{number:04}{SUFFIX}"


def test_what_was_added_is_found(tmp_path):
    cache = ScoreCache(tmp_path)
    scores = np.array([0.5, -1.25, 0.0, 1e-30, 3e38], np.float32)
    with cache.open(SPEC) as stored:
        assert np.isnan(stored.find(keys(5))).all()
        stored.add(keys(2), scores[:2])
        stored.add(keys(3, 2), scores[2:])
    with cache.open(SPEC) as stored:
        found = stored.find(keys(9)[::-1])
    assert np.array_equal(found[4:], scores[::-1]) and np.isnan(found[:4]).all()
    assert (cache.hits, cache.added) == (5, 5)
    assert file(tmp_path).stat().st_size == 5 * RECORD.itemsize


def test_nothing_is_written_where_nothing_is_added(tmp_path):
    with ScoreCache(tmp_path / "a").open(SPEC) as stored:
        assert len(stored.find(keys(0))) == 0
    assert not (tmp_path / "a").exists()


def test_other_texts_and_other_scorers_have_other_keys():
    query, document = text_digest("a"), text_digest("b")
    other = EncoderSpec("fake", "fake", max_length=128)
    made = [
        pair_keys(SPEC, [query], [document]),
        pair_keys(SPEC, [document], [query]),
        pair_keys(SPEC, [query], [text_digest("b ")]),
        pair_keys(other, [query], [document]),
    ]
    assert len({one.tobytes() for one in made}) == 4 and {len(one.tobytes()) for one in made} == {16}


@pytest.mark.parametrize("cut", range(1, RECORD.itemsize + 1))
def test_a_record_that_was_cut_off_is_absent_and_written_over(tmp_path, cut):
    cache = ScoreCache(tmp_path)
    scores = np.arange(3, dtype=np.float32)
    with cache.open(SPEC) as stored:
        stored.add(keys(3), scores)
    path = file(tmp_path)
    path.write_bytes(path.read_bytes()[:-cut])
    with cache.open(SPEC) as stored:
        assert np.array_equal(stored.find(keys(3)), [0, 1, np.nan], equal_nan=True)
        stored.add(keys(1, 2), scores[2:])
    with cache.open(SPEC) as stored:
        assert np.array_equal(stored.find(keys(3)), scores)
    assert [p.name for p in path.parent.glob(f"*{SUFFIX}")] == [path.name]


def test_a_record_with_any_changed_bit_is_absent(tmp_path):
    cache = ScoreCache(tmp_path)
    with cache.open(SPEC) as stored:
        stored.add(keys(2), np.array([0.25, 4], np.float32))
    whole = file(tmp_path).read_bytes()
    for bit in range(8 * RECORD.itemsize):
        damaged = bytearray(whole)
        damaged[bit // 8] ^= 1 << bit % 8
        file(tmp_path).write_bytes(damaged)
        with cache.open(SPEC) as stored:
            assert np.array_equal(stored.find(keys(2)), [np.nan, 4], equal_nan=True)
    file(tmp_path).write_bytes(bytes(len(whole)))  # what a crash of the machine may leave
    with cache.open(SPEC) as stored:
        assert np.isnan(stored.find(np.array([b"", *keys(2)], "S16"))).all()


def write(folder: Path, start: int) -> None:
    with ScoreCache(folder).open(SPEC) as stored:
        for i in range(start, start + 300, 3):
            stored.add(keys(3, i), np.arange(i, i + 3, dtype=np.float32))


def test_two_processes_at_once_lose_nothing(tmp_path):
    with ScoreCache(tmp_path).open(SPEC) as stored:
        stored.add(keys(1, 5000), np.zeros(1, np.float32))  # this one holds the first file
        context = multiprocessing.get_context("fork")
        running = [context.Process(target=write, args=(tmp_path, start)) for start in (0, 200, 400)]
        for one in running:
            one.start()
        for one in running:
            one.join()
            assert one.exitcode == 0
    with ScoreCache(tmp_path).open(SPEC) as stored:
        assert np.array_equal(stored.find(keys(700)), np.arange(700))
        assert stored.find(keys(1, 5000)) == 0
    assert not file(tmp_path, 4).exists()


def test_a_folder_that_cannot_be_written_is_an_error_with_a_hint(tmp_path):
    (tmp_path / "file").write_text("")
    with ScoreCache(tmp_path / "file").open(SPEC) as stored, pytest.raises(IntrexError) as caught:
        stored.add(keys(1), np.zeros(1, np.float32))
    assert "--no-cache" in str(caught.value.hint)
