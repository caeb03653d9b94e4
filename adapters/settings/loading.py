"""`load_settings`: all sources together; and what a command that connects needs beside."""

import os
from collections.abc import Mapping
from pathlib import Path

import typed_settings
from typed_settings.loaders import DictLoader, Loader

from hookflash.adapters.settings.groups import Settings
from hookflash.adapters.settings.sources import (
    FileSource,
    OptionSource,
    Problem,
    VariableSource,
    find_config,
)
from hookflash.machines.errors import ConfigurationError


def load_settings(
    config: Path | str | None = None,
    overrides: Mapping[str, object] | None = None,
    environ: Mapping[str, str] | None = None,
) -> Settings:
    """Load the settings: *overrides* over environment variables over the config file.

    Reads the config file and nothing else: secrets in files and the keyring are read when somebody
    connects (`credentials_of`). What is missing to connect is no error here. A HOOKFLASH_ variable
    that nothing reads is warned about in the log, with the nearest one that there is.

    Args:
        config: The config file; None takes the one that HOOKFLASH_CONFIG names, else
            `hookflash.toml` in the current folder, else none. Relative paths in it are relative to
            it; those in variables and overrides to the current folder.
        overrides: Values that win over all others, by dotted path (`{"hold.limit_s": 60}`) or
            nested by table; text is read as a variable's would be. None for none.
        environ: The environment; None takes the process's.

    Returns:
        The settings, all paths absolute.

    Raises:
        ConfigurationError: Anything is unknown, out of range or of the wrong type, or a named file
            cannot be read. One line for each problem names the option, variable or file to blame;
            `problems` has the lines, `source` whom the first blames.
    """
    settings, warnings = read_settings(config, overrides, environ)
    if warnings:
        from hookflash.engine.logs import get_logger  # noqa: PLC0415 - `--help` does without

        for warning in warnings:
            get_logger("hookflash.settings").warning("settings.unknown_variable", reason=warning)
    return settings


def read_settings(
    config: Path | str | None,
    overrides: Mapping[str, object] | None,
    environ: Mapping[str, str] | None,
) -> tuple[Settings, tuple[str, ...]]:
    """Load the settings as `load_settings` does, for a program that tells warnings itself.

    Returns:
        The settings, and a sentence for each HOOKFLASH_ variable that nothing reads.

    Raises:
        ConfigurationError: As for `load_settings`.
    """
    environ = os.environ if environ is None else environ
    problems: list[Problem] = []
    path, named_by = find_config(config, environ)
    loaders: list[Loader] = []
    base_dir = Path.cwd()
    if path is not None:
        base_dir = path.absolute().parent
        if not path.exists():
            text = f"config file {path} does not exist (named by {named_by})"
            raise_problems([Problem(named_by, text)])
        loaders.append(DictLoader({"config_file": path.absolute()}))
        loaders.append(FileSource(path, problems))
    variables = VariableSource(environ, problems)
    loaders.append(variables)
    loaders.append(OptionSource(overrides or {}, problems))
    settings = typed_settings.load_settings(Settings, loaders, base_dir=base_dir)
    raise_problems(problems)
    of_monitors = [one.secret_variable for one in settings.monitors if one.secret_variable]
    return settings, variables.unknown_variables(of_monitors)


def raise_problems(problems: list[Problem]) -> None:
    """Raise all problems as one error, one line each; return where there are none.

    Raises:
        ConfigurationError: There are some.
    """
    if problems:
        lines = tuple(dict.fromkeys(problem.text for problem in problems))
        raise ConfigurationError("\n".join(lines), source=problems[0].source, problems=lines)
