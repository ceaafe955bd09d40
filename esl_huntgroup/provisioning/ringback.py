"""
PURE: what a caller can be made to hear while a group rings.

FreeSWITCH takes for a tone whatever is not a file or a stream, and a tone of which nothing can be heard (a name, a
bracket left open, no frequency) ends the call (switch_ivr_originate.c, teletone_run). So it is refused where it is
written. Whether a file is there, only the switch knows.
"""

from __future__ import annotations

import re
from typing import Final

from esl_huntgroup.errors import InputError
from esl_huntgroup.model.limits import RINGBACK_MAX_CHARS

NONE: Final = "none"
"""What takes the ringback away: the caller hears the switch's own."""

_TWICE: Final = "%(400,200,{0})%(400,{1},{0})"
_ONCE: Final = {
    "be": (1000, 3000, "425"), "ca": (2000, 4000, "440,480"), "cn": (1000, 4000, "450"), "cy": (1500, 3000, "425"),
    "cz": (1000, 4000, "425"), "de": (1000, 4000, "425"), "dk": (1000, 4000, "425"), "dz": (1500, 3500, "425"),
    "eg": (2000, 1000, "475,375"), "es": (1500, 3000, "425"), "fi": (1000, 4000, "425"), "fr": (1500, 3500, "440"),
    "hu": (1250, 3750, "425"), "il": (1000, 3000, "400"), "jp": (1000, 2000, "420,380"), "ko": (1000, 2000, "440,480"),
    "pk": (1000, 2000, "400"), "pl": (1000, 4000, "425"), "ro": (1850, 4150, "475,425"), "rs": (1000, 4000, "425"),
    "ru": (800, 3200, "425"), "sa": (1200, 4600, "425"), "tr": (2000, 4000, "450"), "us": (2000, 4000, "440,480"),
}  # fmt: skip
"""Country → milliseconds on, off, and frequencies."""

TONES: Final = {f"{country}-ring": f"%({on},{off},{tones})" for country, (on, off, tones) in _ONCE.items()} | {
    "au-ring": _TWICE.format("383,417", 2000),
    "hk-ring": _TWICE.format("440,480", 3000),
    "in-ring": _TWICE.format("425,375", 2000),
    "uk-ring": _TWICE.format("400,450", 2000),
}
"""The tones of FreeSWITCH's own vars.xml, by the names that they have there."""

_NAME = re.compile(r"(?:\$?\$\{([a-z-]+)\}|([a-z-]+))", re.ASCII)
_MS: Final = r"[0-9]{1,5}"
_FREQUENCY: Final = r"(?:[1-9][0-9]{0,3}(?:\.[0-9]{1,3})?)"
_TONE: Final = rf"%\((?:0*[1-9][0-9]{{0,4}}),{_MS},{_FREQUENCY}(?:,{_FREQUENCY}){{0,7}}\)"
_SPECIFICATION = re.compile(rf"(tone_stream://)?({_TONE}(?:;?{_TONE})*)(?:;loops=-?[0-9]+)?", re.ASCII)
_FILE = re.compile(r"(?:/(?!\.\.?(?:/|$))[A-Za-z0-9_.+-]+)+", re.ASCII)
_STREAM = re.compile(
    r"local_stream://[A-Za-z0-9_./-]+|silence_stream://-?[0-9]+(?:,[0-9]+)?|silence(?::[0-9]+)?"
    r"|(?:https?|http_cache|shout)://[A-Za-z0-9_./:%=+-]+",
    re.ASCII,
)


def ringback(text: str) -> str:
    """
    Return what the switch is to play: a tone, a file or a stream; empty is the switch's own.

    The name of a tone becomes the tone, and what a channel variable cannot hold (``;``) goes: the switch repeats tones
    by itself. Raises InputError for anything of which nothing would be heard.
    """
    written = text.strip()
    found = "" if written in ("", NONE) else _named(written) or _specified(written) or _played(written)
    if found is None or len(found) > RINGBACK_MAX_CHARS:
        shown = written if len(written) <= 80 else f"{written[:80]}..."
        raise InputError(
            f"{shown!r} is not a ringback: a tone such as '%(1000,4000,425)' (milliseconds on, off, frequencies), the "
            f"name of one such as 'us-ring', a file such as '/sounds/ring.wav', 'local_stream://NAME', an address of "
            f"https, http, http_cache or shout, 'silence' and '{NONE}' are accepted, at most {RINGBACK_MAX_CHARS} "
            f"characters without blanks"
        )
    return found


def _named(text: str) -> str | None:
    match = _NAME.fullmatch(text)
    return TONES.get(match[1] or match[2]) if match else None


def _specified(text: str) -> str | None:
    match = _SPECIFICATION.fullmatch(text)
    return (match[1] or "") + match[2].replace(";", "") if match else None


def _played(text: str) -> str | None:
    return text if _FILE.fullmatch(text) or _STREAM.fullmatch(text) else None
