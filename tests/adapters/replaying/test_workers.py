"""Several processes come to the same findings as one."""

import json
from pathlib import Path

import pytest
from tests.support.recordings import Day, Edited

from hookflash.adapters.replaying.choices import Request
from hookflash.adapters.replaying.verifying import Verdict
from hookflash.adapters.replaying.wording import as_json
from hookflash.adapters.replaying.workers import verify_with
from hookflash.engine.replaying.sharing import Share
from hookflash.machines.errors import MalformedRecord


def told(verdict: Verdict) -> dict[str, object]:
    """What is told of it, but for how long it took."""
    found = as_json(verdict)
    return {key: value for key, value in found.items() if key not in {"seconds", "perSecond"}}


@pytest.fixture
def damaged(edited: Edited) -> Path:
    """A day with a bit of everything."""
    lines = edited.lines
    for index in range(400, 460):
        raw = edited.day.raw(index)
        if raw["effects"] and "priority" in raw["effects"][0]:
            edited.change(index, lambda raw: raw["effects"][0].update(priority=77))
    lines[300], lines[301] = lines[301], lines[300]
    lines[250] = lines[250].replace(b'"to":"', b'"tp":"', 1)
    del lines[200]
    lines.insert(150, lines[149])
    lines.insert(100, b"nonsense\n")
    return edited.write()


def test_two_processes(day: Day, damaged: Path, tmp_path: Path) -> None:
    """All findings are the same, and the list of all divergences, in its order."""
    listings = [tmp_path / "one.jsonl", tmp_path / "two.jsonl"]
    request = Request(recordings=(damaged, day.path), spec="shipped")
    one = verify_with(request, 1, listing=listings[0])
    two = verify_with(request, 2, listing=listings[1])
    assert told(one) == told(two)
    assert one.findings.groups.count
    assert one.findings.damages.count == 5
    first, second = (path.read_text("utf-8").splitlines() for path in listings)
    assert sorted(first) == sorted(second)
    assert [json.loads(line)["seq"] for line in first] == [
        json.loads(line)["seq"] for line in second
    ]


def test_an_error_of_a_process_is_ours(tmp_path: Path) -> None:
    """What ends one of the processes ends the replay."""
    path = tmp_path / "x.jsonl"
    path.write_text("nonsense\n", "utf-8")
    with pytest.raises(MalformedRecord):
        verify_with(Request(recordings=(path,)), 2)


def test_a_share_of_the_lines(day: Day) -> None:
    """Each record is one for just one of the shares, whatever its line looks like."""
    shares = [Share(index, 3) for index in range(3)]
    for index, line in enumerate(day.lines[1:], start=1):
        raw = day.raw(index)
        spread = json.dumps(raw, indent=None, separators=(", ", ": ")).encode() + b"\n"
        turned = json.dumps(dict(reversed(raw.items()))).encode() + b"\n"
        owners = [
            [share.index for share in shares if share.look(one)[1]]
            for one in (line, spread, turned)
        ]
        assert len(owners[0]) == 1
        assert owners[0] == owners[1] == owners[2]
        assert {shares[0].look(one)[0] for one in (line, spread, turned)} == {raw["seq"]}


@pytest.mark.parametrize(
    ("line", "seq", "ours"),
    [
        (b'{"kind":"told","through":2}\n', None, True),
        (b'{"kind":"interaction","seq":4,"interaction":{"id":"A"}}\n', None, True),
        (b'{"kind":"interaction","seq":4,"interaction":{"id":"b"}}\n', None, False),
        (rb'{"seq":5,"at":"x","interaction":"\u0041"}' + b"\n", 5, True),
        ('{"seq":5,"at":"x","interaction":"\u00c4"}\n'.encode(), 5, False),
        (b"nonsense\n", None, True),
        (b'{"seq":x,"at":"x","interaction":"a"}\n', None, True),
        (b'{"seq":7}\n', 7, True),
    ],
)
def test_one_interaction_only(line: bytes, seq: int | None, *, ours: bool) -> None:
    """What concerns no interaction is one for all; ids are compared without regard to case."""
    share = Share(only="a")
    assert share.look(line) == (seq, ours)
    assert share.reports(line)
