"""
PURE: the numbers of the database against what the switch itself knows: its directory, its dialplan, its gateways.

The database keeps lines and groups apart; that a directory user, a gateway or another extension has the number of a
group, only this comparison shows.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from esl_huntgroup.fsxml.contract import OURS, variables_set
from esl_huntgroup.fsxml.dialplan import Reach, Unreadable, matches, number_expressions, taken_before_ours
from esl_huntgroup.fsxml.elements import Element


@dataclass(frozen=True, slots=True)
class Owned:
    """A number of the database; ``owner`` says in words whose."""

    domain: str
    number: str
    owner: str


@dataclass(frozen=True, slots=True)
class NumberFinding:
    """One thing to be done: about which number, and the sentence. ``number`` is empty where it is about none."""

    number: str
    sentence: str


def directory_findings(groups: Sequence[Owned], directory: Element) -> Iterator[NumberFinding]:
    """Say which users of the directory have, as id or as ``number-alias``, the number of a group."""
    for domain in directory.iter("domain"):
        name = domain.get("name").lower()
        ours = {group.number: group for group in groups if is_same_domain(group.domain, name)}
        for user in domain.iter("user"):
            if user.get("type") == "pointer":
                continue
            for attribute, what in (("id", "is"), ("number-alias", "has the number-alias")):
                group = ours.get(user.get(attribute))
                if group:
                    yield NumberFinding(
                        group.number,
                        f"directory: user {user.get('id')}@{name} ({user.place}) {what} {group.number}, "
                        f"the number of {group.owner}: change one of the two",
                    )


def gateway_findings(groups: Sequence[Owned], lines: Sequence[Owned], root: Element) -> Iterator[NumberFinding]:
    """Say which gateways bring their calls to a group number, or are named like a number of ours."""
    owners = {owned.number: owned for owned in (*lines, *groups)}
    ours = {group.number: group for group in groups}
    for gateway in root.iter("gateway"):
        name, extension = gateway.get("name"), _extension(gateway)
        if name in owners:
            yield NumberFinding(
                name,
                f"gateways: gateway {name} ({gateway.place}) is named like {name}, the number of "
                f"{owners[name].owner}: give the gateway a name that is no number",
            )
        if extension in ours:
            yield NumberFinding(
                extension,
                f"gateways: gateway {name} ({gateway.place}) brings every call from outside to {extension}, the number "
                f"of {ours[extension].owner}: set its param extension to another number, or accept {extension}",
            )


def _extension(gateway: Element) -> str:
    """Return where the calls of a gateway go; without an extension it is the user name (sofia.c)."""
    params = {param.get("name"): param.get("value") for param in gateway.iter("param")}
    return params.get("extension") or params.get("username") or ""


def dialplan_findings(groups: Sequence[Owned], lines: Sequence[Owned], dialplan: Element) -> Iterator[NumberFinding]:
    """Say which extensions take a group number before ours does, and where ours takes too little or too much."""
    contexts = [context for context in dialplan.iter("context") if _ours(context)]
    if not contexts:
        yield NumberFinding(
            "", f"dialplan: no context has an extension {OURS!r}, so no group number reaches the service"
        )
        return
    reached = {group for context in contexts for group in groups if _serves(context, group)}
    for group in groups:
        if group not in reached:
            yield NumberFinding(
                group.number,
                f"dialplan: no extension {OURS!r} serves the domain {group.domain}, so nobody reaches "
                f"{group.number}, the number of {group.owner}: copy the extension into the context of that domain",
            )
    for context in contexts:
        name = context.get("name")
        yield from _caught(name, context, [group for group in groups if _serves(context, group)])
        yield from _expression_findings(name, context, groups, lines)


def _caught(name: str, context: Element, groups: Iterable[Owned]) -> Iterator[NumberFinding]:
    for group in groups:
        try:
            found = list(taken_before_ours(context, group.number))
        except Unreadable as error:
            yield NumberFinding(
                "", f"dialplan: context {name}: the expression {error} cannot be followed; compare by hand"
            )
            return
        for extension, how in found:
            takes = "takes" if how is Reach.YES else "may take, depending on its other conditions,"
            yield NumberFinding(
                group.number,
                f"dialplan: context {name}: extension {extension.get('name')} ({extension.place}) {takes} "
                f"{group.number}, the number of {group.owner}, before {OURS!r}: move it behind, or make it narrower",
            )


def _expression_findings(
    name: str, context: Element, groups: Sequence[Owned], lines: Sequence[Owned]
) -> Iterator[NumberFinding]:
    extension = _ours(context)[0]
    expressions = number_expressions(extension)
    shown = " and ".join(expressions)
    try:
        taken = {
            owned
            for owned in (*groups, *lines)
            if _serves(context, owned) and all(matches(expression, owned.number) for expression in expressions)
        }
    except Unreadable as error:
        yield NumberFinding("", f"dialplan: context {name}: the expression {error} of {OURS!r} cannot be followed")
        return
    for group in groups:
        if _serves(context, group) and group not in taken:
            yield NumberFinding(
                group.number,
                f"dialplan: context {name}: extension {OURS!r} ({shown}) does not match {group.number}, the number of "
                f"{group.owner}: make huntgroup_numbers wider",
            )
    for line in lines:
        if line in taken:
            yield NumberFinding(
                line.number,
                f"dialplan: context {name}: extension {OURS!r} ({shown}) matches {line.number}, {line.owner}: "
                "make huntgroup_numbers narrower",
            )


def _ours(context: Element) -> list[Element]:
    return [extension for extension in context.iter("extension") if extension.get("name") == OURS]


def _serves(context: Element, owned: Owned) -> bool:
    """Return whether our extension of this context looks a number up in this domain."""
    actions = [action for extension in _ours(context) for action in extension.iter("action")]
    settings = variables_set((action.get("application"), action.get("data")) for action in actions)
    domains = [value for name, value in settings if name == "huntgroup_domain"]
    return not domains or any(is_same_domain(owned.domain, domain) for domain in domains)


def is_same_domain(ours: str, theirs: str) -> bool:
    """Return whether two domains are, or may be, the same: one with a variable in it may be any."""
    return "${" in theirs or ours == theirs.lower()
