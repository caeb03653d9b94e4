"""Graphviz, as it comes with pygraphviz's wheel: one process for each drawing."""

import importlib.util
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final, Literal

from hookflash.machines.errors import ConfigurationError

_HERE: Final = Path(__file__).parent

TIMEOUT_S: Final = 120.0
"""A machine with 100 states takes some seconds."""

_SYSTEM_FONTS: Final = "/etc/fonts/fonts.conf"

_FONTS_CONF: Final = """<?xml version="1.0"?>
<!DOCTYPE fontconfig SYSTEM "fonts.dtd">
<fontconfig>
  <include ignore_missing="yes">{system}</include>
  <dir>{fonts}</dir>
  <cachedir>{cache}</cachedir>
  <match target="pattern">
    <test name="family"><string>DejaVu Sans</string></test>
    <edit name="family" mode="prepend" binding="strong"><string>Hookflash Sans</string></edit>
  </match>
</fontconfig>
"""
"""Our own font first, so that a drawing is the same on every machine, also on one without fonts;
for letters that it does not have, those that the machine has."""


Form = Literal["svg", "png", "json"]
"""What comes out; `json` says where everything stands."""


def draw(candidates: Sequence[str], form: Form) -> bytes:
    """Let Graphviz lay out several texts that show the same, and draw the clearest.

    Blocks for about 50 ms a text, and half a second in all; starts a process.

    Args:
        candidates: At least one text in its language.
        form: The format.

    Returns:
        What Graphviz drew.

    Raises:
        ConfigurationError: pygraphviz is not installed, or fails here; `source` says which.
    """
    if importlib.util.find_spec("pygraphviz") is None:
        raise ConfigurationError(
            f"drawing as {form} needs pygraphviz, which is not installed",
            advice="pip install 'hookflash[docs]', or take the format mermaid or dot",
            source="pygraphviz",
        )
    asked = json.dumps({"format": form, "candidates": list(candidates)}).encode()
    with TemporaryDirectory(prefix="hookflash-diagram-") as folder:
        try:
            ended = subprocess.run(  # noqa: S603 - our own program, and no shell
                [sys.executable, "-P", str(_HERE / "worker.py")],
                input=asked,
                capture_output=True,
                check=False,
                env=_environment(Path(folder)),
                timeout=TIMEOUT_S,
            )
        except subprocess.TimeoutExpired:
            raise ConfigurationError(
                f"Graphviz did not draw the machine within {TIMEOUT_S:.0f} s",
                advice="draw it with less detail, or take the format mermaid or dot",
                source="pygraphviz",
            ) from None
    if ended.returncode != 0 or not ended.stdout:
        said = ended.stderr.decode(errors="replace").strip().splitlines()
        raise ConfigurationError(
            f"Graphviz failed: {said[-1] if said else f'exit code {ended.returncode}'}",
            advice="reinstall pygraphviz from its wheel, or take the format mermaid or dot",
            source="pygraphviz",
        )
    return ended.stdout


def _environment(folder: Path) -> dict[str, str]:
    """Return the environment of the process that draws, with its fonts in *folder*."""
    conf, fonts = folder / "fonts.conf", folder / "fonts"
    fonts.mkdir()
    for font in (_HERE / "fonts").glob("*.ttf"):
        # A copy, because older versions of fontconfig leave files beside the fonts.
        shutil.copyfile(font, fonts / font.name)
    system = os.environ.get("FONTCONFIG_FILE", _SYSTEM_FONTS)
    conf.write_text(_FONTS_CONF.format(system=system, fonts=fonts, cache=folder), encoding="utf-8")
    kept = {name: value for name, value in os.environ.items() if not name.startswith("HOOKFLASH_")}
    path = os.pathsep.join(entry for entry in sys.path if entry)
    return {**kept, "FONTCONFIG_FILE": str(conf), "PYTHONPATH": path}
