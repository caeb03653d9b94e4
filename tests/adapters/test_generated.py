"""Files that are made from the code are what the code makes."""

from pathlib import Path

import pytest

from hookflash.adapters import generated


def test_generated_files_are_current() -> None:
    """Nothing in the repository is stale, the documents of the machines included."""
    assert [] == generated.stale_files()


def test_a_stale_file_is_named_and_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The check names what is stale and exits 1; writing mends it."""
    path = tmp_path / "made.json"
    monkeypatch.setattr(generated, "generated_files", lambda: {path: "{}\n"})
    monkeypatch.setattr(generated, "shipped_sources", list)

    assert 1 == generated.main(["--check"])
    assert str(path) in capsys.readouterr().err
    assert 0 == generated.main([])
    assert "{}\n" == path.read_text(encoding="utf-8")
    assert 0 == generated.main(["--check"])
