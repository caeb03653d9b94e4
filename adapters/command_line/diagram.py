"""`diagram`: a machine as a drawing, or as text that other programs draw or run."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

from attrs import frozen
from cyclopts import Parameter

from hookflash.adapters.command_line.output import print_line
from hookflash.machines.errors import ConfigurationError, MalformedRecord

if TYPE_CHECKING:
    from hookflash.machines.diagrams.dot import Direction
    from hookflash.machines.diagrams.figures import Traffic, Walk
    from hookflash.machines.diagrams.writing import Detail
    from hookflash.machines.machine import Machine

Format = Literal["mermaid", "dot", "svg", "png", "scxml", "xstate", "json"]

_OF_THE_DEFINITION: frozenset[Format] = frozenset({"scxml", "xstate"})
"""Formats that say what may happen, and have no place for what did."""


def diagram(
    machine: str,
    /,
    *,
    format: Format | None = None,  # noqa: A002 - the option's name
    recording: Path | None = None,
    interaction: str | None = None,
    detail: Literal["brief", "normal", "full"] = "normal",
    direction: Literal["down", "right"] = "down",
    out: Annotated[Path | None, Parameter(name=["--out", "-o"])] = None,
) -> int:
    """Draw a machine, with the traffic of a recording where one is given.

    SVG and PNG need the extra `docs`; the other formats are text and need nothing.

    Args:
        machine: A shipped machine (`hold`, `connection`), or the path of a definition.
        format: What to write; without it what the ending of --out says, else mermaid.
        recording: A recording or journal: how often and when things happened, and how long
            interactions stayed. What never happened is faint, what is not in the definition red.
        interaction: Draw the way of this interaction of the recording, its steps numbered.
        detail: brief has events and timers, normal guards and effects too, full every decision.
        direction: Which way the normal path leads.
        out: The file to write; standard output without it. One that is there is replaced.
    """
    from hookflash.adapters.specifications import load_machine  # noqa: PLC0415 - see package

    form = format or _format_of(out)
    if recording is None and interaction is not None:
        raise ConfigurationError(
            "option --interaction: there is no recording to find it in",
            advice="give --recording too",
            source="option --interaction",
        )
    if recording is not None and form in _OF_THE_DEFINITION:
        raise ConfigurationError(
            f"option --recording: {form} says what may happen, and has no place for what did",
            advice="leave it out, or take another format",
            source="option --recording",
        )
    if form == "png" and out is None and sys.stdout.isatty():
        raise ConfigurationError(
            "option --format: a PNG is nothing that a terminal shows",
            advice="name a file with -o",
            source="option --format",
        )
    what = _What(load_machine(machine))
    if recording is not None:
        what = _read(recording, what.machine, interaction)
    _write(_drawn(what, form, detail, "TB" if direction == "down" else "LR"), out)
    return 0


@frozen
class _What:
    """What is drawn: a machine, and what a recording says about it where one was given."""

    machine: "Machine[Any, Any]"
    traffic: "Traffic | None" = None
    walk: "Walk | None" = None


def _format_of(out: Path | None) -> Format:
    endings: dict[str, Format] = {
        ".svg": "svg",
        ".png": "png",
        ".dot": "dot",
        ".gv": "dot",
        ".scxml": "scxml",
        ".json": "json",
    }
    return "mermaid" if out is None else endings.get(out.suffix.lower(), "mermaid")


def _read(recording: Path, machine: "Machine[Any, Any]", interaction: str | None) -> _What:
    from hookflash.adapters.diagrams.traffic import (  # noqa: PLC0415 - see package
        read_traffic,
        read_walk,
        under_policy_of,
    )

    try:
        machine = under_policy_of(recording, machine)
    except MalformedRecord as error:
        # A policy of an earlier definition may not fit; anything else comes up again below.
        if "$.policy" not in error.message:
            raise
    if interaction is not None:
        return _What(machine, walk=read_walk(recording, machine, interaction))
    return _What(machine, read_traffic(recording, machine))


def _drawn(what: _What, form: Format, detail: "Detail", direction: "Direction") -> bytes:
    from hookflash.adapters.diagrams import draw_png, draw_svg  # noqa: PLC0415 - see package
    from hookflash.machines import diagrams  # noqa: PLC0415 - see package

    machine, traffic, walk = what.machine, what.traffic, what.walk
    match form:
        case "svg":
            text = draw_svg(machine, traffic, walk, detail=detail, direction=direction)
        case "png":
            return draw_png(machine, traffic, walk, detail=detail, direction=direction)
        case "scxml":
            text = diagrams.to_scxml(machine.spec)
        case "xstate":
            text = diagrams.to_xstate(machine.spec)
        case "json":
            text = diagrams.to_json(diagrams.describe(machine, traffic, walk))
        case "dot":
            drawing = diagrams.describe(machine, traffic, walk)
            text = diagrams.to_dot(drawing, detail, direction=direction)
        case "mermaid":
            drawing = diagrams.describe(machine, traffic, walk)
            text = diagrams.to_mermaid(drawing, detail, direction=direction)
    return text.encode()


def _write(drawn: bytes, out: Path | None) -> None:
    if out is None:
        sys.stdout.buffer.write(drawn)
        sys.stdout.flush()
        return
    try:
        out.write_bytes(drawn)
    except OSError as error:
        raise ConfigurationError(
            f"cannot write {out}: {error.strerror or error}",
            advice="name a file in a folder that you may write to",
            source="option --out",
        ) from error
    print_line(f"{out}: {len(drawn):,} bytes")
