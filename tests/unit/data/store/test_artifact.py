import json
import os
from pathlib import Path

import pytest

from intrex.data.errors import BadInput, CheckFailed, IntrexError
from intrex.data.store import artifact, siblings
from intrex.data.store.artifact import Build, build_artifact
from intrex.data.store.manifest import Manifest, read_manifest, verify_artifact


def make(text: str = "x"):
    def body(build: Build) -> Manifest:
        (build.path / "sub").mkdir()
        (build.path / "sub" / "a.txt").write_text(text)
        return Manifest("test", "c", params={"text": text})

    return body


def test_built_whole_and_nothing_beside_it(tmp_path: Path) -> None:
    manifest = build_artifact(tmp_path / "a", "i", make())
    assert sorted(p.name for p in tmp_path.iterdir()) == ["a"]
    assert sorted(p.name for p in (tmp_path / "a").iterdir()) == ["manifest.json", "sub"]
    assert manifest.files["sub/a.txt"]["bytes"] == 1
    verify_artifact(tmp_path / "a")


def test_existing_output_is_refused_and_replaced_on_request(tmp_path: Path) -> None:
    build_artifact(tmp_path / "a", "i", make("1"))
    with pytest.raises(IntrexError, match="exists"):
        build_artifact(tmp_path / "a", "i", make("2"))
    build_artifact(tmp_path / "a", "i", make("2"), overwrite=True)
    assert (tmp_path / "a" / "sub" / "a.txt").read_text() == "2"
    assert [p.name for p in tmp_path.iterdir()] == ["a"]


def test_overwrite_never_replaces_what_is_not_an_artifact(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "thesis.tex").write_text("mine")
    with pytest.raises(IntrexError, match="not an intrex artifact"):
        build_artifact(tmp_path / "a", "i", make(), overwrite=True)
    assert (tmp_path / "a" / "thesis.tex").read_text() == "mine"


def test_a_failed_build_leaves_nothing(tmp_path: Path) -> None:
    def body(build: Build) -> Manifest:
        (build.path / "half").write_text("x")
        raise BadInput("no")

    with pytest.raises(BadInput):
        build_artifact(tmp_path / "a", "i", body)
    assert not list(tmp_path.iterdir())


def test_a_build_with_state_is_resumed_by_the_same_inputs_and_swept_by_others(tmp_path: Path) -> None:
    def fail(build: Build) -> Manifest:
        (build.path / "rows").write_text("12")
        build.save_state(rows=2)
        raise KeyboardInterrupt

    def resume(build: Build) -> Manifest:
        assert build.state == {"rows": 2}
        assert (build.path / "rows").read_text() == "12"
        return Manifest("test", "c")

    with pytest.raises(KeyboardInterrupt):
        build_artifact(tmp_path / "a", "i", fail)
    assert len(list(tmp_path.iterdir())) == 1
    build_artifact(tmp_path / "a", "i", resume)
    with pytest.raises(KeyboardInterrupt):
        build_artifact(tmp_path / "b", "i", fail)
    build_artifact(tmp_path / "b", "other", make())
    assert sorted(p.name for p in tmp_path.iterdir()) == ["a", "b"]


def test_what_a_resume_needed_does_not_stay_in_a_build_that_was_whole_when_it_was_killed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def body(build: Build) -> Manifest:
        build.scratch.mkdir()
        (build.scratch / "checkpoint").write_text("x")
        build.save_state(step=1)
        return make()(build)

    def killed(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(artifact.shutil, "rmtree", killed)  # the first thing after the mark
        with pytest.raises(KeyboardInterrupt):
            build_artifact(tmp_path / "a", "i", body)
    assert not (tmp_path / "a").exists()
    build_artifact(tmp_path / "a", "i", make("is whole, so this does not run"))
    assert sorted(p.name for p in (tmp_path / "a").iterdir()) == ["manifest.json", "sub"]
    assert (tmp_path / "a" / "sub" / "a.txt").read_text() == "x"
    assert [p.name for p in tmp_path.iterdir()] == ["a"]


def test_a_second_builder_is_turned_away(tmp_path: Path) -> None:
    def body(build: Build) -> Manifest:
        with pytest.raises(IntrexError, match="another process"):
            build_artifact(tmp_path / "a", "i", make())
        return make()(build)

    build_artifact(tmp_path / "a", "i", body)
    verify_artifact(tmp_path / "a")


def test_of_two_builds_of_other_inputs_the_second_to_finish_is_refused_and_kept(tmp_path: Path) -> None:
    began, done = os.pipe(), os.pipe()

    def slow(build: Build) -> Manifest:
        os.write(began[1], b"x")
        os.read(done[0], 1)
        return make("slow")(build)

    child = os.fork()
    if child == 0:
        try:
            build_artifact(tmp_path / "a", "slow", slow)
        except IntrexError as error:
            os._exit(17 if "exists" in error.message else 1)
        finally:
            os._exit(2)
    os.read(began[0], 1)
    build_artifact(tmp_path / "a", "quick", make("quick"))
    os.write(done[1], b"x")
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 17
    verify_artifact(tmp_path / "a")
    assert (tmp_path / "a" / "sub" / "a.txt").read_text() == "quick"

    def never(build: Build) -> Manifest:
        raise AssertionError("what the refused process built is still there")

    build_artifact(tmp_path / "a", "slow", never, overwrite=True)
    assert (tmp_path / "a" / "sub" / "a.txt").read_text() == "slow"
    assert [p.name for p in tmp_path.iterdir()] == ["a"]


def test_overwrite_looks_again_at_what_came_while_it_built(tmp_path: Path) -> None:
    build_artifact(tmp_path / "a", "i", make("1"))

    def body(build: Build) -> Manifest:
        (tmp_path / "a" / "notes.txt").write_text("mine")
        return make("2")(build)

    with pytest.raises(IntrexError, match=r"not its own: notes\.txt"):
        build_artifact(tmp_path / "a", "j", body, overwrite=True)
    assert (tmp_path / "a" / "notes.txt").read_text() == "mine"


def test_a_flipped_byte_in_any_place_is_found(tmp_path: Path) -> None:
    build_artifact(tmp_path / "a", "i", make("hello"))
    for name in ("manifest.json", "sub/a.txt"):
        path = tmp_path / "a" / name
        sound = path.read_bytes()
        for at in range(0, len(sound), 7):
            damaged = bytearray(sound)
            damaged[at] ^= 1
            path.write_bytes(bytes(damaged))
            if name == "manifest.json" and _same(sound, bytes(damaged)):
                continue  # the flip turned one blank into another
            with pytest.raises(BadInput if name == "manifest.json" else CheckFailed):
                verify_artifact(tmp_path / "a")
        path.write_bytes(sound)
    verify_artifact(tmp_path / "a")


def _same(one: bytes, other: bytes) -> bool:
    try:
        return json.loads(one) == json.loads(other)
    except ValueError:
        return False


def test_missing_cut_and_unknown(tmp_path: Path) -> None:
    build_artifact(tmp_path / "a", "i", make("hello"))
    with pytest.raises(BadInput, match="needed here: index"):
        read_manifest(tmp_path / "a", ("index",))
    (tmp_path / "a" / "sub" / "a.txt").write_text("hell")
    with pytest.raises(BadInput, match="has 4 bytes, 5 were written"):
        read_manifest(tmp_path / "a")
    (tmp_path / "a" / "sub" / "a.txt").unlink()
    with pytest.raises(BadInput, match="is missing"):
        read_manifest(tmp_path / "a")
    raw = json.loads((tmp_path / "a" / "manifest.json").read_text())
    (tmp_path / "a" / "manifest.json").write_text(json.dumps({**raw, "schema": 99}))
    with pytest.raises(BadInput, match="schema 99"):
        read_manifest(tmp_path / "a", rebuild="rebuild with X")


@pytest.mark.skipif(os.geteuid() == 0, reason="root writes everywhere")
def test_a_read_only_folder(tmp_path: Path) -> None:
    tmp_path.chmod(0o500)
    with pytest.raises(OSError, match="denied"):
        build_artifact(tmp_path / "a", "i", make())


def test_overwrite_keeps_links_other_sorts_and_files_that_are_not_its_own(tmp_path: Path) -> None:
    build_artifact(tmp_path / "a", "i", make())
    (tmp_path / "link").symlink_to(tmp_path / "a")
    with pytest.raises(IntrexError, match="symbolic link"):
        build_artifact(tmp_path / "link", "i", make("2"), overwrite=True)
    with pytest.raises(IntrexError, match="of this sort"):
        build_artifact(tmp_path / "a", "i", make("2"), overwrite=True, name="collection.json")
    (tmp_path / "a" / "notes.txt").write_text("mine")
    with pytest.raises(IntrexError, match=r"not its own: notes\.txt"):
        build_artifact(tmp_path / "a", "i", make("2"), overwrite=True)
    assert (tmp_path / "a" / "sub" / "a.txt").read_text() == "x" and (tmp_path / "link").is_symlink()


def test_names_are_durable_before_the_manifest_and_the_rename_at_last(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Every folder down to a file's own holds a name; a power cut must not find a manifest of files without names."""
    steps: list[str] = []
    sync = artifact.fsync_dir

    def recorded(folder: Path) -> None:
        inside = folder.parts[len(tmp_path.parts) :]
        name = "/".join("H" if part.startswith(".") else part for part in inside)
        manifest = ", manifest" if (folder / "manifest.json").exists() else ""
        placed = ", placed" if (tmp_path / "t").exists() else ""
        steps.append(f"{name or 'above'}{manifest}{placed}")
        sync(folder)

    for module in (artifact, siblings):
        monkeypatch.setattr(module, "fsync_dir", recorded)

    def body(build: Build) -> Manifest:
        for folder in ("a/b", "sub"):
            (build.path / folder).mkdir(parents=True)
            (build.path / folder / "f").write_text("x")
        return Manifest("test", "c")

    build_artifact(tmp_path / "t", "i", body)
    assert set(steps[:3]) == {"H/a", "H/a/b", "H/sub"}
    assert steps[3:] == ["H, manifest", "above, placed"]


@pytest.mark.parametrize(("mask", "mode"), [(0o022, 0o644), (0o027, 0o640)])
def test_files_get_the_modes_of_the_umask(tmp_path: Path, mask: int, mode: int) -> None:
    """Some libraries write a file that its owner alone can read."""

    def body(build: Build) -> Manifest:
        (build.path / "weights").touch(mode=0o600)
        return make()(build)

    before = os.umask(mask)
    try:
        build_artifact(tmp_path / "t", "i", body)
        assert os.umask(mask) == mask
    finally:
        os.umask(before)
    for name in ("weights", "sub/a.txt", "manifest.json"):
        assert (tmp_path / "t" / name).stat().st_mode & 0o777 == mode, name
