"""FreeSWITCH's XML is read by one reader, from files and from answers."""

from __future__ import annotations

import pytest

from esl_huntgroup.errors import InputError
from esl_huntgroup.fsxml.elements import parse_answer


def test_an_answer_is_one_element_with_its_attributes_text_and_place() -> None:
    root = parse_answer('<section name="dialplan">\n<context name="a">x&amp;y</context><context/></section>')
    assert (root.tag, root.get("name"), root.place) == ("section", "dialplan", "line 1")
    first, second = root.iter("context")
    assert (first.get("name"), first.text, first.place) == ("a", "x&y", "line 2")
    assert second.get("name") == ""


@pytest.mark.parametrize(
    ("answer", "why"),
    [
        ("-ERR not found", "syntax error: line 1, column 0"),
        ("", "no element found: line 1, column 0"),
        ("<a></b>", "mismatched tag: line 1, column 5"),
        ("<a/><b/>", "junk after document element: line 1, column 4"),
    ],
)
def test_an_answer_that_is_not_one_element_is_refused_with_the_reason(answer: str, why: str) -> None:
    with pytest.raises(InputError) as refused:
        parse_answer(answer)
    assert str(refused.value) == why


def test_an_answer_cannot_grow_by_entities() -> None:
    with pytest.raises(InputError, match="DOCTYPE"):
        parse_answer('<!DOCTYPE a [<!ENTITY b "bbbb"><!ENTITY c "&b;&b;&b;">]><a>&c;</a>')
