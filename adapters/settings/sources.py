"""Where settings come from: options, environment variables, `hookflash.toml`.

Each source is a loader of typed-settings, which merges them. Each reads and checks its own values,
because only there it is known what to blame: the option, the variable, or the file and the key.
Problems are collected, so that all are told at once.
"""

import difflib
import re
import tomllib
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, Final, cast

import attrs
from typed_settings.dict_utils import set_path
from typed_settings.types import LoadedSettings, LoaderMeta, OptionInfo, OptionList, SettingsDict

from hookflash.adapters.settings.groups import DEFAULT_CONFIG_NAME
from hookflash.adapters.settings.values import (
    BadValue,
    check_field,
    fields_of,
    item_class,
    read_text,
    read_value,
    shown,
)

PREFIX: Final = "HOOKFLASH_"
CONFIG_VARIABLE: Final = PREFIX + "CONFIG"
"""Names the config file."""

SECRET_PATH: Final = "gateway.client_secret"  # noqa: S105 - the name of a setting
SECRET_ADVICE: Final = (
    "set HOOKFLASH_CLIENT_SECRET, or name a file in client_secret_file, or use the keyring"  # noqa: S105
)

OPTION_NAMES: Final = {
    "gateway.protocol": "--protocol",
    "gateway.host": "--host",
    "gateway.ca_file": "--ca-file",
    "gateway.client_id": "--client-id",
    "gateway.region": "--region",
    "journal.path": "--journal",
    "audit.path": "--audit",
    "wire.path": "--record-wire",
}
"""What the command line calls these settings."""

FILE_NAMES: Final = {"monitors": "monitor"}
"""Settings whose name in the file differs: `[[monitor]]` is one monitor."""

HIDDEN: Final = frozenset({"config_file"})
"""Fields of `Settings` that are no settings: no source may give them."""


_SERVICE_LINK: Final = re.compile(
    r"""(?xs)
    \w+_SERVICE_(?:HOST|PORT(?:_\w+)?)=.*
    | \w+_PORT(?:_\d+_(?:TCP|UDP|SCTP))?=(?:tcp|udp|sctp)://.*
    | \w+_PORT_\d+_(?:TCP|UDP|SCTP)_(?:PROTO|PORT|ADDR)=.*
    """
)
"""What Kubernetes and Docker set for a service called hookflash or hookflash-something."""


@attrs.frozen
class Problem:
    """One thing that is wrong with the settings.

    Attributes:
        source: The option, variable or file to blame.
        text: What is wrong, in one line, the source in it.
    """

    source: str
    text: str


def variable_of(path: str) -> str:
    """Return the environment variable of a setting: gateway settings go without their table."""
    table, _, key = path.rpartition(".")
    name = key if table == "gateway" else path.replace(".", "_")
    return PREFIX + name.upper()


class OptionSource:
    """Values given by the command line or by the embedding program; None counts as not given.

    Args:
        overrides: By dotted path, or nested by table.
        problems: Gets what is wrong.
    """

    def __init__(self, overrides: Mapping[str, object], problems: list[Problem]) -> None:
        self._overrides = overrides
        self._problems = problems

    def __call__(self, settings_cls: type, options: OptionList) -> LoadedSettings:
        """Return what is given and fits."""
        del settings_cls
        known = {option.path: option for option in options if option.path not in HIDDEN}
        found: SettingsDict = {}
        for path, value in _flattened(self._overrides, known):
            if value is None:
                continue
            label = f"option {OPTION_NAMES.get(path, path)}"
            option = known.get(path)
            if option is None:
                text = f"{label}: unknown setting (did you mean {_nearest(path, known)}?)"
                self._problems.append(Problem(label, text))
            else:
                _keep(found, option, value, (label, Path.cwd()), self._problems)
        return LoadedSettings(found, LoaderMeta("options"))


class VariableSource:
    """The environment variables that name settings.

    One that is set to nothing counts as not set. Others that begin with HOOKFLASH_ may belong to
    another program; `unknown_variables` names them.

    Args:
        environ: The environment.
        problems: Gets what is wrong.
    """

    def __init__(self, environ: Mapping[str, str], problems: list[Problem]) -> None:
        self._environ = environ
        self._problems = problems
        self._known = {CONFIG_VARIABLE}

    def __call__(self, settings_cls: type, options: OptionList) -> LoadedSettings:
        """Return what is set and fits."""
        del settings_cls
        found: SettingsDict = {}
        for option in options:
            # A list of tables does not fit into a variable.
            if option.path in HIDDEN or item_class(option.cls) is not None:
                continue
            name = variable_of(option.path)
            self._known.add(name)
            if text := self._environ.get(name, ""):
                place = (f"variable {name}", Path.cwd())
                _keep(found, option, text, place, self._problems)
        return LoadedSettings(found, LoaderMeta("environment"))

    def unknown_variables(self, used_elsewhere: Iterable[str]) -> tuple[str, ...]:
        """Say of each HOOKFLASH_ variable that nothing reads which one it may have been meant for.

        After the call that loads. What container platforms set for a service of that name is left
        out.

        Args:
            used_elsewhere: Variables that settings name.
        """
        known = self._known.union(used_elsewhere)
        return tuple(
            f"variable {name} is unknown and ignored (did you mean {_nearest(name, known)}?)"
            for name, value in sorted(self._environ.items())
            if name.startswith(PREFIX)
            and value
            and name not in known
            and not _SERVICE_LINK.fullmatch(f"{name}={value}")
        )


class FileSource:
    """`hookflash.toml`.

    Args:
        path: The file.
        problems: Gets what is wrong. A file that cannot be read is one problem.
    """

    def __init__(self, path: Path, problems: list[Problem]) -> None:
        self._path = path
        self._problems = problems

    def __call__(self, settings_cls: type, options: OptionList) -> LoadedSettings:
        """Return what the file says and fits."""
        found: SettingsDict = {}
        table = self._read()
        self._refuse_unknown(table, settings_cls, "")
        base_dir = self._path.absolute().parent
        for option in options:
            value = _value_at(table, option.path)
            if value is not attrs.NOTHING and option.path not in HIDDEN | {SECRET_PATH}:
                place = (self._place(option), base_dir)
                _keep(found, option, value, place, self._problems)
        return LoadedSettings(found, LoaderMeta(str(self._path), base_dir=base_dir))

    def _read(self) -> dict[str, Any]:
        text = ""
        try:
            text = self._path.read_bytes().decode()
            return tomllib.loads(text)
        except OSError as error:
            reason = error.strerror or str(error)
            self._blame(f"cannot be read: {reason}")
        except UnicodeDecodeError as error:
            line = error.object.count(b"\n", 0, error.start) + 1
            self._blame(f"is no UTF-8 text (line {line})")
        except tomllib.TOMLDecodeError as error:
            self._blame(f"is no valid TOML: {_with_line(str(error), text)}")
        return {}

    def _blame(self, reason: str) -> None:
        self._problems.append(Problem(f"file {self._path}", f"file {self._path} {reason}"))

    def _place(self, option: OptionInfo) -> str:
        table, _, key = option.path.rpartition(".")
        if item_class(option.cls) is not None:
            return f"file {self._path} [[{f'{table}.' if table else ''}{FILE_NAMES.get(key, key)}]]"
        return f"file {self._path} [{table}] {key}"

    def _refuse_unknown(self, table: Mapping[str, object], cls: type[Any], where: str) -> None:
        known: dict[str, attrs.Attribute[Any]] = {
            FILE_NAMES.get(name, name): attribute
            for name, attribute in fields_of(cls).items()
            if name not in HIDDEN
        }
        for key, value in table.items():
            if f"{where}.{key}" == SECRET_PATH or key not in known:
                self._refuse(key, where, list(known))
                continue
            kind = known[key].type
            inner = item_class(kind)
            if inner is not None and isinstance(value, list):
                for number, row in enumerate(cast("list[object]", value), 1):
                    if isinstance(row, dict):
                        rows = cast("dict[str, object]", row)
                        here = f"[[{where}.{key}]]" if where else f"[[{key}]]"
                        self._refuse_unknown(rows, inner, f"{here} #{number}")
            elif kind is not None and attrs.has(kind):
                if isinstance(value, dict):
                    self._refuse_unknown(cast("dict[str, object]", value), kind, key)
                else:
                    self._blame(f"{key}: must be a table [{key}], is {shown(value)}")

    def _refuse(self, key: str, where: str, known: list[str]) -> None:
        # Of rows `where` is `[[hold.policy]] #2` already, of tables it is their name.
        place = where if " #" in where else f"[{where}]"
        place = f"{place} {key}" if where else key
        if f"{where}.{key}" == SECRET_PATH:
            self._blame(f"{place}: a secret does not belong into a config file ({SECRET_ADVICE})")
            return
        nearest = _nearest(key, known)
        self._blame(f"{place}: unknown key (did you mean {nearest}?)")


def find_config(config: Path | str | None, environ: Mapping[str, str]) -> tuple[Path | None, str]:
    """Return the config file to read and who named it.

    Args:
        config: The file named by the option or by the embedding program; None for none.
        environ: The environment, where HOOKFLASH_CONFIG may name it.

    Returns:
        The path, None where there is none, and a label for messages.
    """
    if config is not None:
        return Path(config).expanduser(), "option --config"
    if environ.get(CONFIG_VARIABLE):
        return Path(environ[CONFIG_VARIABLE]).expanduser(), f"variable {CONFIG_VARIABLE}"
    default = Path(DEFAULT_CONFIG_NAME)
    return (default, "the current folder") if default.is_file() else (None, "")


def _keep(
    found: SettingsDict,
    option: OptionInfo,
    value: object,
    place: tuple[str, Path],
    problems: list[Problem],
) -> None:
    """Check one value and put it into *found*, or what is wrong with it into *problems*."""
    label, base_dir = place
    try:
        if isinstance(value, str):
            from_text = not label.startswith("file ")
            read = read_text if from_text else read_value
            checked = read(value, option.cls, base_dir)
        else:
            checked = read_value(value, option.cls, base_dir)
        check_field(fields_of(option.parent_cls)[option.name], checked)
    except BadValue as error:
        here = f"{label} {error.place}".rstrip()
        reason = "is not usable" if option.is_secret else error.reason
        problems.append(Problem(label, f"{here}: {reason}"))
    else:
        set_path(found, option.path, checked)


def _flattened(
    values: Mapping[str, object], known: Mapping[str, object], prefix: str = ""
) -> Iterator[tuple[str, object]]:
    for key, value in values.items():
        path = f"{prefix}{key}"
        if isinstance(value, Mapping) and path not in known:
            yield from _flattened(cast("Mapping[str, object]", value), known, f"{path}.")
        else:
            yield path, value


def _value_at(table: Mapping[str, Any], path: str) -> Any:  # noqa: ANN401 - anything of TOML
    node: Any = table
    for part in path.split("."):
        key = FILE_NAMES.get(part, part)
        if not isinstance(node, dict) or key not in node:
            return attrs.NOTHING
        node = cast("dict[str, Any]", node)[key]
    return node


def _nearest(key: str, known: Iterable[str]) -> str:
    return difflib.get_close_matches(key, list(known), n=1, cutoff=0.0)[0]


def _with_line(message: str, text: str) -> str:
    """Say the line also where the parser says that the document ended too early."""
    if re.search(r"at line \d+", message):
        return message
    return message.replace("at end of document", f"at line {text.count(chr(10)) + 1}, its end")
