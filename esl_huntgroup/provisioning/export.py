"""The whole configuration as one YAML file, which ``load`` turns into the same configuration again."""

from __future__ import annotations

from typing import Any

import peewee
import yaml

from esl_huntgroup.db.engine import database_errors
from esl_huntgroup.provisioning.model import Inventory
from esl_huntgroup.provisioning.serialize import exported
from esl_huntgroup.provisioning.store import read_inventory

HEAD = "# The whole configuration. Load it with: esl-huntgroup load FILE\n"
WIDTH = 120

_Base: Any = getattr(yaml, "CSafeDumper", yaml.SafeDumper)
"""libyaml where PyYAML was built with it: ten times faster, the same language."""


class _Dumper(_Base):  # type: ignore[misc]  # chosen when it is imported
    def ignore_aliases(self, _data: Any) -> bool:
        """Write every value out: ``load`` accepts no aliases."""
        return True


def export(db: peewee.Database) -> str:
    """Return the configuration that the database holds. Takes a fixed number of queries; raises DatabaseError."""
    with database_errors(db), db.atomic():
        return export_text(read_inventory(db))


def export_text(inventory: Inventory) -> str:
    """Return a configuration as text: equal configurations are equal texts, byte by byte."""
    parts = [
        yaml.dump(
            {key: items}, Dumper=_Dumper, allow_unicode=True, sort_keys=False, width=WIDTH, default_flow_style=None
        )
        for key, items in exported(inventory).items()
    ]
    return "\n".join([HEAD, *parts])
