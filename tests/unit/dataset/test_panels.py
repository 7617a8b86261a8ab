"""The mapped tier: one copy per host, windows without copies, and nothing lost by eviction, damage or a dead maker."""

from __future__ import annotations

import fcntl
import multiprocessing
import os
import pathlib
import threading
import time
from multiprocessing.synchronize import Barrier, Event

import numpy as np
import pytest

from shared.dataset.manifest import Manifest, from_bytes, to_bytes
from shared.dataset.panel_files import PanelFiles
from shared.dataset.panels import MappedPanels
from shared.errors import ChunkMissingError, DatasetError
from shared.model.fields import STORED, VIEWS
from tests.support.datasets import FACTORS, PartStore, random_version

BUDGET = 1 << 28
ALL = (*STORED, *VIEWS, *FACTORS)


def test_every_field_is_bit_equal_to_memory_over_any_window(tmp_path: pathlib.Path) -> None:
    memory, manifest, blobs = random_version(stocks=600)
    panels = MappedPanels(tmp_path, manifest, PartStore(blobs), BUDGET)
    for field in ALL:
        for rows in (slice(0, 60), slice(10, 50), slice(21, 23), slice(59, 60), slice(30, 30)):
            found, expected = panels.panel(field, rows), memory.panel(field, rows)
            assert found.dtype == expected.dtype
            assert found.tobytes() == expected.tobytes(), field
    for name, series in memory.indices.items():
        assert np.array_equal(panels.indices[name], series, equal_nan=True)
    assert panels.absent_reason("ROE") == "no reason"
    with pytest.raises(DatasetError):
        panels.panel("NOTHING", slice(0, 1))


def test_a_window_across_years_is_no_copy_and_cannot_be_written(tmp_path: pathlib.Path) -> None:
    _, manifest, blobs = random_version()
    panels = MappedPanels(tmp_path, manifest, PartStore(blobs), BUDGET)
    assert len(manifest.years) == 2
    whole, window = panels.panel("close", slice(0, 60)), panels.panel("close", slice(15, 40))
    assert np.shares_memory(whole, window)
    assert window.strides[1] == 8
    with pytest.raises(ValueError, match="read-only"):
        window[0, 0] = 1


def test_arrays_outlive_their_panels(tmp_path: pathlib.Path) -> None:
    memory, manifest, blobs = random_version()
    found = MappedPanels(tmp_path, manifest, PartStore(blobs), BUDGET).panel("ROE", slice(0, 60))[3:5]
    assert found.tobytes() == memory.panel("ROE", slice(3, 5)).tobytes()


def test_only_the_years_of_the_window_are_fetched_and_counted(tmp_path: pathlib.Path) -> None:
    _, manifest, blobs = random_version()
    store = PartStore(blobs)
    panels = MappedPanels(tmp_path, manifest, store, BUDGET)
    first = panels.reader()
    first.panel("ROE", slice(0, 5))
    assert store.requested == list(manifest.stored_names("ROE", 2022))
    assert first.counters.as_dict() == {
        "chunks_read": 1,
        "bytes_read": 22 * 7 * 4,
        "by_tier": {"t2": 1},
        "bytes_by_tier": {"t2": 22 * 7 * 4},
    }
    second = panels.reader()
    second.panel("ROE", slice(0, 40))
    second.panel("ROE", slice(0, 40))
    assert second.counters.by_tier == {"t1": 1, "t2": 1}


def test_a_second_process_of_the_host_fetches_nothing(tmp_path: pathlib.Path) -> None:
    memory, manifest, blobs = random_version()
    MappedPanels(tmp_path, manifest, PartStore(blobs), BUDGET).ensure(ALL, slice(0, 60))
    store = PartStore({})
    other = MappedPanels(tmp_path, from_bytes(to_bytes(manifest)), store, BUDGET)
    other.ensure(ALL, slice(0, 60))
    assert store.requested == []
    assert set(other.counters.by_tier) == {"t1"}
    assert other.panel("adj_high", slice(0, 60)).tobytes() == memory.panel("adj_high", slice(0, 60)).tobytes()


def test_a_new_version_takes_over_unchanged_years(tmp_path: pathlib.Path) -> None:
    _, before, blobs = random_version(days=40)
    memory, after, more = random_version(days=41)
    calls: list[slice] = []

    def make(rows: slice) -> np.ndarray:  # type: ignore[type-arg]
        calls.append(rows)
        return np.full((rows.stop - rows.start, 7), rows.start, np.float32)

    old = MappedPanels(tmp_path, before, PartStore(blobs), BUDGET)
    old.ensure(ALL, slice(0, 40))
    old.scratch("k", np.dtype("f4"), slice(0, 40), make)
    store = PartStore(more)
    new = MappedPanels(tmp_path, after, store, BUDGET)
    new.ensure(old.mapped_fields(), slice(0, 41))
    assert set(store.requested) <= {key for field in after.content.chunks for key in after.stored_names(field, 2023)}
    new.scratch("k", np.dtype("f4"), slice(0, 41), make)
    assert calls == [slice(0, 22), slice(22, 40), slice(22, 41)]
    assert new.panel("adj_close", slice(0, 41)).tobytes() == memory.panel("adj_close", slice(0, 41)).tobytes()


def test_everything_that_is_missing_or_damaged_is_named_at_once(tmp_path: pathlib.Path) -> None:
    _, manifest, blobs = random_version()
    gone, broken = manifest.stored_names("ROE", 2022), manifest.stored_names("close", 2023)
    store = PartStore(dict(blobs))
    store.blobs.pop(gone[0])
    store.blobs[broken[0]] = blobs[broken[0]][:-1] + b"?"
    panels = MappedPanels(tmp_path, manifest, store, BUDGET)
    with pytest.raises(ChunkMissingError) as error:
        panels.ensure(("ROE", "close", "volume"), slice(0, 60))
    assert set(error.value.missing) == {gone[0], broken[0]}
    store.blobs = blobs
    panels.ensure(("ROE", "close", "volume"), slice(0, 60))


def test_budget_evicts_least_recently_used_panels_only(tmp_path: pathlib.Path) -> None:
    memory, manifest, blobs = random_version()
    store = PartStore(blobs)
    region = 22 * 4096
    panels = MappedPanels(tmp_path, manifest, store, 6 * 2 * region)
    held = panels.panel("close", slice(0, 60))
    for field in ALL * 2:
        reader = panels.reader()
        assert reader.panel(field, slice(0, 60)).tobytes() == memory.panel(field, slice(0, 60)).tobytes()
        assert panels.files.used_bytes() <= panels.files.budget_bytes
    assert held.tobytes() == memory.panel("close", slice(0, 60)).tobytes()
    assert len(store.requested) > len(set(store.requested))


def test_what_was_used_once_is_evicted_before_what_others_use(tmp_path: pathlib.Path) -> None:
    """Each of many scratch panels is used by its run alone; a field that every run reads keeps its file."""
    _, manifest, blobs = random_version()
    region = 22 * 4096
    panels = MappedPanels(tmp_path, manifest, PartStore(blobs), 10 * 2 * region)
    panels.panel("close", slice(0, 60))

    def make(rows: slice) -> np.ndarray:  # type: ignore[type-arg]
        return np.zeros((rows.stop - rows.start, len(manifest.instruments)))

    names = list(panels.mapped["close"].years.values())
    for number in range(60):
        panels.reader().scratch(f"term {number}", np.dtype("f8"), slice(0, 60), make)
        assert panels.files.used_bytes() <= panels.files.budget_bytes
    assert all(panels.files.exists(name) for name in names)


def test_fields_in_use_are_marked_soon_after_evictions(tmp_path: pathlib.Path) -> None:
    _, manifest, blobs = random_version()
    panels = MappedPanels(tmp_path, manifest, PartStore(blobs), BUDGET)
    panels.panel("close", slice(0, 60))
    path = tmp_path / (min(panels.mapped["close"].years.values()) + ".region")
    for evicted, waited_s, is_marked in ((False, 2, False), (True, 2, True), (False, 2, False), (False, 31, True)):
        os.utime(path, (0, 0))
        if evicted:
            (tmp_path / "evictions").touch()
        panels.reader().panel("close", slice(0, 60))
        panels._marked_at = time.monotonic() - waited_s
        panels.reader()
        assert (path.stat().st_mtime > 0) == is_marked, (evicted, waited_s)


def test_the_folder_is_looked_at_once_for_many_small_files(
    tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Files up to a 128th of the budget share a look; the budget holds also when other processes create files."""
    budget, size, count = 128 * 5 * 8192, 8192, 1500
    looks: list[int] = []
    evict = PanelFiles.evict

    def counting(files: PanelFiles, down_to_bytes: int) -> int:
        looks.append(down_to_bytes)
        return evict(files, down_to_bytes)

    monkeypatch.setattr(PanelFiles, "evict", counting)
    writers = [PanelFiles(tmp_path, budget) for _ in range(3)]
    for number in range(count):
        files = writers[number % 3]
        fd, created = files.open_or_create(f"f{number}", (1, 512), np.dtype("f8"), lambda out: out.fill(1.0))
        os.close(fd)
        assert created
        if number % 97 == 0:
            assert files.used_bytes() <= budget + 3 * budget // 128
    assert count // 6 <= len(looks) <= 2 * (count * size // (budget // 128) + 3)


def test_budget_below_one_panel_file_gives_the_same_values(tmp_path: pathlib.Path) -> None:
    memory, manifest, blobs = random_version()
    panels = MappedPanels(tmp_path, manifest, PartStore(blobs), 1)
    for field in ALL:
        assert panels.reader().panel(field, slice(0, 60)).tobytes() == memory.panel(field, slice(0, 60)).tobytes()


def test_scratch_panels_are_made_once_for_each_year_and_content(tmp_path: pathlib.Path) -> None:
    _, manifest, blobs = random_version()
    calls: list[slice] = []

    def make(rows: slice) -> np.ndarray:  # type: ignore[type-arg]
        calls.append(rows)
        return np.arange(rows.start * 7, rows.stop * 7, dtype=np.float64).reshape(-1, 7)

    panels = MappedPanels(tmp_path, manifest, PartStore(blobs), BUDGET)
    assert panels.scratch("a", np.dtype("f8"), slice(30, 32), make).tolist() == make(slice(30, 32)).tolist()
    again = MappedPanels(tmp_path, manifest, PartStore(blobs), BUDGET)
    assert again.scratch("a", np.dtype("f8"), slice(0, 60), make)[:, 0].tolist() == list(range(0, 420, 7))
    again.scratch("b", np.dtype("f8"), slice(0, 1), make)
    assert calls == [slice(22, 60), slice(30, 32), slice(0, 22), slice(0, 22)]


def test_stock_major_bars_are_built_once_per_year_and_content(tmp_path: pathlib.Path) -> None:
    memory, manifest, blobs = random_version()
    calls: list[slice] = []

    def make(rows: slice) -> np.ndarray:  # type: ignore[type-arg]
        calls.append(rows)
        closes, volumes = memory.panel("close", rows), memory.panel("volume", rows)
        return np.ascontiguousarray(np.stack([closes.T, volumes.T], axis=2))

    panels = MappedPanels(tmp_path, manifest, PartStore(blobs), BUDGET)
    ((first, strip),) = panels.stock_major("a", 2, slice(30, 32), make)
    assert first == 22
    assert strip.tobytes() == make(slice(22, 60)).tobytes()
    again = MappedPanels(tmp_path, manifest, PartStore(blobs), BUDGET)
    for _ in range(2):
        found = again.stock_major("a", 2, slice(10, 60), make)
        assert [(first, strip.shape) for first, strip in found] == [(0, (7, 22, 2)), (22, (7, 38, 2))]
        for first, strip in found:
            rows = slice(first, first + strip.shape[1])
            assert np.array_equal(strip[:, :, 0].T, memory.panel("close", rows), equal_nan=True)
            assert not strip.flags.writeable
    assert calls == [slice(22, 60), slice(22, 60), slice(0, 22)]
    assert memory.stock_major("a", 2, slice(22, 23), make)[0][1].tobytes() == found[1][1].tobytes()
    again.stock_major("b", 2, slice(0, 1), make)
    again.files.evict(0)
    again.release_evicted()
    assert again.reader().stock_major("b", 2, slice(0, 1), make)[0][1].tobytes() == found[0][1].tobytes()
    assert calls[-2:] == [slice(0, 22), slice(0, 22)]


def test_damaged_files_are_found_and_all_are_removed(tmp_path: pathlib.Path) -> None:
    memory, manifest, blobs = random_version()
    panels = MappedPanels(tmp_path, manifest, PartStore(blobs), BUDGET)
    panels.ensure(ALL, slice(0, 60))
    began = panels.files.verified_since()
    assert panels.files.find_damaged(lambda: False) == []
    assert (panels.files.verified_since() > began, panels.files.damaged_at()) == (True, 0)
    since = panels.files.verified_since()
    path = sorted(tmp_path.glob("*.region"))[3]
    content = bytearray(path.read_bytes())
    content[len(content) // 3] ^= 16
    path.write_bytes(content)
    assert panels.files.find_damaged(lambda: True) == []
    assert panels.files.find_damaged(lambda: False) == [path.name]
    assert panels.files.verified_since() == since
    assert panels.files.damaged_at() > 0
    assert list(tmp_path.glob("*.region")) == []
    again = panels.reader().panel("adj_close", slice(0, 60))
    assert again.tobytes() == memory.panel("adj_close", slice(0, 60)).tobytes()
    assert panels.files.find_damaged(lambda: False) == []


def test_answers_are_known_since_a_time_until_it_is_verified(tmp_path: pathlib.Path) -> None:
    files = PanelFiles(tmp_path, BUDGET)
    files.note_answer("screen-1")
    files.note_answer("audit-2")
    (tmp_path / "3.answers").write_text("long-ago\n")
    assert files.answers_since(0) == {"screen-1", "audit-2", "long-ago"}
    assert files.answers_since(files.verified_since()) == {"screen-1", "audit-2"}
    assert files.find_damaged(lambda: False) == []
    assert files.answers_since(0) == {"screen-1", "audit-2"}
    assert files.answers_since(files.verified_since()) == {"screen-1", "audit-2"}


@pytest.mark.parametrize("by", [-5000, -1, 1, 4096])
def test_a_file_of_another_size_is_made_again(tmp_path: pathlib.Path, by: int) -> None:
    memory, manifest, blobs = random_version()
    MappedPanels(tmp_path, manifest, PartStore(blobs), BUDGET).panel("close", slice(0, 60))
    for path in tmp_path.glob("*.region"):
        os.truncate(path, max(path.stat().st_size + by, 0))
    other = MappedPanels(tmp_path, manifest, PartStore(blobs), BUDGET)
    assert other.panel("close", slice(0, 60)).tobytes() == memory.panel("close", slice(0, 60)).tobytes()
    assert set(other.counters.by_tier) == {"t2"}


def test_reservations_share_half_of_the_budget(tmp_path: pathlib.Path) -> None:
    files, others = PanelFiles(tmp_path, 1000), PanelFiles(tmp_path, 1000)
    running = files.reserved(300, lambda: False), others.reserved(200, lambda: False)
    with running[0], running[1], files.reserved(1, lambda: True):  # the third does not fit and is stopped
        assert len(list(tmp_path.glob("*.reserved"))) == 2
    assert list(tmp_path.glob("*.reserved")) == []
    with files.reserved(900, lambda: False):
        assert len(list(tmp_path.glob("*.reserved"))) == 1


def test_reservation_of_an_ended_process_is_freed(tmp_path: pathlib.Path) -> None:
    (tmp_path / "4194305.1.reserved").write_text("900", encoding="ascii")  # above the largest process id
    with PanelFiles(tmp_path, 1000).reserved(500, lambda: False):
        assert len(list(tmp_path.glob("*.reserved"))) == 1


def test_files_leave_room_for_reservations(tmp_path: pathlib.Path) -> None:
    _, manifest, blobs = random_version()
    panels = MappedPanels(tmp_path, manifest, PartStore(blobs), BUDGET)
    panels.ensure(ALL, slice(0, 60))
    used = panels.files.used_bytes()
    with PanelFiles(tmp_path, used).reserved(used // 2, lambda: False):
        assert panels.files.used_bytes() <= used - used // 2


def test_a_file_made_again_is_mapped_again(tmp_path: pathlib.Path) -> None:
    _, manifest, blobs = random_version()
    panels = MappedPanels(tmp_path, manifest, PartStore(blobs), BUDGET)
    panels.panel("close", slice(0, 60))
    panels.files.evict(0)
    MappedPanels(tmp_path, manifest, PartStore(blobs), BUDGET).panel("close", slice(0, 60))
    panels.release_evicted()
    assert "close" not in panels.mapped


def test_a_scratch_maker_that_fails_leaves_nothing(tmp_path: pathlib.Path) -> None:
    _, manifest, blobs = random_version()
    panels = MappedPanels(tmp_path, manifest, PartStore(blobs), BUDGET)

    def fail(rows: slice) -> np.ndarray:  # type: ignore[type-arg]
        raise ChunkMissingError(("x",))

    with pytest.raises(ChunkMissingError):
        panels.scratch("a", np.dtype("f4"), slice(0, 9), fail)
    assert [path.name for path in tmp_path.iterdir()] == ["verified"]


def race(
    directory: str, manifest: bytes, blobs: dict[str, bytes], start: Barrier, results: list[tuple[int, str]]
) -> None:
    store = PartStore(blobs)
    panels = MappedPanels(directory, from_bytes(manifest), store, BUDGET)
    start.wait(30)
    panels.ensure(ALL, slice(0, 60))
    digest = "".join(str(hash(panels.panel(f, slice(0, 60)).tobytes())) for f in ("PER", "adj_close"))
    results.append((len(store.requested), digest))


def test_processes_that_want_the_same_make_each_region_once(tmp_path: pathlib.Path) -> None:
    context = multiprocessing.get_context("fork")
    _, manifest, blobs = random_version()
    with context.Manager() as manager:
        start, results = context.Barrier(4), manager.list()
        arguments = (str(tmp_path), to_bytes(manifest), blobs, start, results)
        makers = [context.Process(target=race, args=arguments) for _ in range(4)]
        for maker in makers:
            maker.start()
        for maker in makers:
            maker.join(60)
        assert [maker.exitcode for maker in makers] == [0] * 4
        asked, digests = zip(*results, strict=True)
    chunks = manifest.content.chunks.items()
    names = {(field, name) for field, years in chunks for parts in years.values() for name in parts}
    assert sum(asked) == len(names)
    assert len(set(digests)) == 1
    assert [p.name for p in tmp_path.iterdir() if p.suffix != ".region"] == ["verified"]


def exit_while_making(directory: str, manifest: bytes, begun: Event) -> None:
    def fetch(names: object) -> dict[str, bytes]:
        begun.set()
        os.kill(os.getpid(), 9)
        return {}

    MappedPanels(directory, from_bytes(manifest), fetch, BUDGET).panel("ROE", slice(0, 5))


def test_writer_that_ends_is_replaced_and_its_file_removed(tmp_path: pathlib.Path) -> None:
    context = multiprocessing.get_context("fork")
    memory, manifest, blobs = random_version()
    begun = context.Event()
    maker = context.Process(target=exit_while_making, args=(str(tmp_path), to_bytes(manifest), begun))
    maker.start()
    assert begun.wait(30)
    maker.join(30)
    panels = MappedPanels(tmp_path, manifest, PartStore(blobs), BUDGET)
    assert panels.panel("ROE", slice(0, 5)).tobytes() == memory.panel("ROE", slice(0, 5)).tobytes()
    assert [p.suffix for p in tmp_path.iterdir() if p.name != "verified"] == [".region"]


def test_stopped_writer_is_waited_for_until_the_deadline(tmp_path: pathlib.Path) -> None:
    memory, manifest, blobs = random_version()
    first = MappedPanels(tmp_path, manifest, PartStore(blobs), BUDGET)
    first.panel("ROE", slice(0, 5))
    (region,) = tmp_path.glob("*.region")
    region.unlink()
    with open(region.with_suffix(".lock"), "w", encoding="ascii") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        panels = MappedPanels(tmp_path, manifest, PartStore(blobs), BUDGET, lock_deadline_s=0.05)
        assert panels.panel("ROE", slice(0, 5)).tobytes() == memory.panel("ROE", slice(0, 5)).tobytes()


def test_the_version_is_the_content_and_nothing_else() -> None:
    _, one, blobs = random_version(revision=1)
    _, two, again = random_version(revision=2)
    assert one.version == two.version
    assert blobs.keys() == again.keys()
    _, other, _ = random_version(seed=1)
    assert other.version != one.version


def test_manifest_with_other_content_than_its_name_is_refused() -> None:
    _, manifest, _ = random_version()
    data = to_bytes(manifest)
    assert from_bytes(data) == manifest
    for broken in (b"", b"{}", b"\x80\x04.", data.replace(b'"000003"', b'"000009"'), data[:-1]):
        with pytest.raises(DatasetError):
            from_bytes(broken)
    assert isinstance(manifest, Manifest)


@pytest.mark.parametrize(("precedence_s", "first"), [(0.0, "large"), (600.0, "small")])
def test_what_waits_much_longer_goes_first(tmp_path: pathlib.Path, precedence_s: float, first: str) -> None:
    files, order = PanelFiles(tmp_path, 1000, precedence_s=precedence_s), []
    entered, leave = threading.Event(), threading.Event()

    def hold() -> None:
        with files.reserved(400, lambda: False):
            entered.set()
            leave.wait(20)

    def wait(size: int, name: str) -> None:
        with files.reserved(size, lambda: False):
            order.append(name)

    def waiting(count: int) -> None:
        while len(list(tmp_path.glob("*.waiting"))) < count:
            entered.wait(0.001)

    threads = [threading.Thread(target=hold)]
    threads[0].start()
    assert entered.wait(20)
    for size, name in ((900, "large"), (10, "small")):
        threads.append(threading.Thread(target=wait, args=(size, name)))
        threads[-1].start()
        if name == "large":
            waiting(1)
        elif first == "large":
            waiting(2)
    if first == "small":
        threads[-1].join(20)
    assert order == ([] if first == "large" else ["small"])
    leave.set()
    for thread in threads:
        thread.join(20)
    assert order[0] == first
    assert sorted(order) == ["large", "small"]
    assert [path.name for path in tmp_path.iterdir() if path.suffix in {".waiting", ".reserved"}] == []


def test_reservation_is_given_up_when_its_work_stops(tmp_path: pathlib.Path) -> None:
    files = PanelFiles(tmp_path, 1000)
    with files.reserved(400, lambda: False), files.reserved(900, lambda: True):
        assert len(list(tmp_path.glob("*.reserved"))) == 1
    assert list(tmp_path.glob("*.waiting")) == []
