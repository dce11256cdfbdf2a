import pytest

from regard.errors import WorkspaceError
from regard.workspace import Workspace


def test_the_named_folder_wins_over_the_variable_and_the_variable_over_here(tmp_path, monkeypatch):
    for name in ("named", "variable", "here"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "blueprint.yaml").write_text("name: x\n")
    monkeypatch.chdir(tmp_path / "here")
    assert Workspace.find().root.name == "here"
    monkeypatch.setenv("REGARD_WORKSPACE", str(tmp_path / "variable"))
    assert Workspace.find().root.name == "variable"
    assert Workspace.find(tmp_path / "named").root.name == "named"


def test_a_folder_that_is_no_workspace_says_which_command_makes_one(tmp_path):
    with pytest.raises(WorkspaceError, match="regard init"):
        Workspace.find(tmp_path)
    with pytest.raises(WorkspaceError, match="no such folder"):
        Workspace.find(tmp_path / "absent")


def test_every_kept_path_lies_under_one_folder(tmp_path):
    workspace = Workspace(tmp_path)
    kept = (workspace.ledger, workspace.derived, workspace.pointer, workspace.forget_key, workspace.writer_lock)
    assert all(path.parent == tmp_path / ".regard" for path in kept)
