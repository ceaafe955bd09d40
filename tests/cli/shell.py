"""Commands as somebody types them: in a process of its own, as another user where that is asked for."""

from __future__ import annotations

import atexit
import functools
import os
import shutil
import subprocess
import sys
import sysconfig
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]
NOBODY = 65534
AS_NOBODY = f"""
import difflib, encodings.idna, importlib, os
from esl_huntgroup import cli
for module, _function in cli.COMMANDS.values():  # the interpreter itself may be where nobody else may read
    importlib.import_module(f"esl_huntgroup.cli.{{module}}")
os.setgroups([])
os.setresgid({NOBODY}, {NOBODY}, {NOBODY})
os.setresuid({NOBODY}, {NOBODY}, {NOBODY})
cli.main()
"""
LIMIT_S = 60


@functools.cache
def for_nobody() -> dict[str, str]:
    """
    Return the environment in which nobody finds the program: a copy of it, where the clone is for its owner alone.

    Root's own folder is such a place.
    """
    libraries = Path(sysconfig.get_paths()["purelib"])
    if all(_may_be_read(path) for path in (ROOT, libraries)):
        return {}
    copy = Path(tempfile.mkdtemp(prefix="esl-huntgroup-"))
    atexit.register(shutil.rmtree, copy, ignore_errors=True)
    copy.chmod(0o755)
    for name in ("esl_huntgroup", "db"):
        shutil.copytree(ROOT / name, copy / name)
    shutil.copytree(
        libraries, copy / "libraries", ignore=shutil.ignore_patterns("esl_huntgroup*", "pip*", "setuptools*")
    )
    return {"PYTHONPATH": f"{copy}:{copy / 'libraries'}"}


def _may_be_read(path: Path) -> bool:
    return all(folder.stat().st_mode & 0o005 == 0o005 for folder in (path, *path.parents))


class Shell:
    """A folder with a database and settings, which others may enter, and the command line on it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.state = folder / "state"
        self.state.mkdir()
        self.database = f"sqlite:///{self.state / 'huntgroup.db'}"
        left_out = ("ESL_HUNTGROUP_", "PYTHONDONTWRITEBYTECODE")
        inherited = {name: value for name, value in os.environ.items() if not name.startswith(left_out)}
        (folder / "settings.toml").touch()
        self.environment = inherited | {
            "PYTHONPATH": str(ROOT),
            "ESL_HUNTGROUP_CONFIG": str(folder / "settings.toml"),
            "ESL_HUNTGROUP_DATABASE": self.database,
            "ESL_HUNTGROUP_SPOOL": str(self.state / "spool"),
            "ESL_HUNTGROUP_LISTEN": "127.0.0.1:0",
            "ESL_HUNTGROUP_DEFAULT_DOMAIN": "example.org",
        }

    def run(self, *arguments: str, is_nobody: bool = False, **options: Any) -> subprocess.CompletedProcess[str]:
        """Run one command to its end; as somebody who is neither root nor the service's user if ``is_nobody``."""
        becomes_nobody = is_nobody and os.geteuid() == 0
        environment = self.environment | (for_nobody() if becomes_nobody else {}) | options.pop("environment", {})
        python = os.path.realpath(sys.executable) if becomes_nobody and for_nobody() else sys.executable
        program = ["-c", AS_NOBODY] if becomes_nobody else ["-m", "esl_huntgroup"]
        return subprocess.run(
            [python, "-P", *program, *arguments],
            env=environment,
            cwd=self.folder,
            timeout=LIMIT_S,
            check=False,
            text=True,
            **({"stdout": subprocess.PIPE, "stderr": subprocess.PIPE} | options),
        )

    def hide(self) -> None:
        """Let nobody else into the folder of the database, as the unit of systemd does (StateDirectoryMode=0750)."""
        self.state.chmod(0o750 if os.geteuid() == 0 else 0o000)


@contextmanager
def a_shell() -> Iterator[Shell]:
    """Give one that other users may reach; pytest's own folders are for the user of the tests alone."""
    with tempfile.TemporaryDirectory(prefix="esl-huntgroup-") as folder:
        Path(folder).chmod(0o755)
        shell = Shell(Path(folder))
        try:
            yield shell
        finally:
            shell.state.chmod(0o755)
