"""
PURE: users, lines and groups from the directory of FreeSWITCH.

Every ``<user>`` is a user with a softphone line: ``id`` registers, ``number-alias`` (or the id) is dialled. Every
``<group>`` is a user group of those that stand in it or are pointed to. The directory has no group numbers: those who
are to ring get one afterwards.
"""

from __future__ import annotations

from collections.abc import Iterator

from esl_huntgroup.errors import InputError
from esl_huntgroup.fsxml.elements import Element
from esl_huntgroup.model.numbers import normal_domain, normal_number
from esl_huntgroup.provisioning.importers.draft import Draft, user_names
from esl_huntgroup.provisioning.model import Inventory, Key


def read_directory(root: Element, name: str, current: Inventory) -> Draft:
    """Return what the directory says; users whose line is there already keep the name they have."""
    draft = Draft(name)
    domains = list(root.iter("domain"))
    if not any(True for domain in domains for _ in domain.iter("user")):
        raise InputError(f"{name} holds no users: a directory with <domain> and <user> is accepted")
    known = user_names(current)
    is_alone = len({domain.get("name") for domain in domains}) == 1
    group_domains: dict[str, str] = {}
    for domain in domains:
        try:
            domain_name = normal_domain(domain.get("name"))
        except InputError as error:
            draft.refuse(domain.place, str(error))
            continue
        names = _take_users(draft, domain, domain_name, known, is_alone)
        _take_groups(draft, domain, domain_name, names, group_domains)
    return draft


def _take_users(
    draft: Draft, domain: Element, domain_name: str, known: dict[Key, str], is_alone: bool
) -> dict[str, str]:
    """Take the users of a domain; return their names by id."""
    names: dict[str, str] = {}
    for user in _defined(domain):
        account = user.get("id")
        try:
            number = normal_number(user.get("number-alias") or account)
        except InputError:
            draft.refuse(user.place, f"user {account!r} has no number: digits as id or number-alias are accepted")
            continue
        new_name = account if is_alone else f"{account}@{domain_name}"
        name = names[account] = known.get((domain_name, number), new_name)
        draft.user(name, user.place, display_name=_variable(user, "effective_caller_id_name"))
        draft.line(name, user.place, number=number, domain=domain_name, account=account)
    return names


def _take_groups(
    draft: Draft, domain: Element, domain_name: str, names: dict[str, str], group_domains: dict[str, str]
) -> None:
    for group in domain.iter("group"):
        own_name = group.get("name")
        is_taken = group_domains.setdefault(own_name, domain_name) != domain_name
        name = f"{own_name} ({domain_name})" if is_taken else own_name
        draft.group(name, group.place, domain=domain_name)
        for user in group.iter("user"):
            account = user.get("id")
            if account in names:
                draft.member(name, names[account], user.place)
            elif user.get("type") == "pointer":
                draft.refuse(user.place, f"group {name!r} points to the unknown user {account!r}: a user is accepted")


def _defined(domain: Element) -> Iterator[Element]:
    return (user for user in domain.iter("user") if user.get("type") != "pointer")


def _variable(user: Element, name: str) -> str:
    values = [variable.get("value") for variable in user.iter("variable") if variable.get("name") == name]
    return values[-1] if values and "${" not in values[-1] else ""
