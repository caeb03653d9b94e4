"""`simulate`: one line when it is ready, and a clean end."""

import signal
import ssl
import subprocess
import sys
import urllib.request
from pathlib import Path

import pytest

from hookflash.adapters.command_line.main import execute

PROGRAM = "from hookflash.adapters.command_line.main import run; run()"


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_it_serves_until_a_signal_and_ends_with_0(tmp_path: Path, number: signal.Signals) -> None:
    """Exactly one line on stdout; a client that trusts ca.pem gets an answer."""
    command = [sys.executable, "-c", PROGRAM, "simulate", "--port", "0", "--seed", "7"]
    with subprocess.Popen(
        [*command, "--tls-dir", str(tmp_path / "tls")],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout is not None
        line = process.stdout.readline()
        assert line.startswith("simulator ready on https://localhost:")
        url = line.split()[-1]
        context = ssl.create_default_context(cafile=str(tmp_path / "tls" / "ca.pem"))
        form = b"grant_type=client_credentials&client_id=a&client_secret=b"
        request = urllib.request.Request(f"{url}/oauth/token", form)  # noqa: S310 - https
        with urllib.request.urlopen(request, context=context) as answer:  # noqa: S310 - the same
            assert answer.status == 200
        process.send_signal(number)
        out, err = process.communicate(timeout=10)

    assert (process.returncode, out) == (0, "")
    assert "seed 7" in err


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (["--port", "65536"], "option --port: must be from 0 to 65535, is 65536"),
        (["--port", "-1"], "option --port"),
        (["--port", "0", "--protocol", "both"], "this version serves interaction, not 'both'"),
        (["--port", "0", "--ack-ms", "-1"], "option --ack-ms: must be from 0 to 3600000"),
        (["--port", "0", "--faults", "none.toml"], "none.toml: cannot be read: No such file"),
        ([], "--port"),
    ],
)
def test_what_it_cannot_do_is_one_line(
    capsys: pytest.CaptureFixture[str], arguments: list[str], expected: str
) -> None:
    """Exit code 2, nothing on stdout."""
    assert execute(["simulate", *arguments]) == 2

    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith("error: ")
    assert err.count("\n") == 1
    assert expected in err


def test_a_faults_file_with_a_mistake_is_refused(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    """The file and the key are named."""
    faults = tmp_path / "faults.toml"
    faults.write_text("[acks]\nlosst = 0.5\n")

    assert execute(["simulate", "--port", "0", "--faults", str(faults)]) == 2
    assert "did you mean lost?" in capsys.readouterr().err
