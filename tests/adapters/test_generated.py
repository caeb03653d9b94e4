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


def test_drawings_that_are_not_current_are_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Named by a check; an installed package has no folder for them."""
    path = tmp_path / "hold.svg"
    monkeypatch.setattr(generated, "drawings", lambda: {path: "<svg/>"})
    monkeypatch.setattr(generated, "_PICTURES", tmp_path)

    def outcomes(*, check: bool) -> list[str]:
        return [one.outcome for one in generated.bring_drawings_up_to_date(check=check)]

    assert ["missing"] == outcomes(check=True)
    path.write_text("older", encoding="utf-8")
    assert ["stale"] == outcomes(check=True)
    assert ["written"] == outcomes(check=False)
    assert ["current"] == outcomes(check=False)
    monkeypatch.setattr(generated, "_PICTURES", tmp_path / "missing")
    assert [] == outcomes(check=False)
