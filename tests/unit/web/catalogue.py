"""
The messages of the page, as they stand in templates and Python, and the catalogue that translates them.

    python -m tests.unit.web.catalogue

brings the catalogue up to date: new messages are added without a translation, those that are gone are removed.
"""

from __future__ import annotations

from pathlib import Path

from babel.messages.catalog import Catalog
from babel.messages.extract import extract_from_dir
from babel.messages.pofile import read_po, write_po

from esl_huntgroup.web import words

WEB = Path(words.__file__).parent
GERMAN = words.CATALOGUES / "de" / "LC_MESSAGES" / "messages.po"
METHODS = [("**.py", "python"), ("**/templates/**.html", "jinja2")]
OPTIONS = {"**/templates/**.html": {"trim_blocks": "true", "lstrip_blocks": "true", "silent": "false"}}


def messages() -> Catalog:
    """Return all messages of the page."""
    found = Catalog(locale="de")
    for file, _line, message, comments, context in extract_from_dir(
        str(WEB), METHODS, OPTIONS, keywords={"_": None, "gettext": None, "ngettext": (1, 2)}
    ):
        found.add(message, None, [(file, 0)], auto_comments=comments, context=context)
    return found


def german() -> Catalog:
    """Return the catalogue."""
    with GERMAN.open("rb") as file:
        return read_po(file, locale="de")


def main() -> None:
    catalogue = german()
    catalogue.update(messages(), no_fuzzy_matching=True)
    catalogue.obsolete.clear()
    with GERMAN.open("wb") as file:
        write_po(file, catalogue, no_location=True, omit_header=False, sort_output=True, ignore_obsolete=True)


if __name__ == "__main__":
    main()
