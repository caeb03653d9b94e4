"""What is written in boxes and on arrows, in each detail, with traffic, and for one interaction."""

from tests.machines.diagrams.doors import after, door, traffic, walk

from hookflash.adapters.specifications import load_machine
from hookflash.machines.diagrams import Drawing, describe
from hookflash.machines.diagrams.figures import Flow
from hookflash.machines.diagrams.writing import (
    Detail,
    arrow_rows,
    box_parts,
    heading,
    legend,
    plain,
)


def box(drawing: Drawing, name: str, detail: Detail = "normal") -> list[str]:
    """Return what stands in the box of a state."""
    found = next(box for box in drawing.boxes if box.name == name)
    return [plain(row) for part in box_parts(drawing, found, detail) for row in part]


def arrow(drawing: Drawing, source: str, target: str, detail: Detail = "normal") -> list[str]:
    """Return what stands on the arrow from one state to another."""
    found = next(one for one in drawing.arrows if source in one.sources and one.target == target)
    return [plain(row) for row in arrow_rows(drawing, found, detail)]


def test_brief() -> None:
    """In brief there are meanings, timers with their length, and events."""
    drawing = describe(load_machine("hold"))
    assert box(drawing, "held", "brief") == [
        "The caller is on hold; the limit",
        "counts.",
        *("lookup 0.5 s to 30 s", "warning 12 min", "limit 15 min"),
    ]
    assert arrow(drawing, "held", "unhold_pending", "brief") == [
        "unhold_requested",
        "limit_timer_fired (15 min)",
    ]


def test_normal() -> None:
    """Guards and effects are added, what timers do, and what is done without leaving a state."""
    drawing = describe(door())
    assert box(drawing, "open") == [
        "Whoever comes may pass, until the",
        "time is over.",
        "close 30 s to 10 min",
        "   \u2192\u00a0shut; start_timer",
        "pushed / start_timer",
    ]
    assert box(drawing, "shut") == ["Nobody can pass.", "rejects 1 \u00b7 late 1"]
    assert arrow(drawing, "shut", "open") == ["pushed / swing, start_timer"]
    assert arrow(drawing, "open", "gone") == ["removed in shut, open / ring", "removed in stuck"]
    assert arrow(drawing, "stuck", "stuck") == ["blocked / ring"]
    assert arrow(drawing, "open", "shut") == ["time_over (30 s to 10 min) [free] / swing"]


def test_full() -> None:
    """In full there is every decision, with its guards."""
    drawing = describe(door())
    assert box(drawing, "shut", "full")[1:] == [
        "rejects as NotEligible: pushed [locked]",
        "late: time_over",
        "stays at: blocked",
    ]
    assert box(drawing, "open", "full")[2:] == [
        "close 30 s to 10 min",
        "   [free] \u2192\u00a0shut; start_timer",
        "pushed / start_timer",
    ]
    hold = box(describe(load_machine("hold")), "hold_pending", "full")
    assert "sent [is_current] / start_ack_timer" in hold


def test_long_rows_are_broken() -> None:
    """What has no room in one row goes on below, set in."""
    rows = arrow(describe(load_machine("hold")), "hold_pending", "held")
    start = rows.index("observed_held [was_refused]")
    assert rows[start + 1 : start + 3] == [
        "   / adopt_foreign_hold, end_not_applied,",
        "   note_foreign_hold",
    ]


def test_traffic_on_arrows() -> None:
    """An arrow has how often, the share of what left the state, and when last; lines a count."""
    drawing = describe(door(), traffic())
    assert arrow(drawing, "shut", "open") == [
        "2,000 \u00b7 100 % \u00b7 last 13:00:02",
        "pushed / swing, start_timer",
    ]
    assert arrow(drawing, "open", "gone") == [
        "1 \u00b7 <0.1 % \u00b7 last 13:00:05",
        "removed \u00d71 in shut, open / ring",
        "removed in stuck",
    ]
    assert arrow(drawing, "open", "stuck") == ["never", "blocked"]
    assert arrow(drawing, "open", "stuck", "brief") == ["never", "blocked"]
    assert arrow(drawing, "open", "air") == [
        "4 \u00b7 0.2 % \u00b7 last 13:00:06",
        "flown \u00d74: not in the definition",
    ]


def test_an_arrow_to_itself_has_no_share() -> None:
    """What leads back to the same state did not leave it."""
    flows = {("stuck", "blocked", "stuck"): Flow(2, after(1))}
    drawing = describe(door(), traffic(flows=flows))
    assert arrow(drawing, "stuck", "stuck")[0] == "2 \u00b7 last 13:00:01"


def test_a_count_is_told_once() -> None:
    """Two lines for one event share a count: the recording does not say which row it was."""
    machine = load_machine("hold")
    flows = {("unhold_pending", "observed_held", "held"): Flow(9, after(1))}
    rows = arrow(describe(machine, traffic(flows=flows)), "unhold_pending", "held")
    assert sum("\u00d79" in row for row in rows) == 1


def test_traffic_in_boxes() -> None:
    """A box has visits, how long they took, and when one was seen last; what never was says so."""
    drawing = describe(door(), traffic())
    assert box(drawing, "shut") == [
        "Nobody can pass.",
        *("2,000 visits", "dwell p50 5 s, p95 3 min", "last 13:00:07"),
        "rejects 1 \u00b7 late 1",
        "flown \u00d75: not in the definition",
    ]
    assert "dwell" not in " ".join(box(drawing, "open"))
    assert "pushed \u00d77 / start_timer" in box(drawing, "open")
    assert box(drawing, "stuck")[1] == "never seen"
    assert box(drawing, "gone")[1] == "1 visit"
    assert box(drawing, "air")[0] == "not in the definition"


def test_what_never_happened_is_faint() -> None:
    """Lines, arrows and rows in boxes that nothing is recorded of are faint."""
    drawing = describe(door(), traffic(flows={}))
    found = next(one for one in drawing.boxes if one.name == "open")
    does = box_parts(drawing, found, "normal")[-1]
    assert {span.role for row in does for span in row} == {"faint"}
    (arrow_to,) = [
        one for one in drawing.arrows if one.target == "stuck" and one.sources != ("stuck",)
    ]
    assert {span.role for row in arrow_rows(drawing, arrow_to, "normal") for span in row} == {
        "faint"
    }
    assert {span.role for row in arrow_rows(drawing, arrow_to, "brief") for span in row} == {
        "faint"
    }


def test_a_walk() -> None:
    """Of one interaction's way the steps are numbered; of single ones the moment is told."""
    way = walk(
        ("shut", "pushed", "open"),
        ("open", "pushed", "open"),
        ("open", "pushed", "open"),
        ("open", "time_over", "shut"),
        ("shut", "flown", "air"),
    )
    drawing = describe(door(), walk=way)
    assert arrow(drawing, "shut", "open") == ["1  pushed  13:00:01.000"]
    assert box(drawing, "open")[2:] == ["2 to 3  pushed"]
    assert arrow(drawing, "shut", "air") == ["5  flown  13:00:05.000"]
    assert arrow(drawing, "open", "stuck") == []
    assert box(drawing, "stuck") == ["Something stands in the way."]


def test_headings() -> None:
    """Above a drawing stands what it is, and what its figures are of."""

    def lines(drawing: Drawing) -> list[str]:
        return [plain(row) for row in heading(drawing)]

    title = "door  Opens a door, and shuts it again by itself."
    assert lines(describe(door())) == [title]
    assert lines(describe(door(), traffic(unmeasured=1, strays_left_out=2))) == [
        title,
        "4,025 records of 12 interactions, 2026-01-10 13:00:00 to 13:00:08",
        "1 visit not measured: too many interactions at once",
        "2 records of further kinds that are not in the definition",
    ]
    assert lines(describe(door(), traffic(first_at=None, last_at=None)))[1] == (
        "4,025 records of 12 interactions"
    )
    way = walk(("shut", "pushed", "open"), left_out=3)
    assert lines(describe(door(), walk=way))[1:] == [
        "interaction door-1: 1 step",
        "3 further steps left out",
    ]


def test_legends() -> None:
    """A drawing says how it is to be read, and no more."""
    assert "normal path" in plain(legend(describe(door()), "normal"))
    assert "derived" in plain(legend(describe(door("")), "normal"))
    assert "normal" not in plain(legend(describe(door("[diagram]\npath = []\n")), "normal"))
    assert "effect" not in plain(legend(describe(door()), "brief"))
    assert "never happened" in plain(legend(describe(door(), traffic()), "brief"))
    assert "steps" in plain(legend(describe(door(), walk=walk(("shut", "pushed", "open"))), "full"))
