"""Which extension takes a number, and what of the switch's own numbers is in conflict with ours."""

from __future__ import annotations

import pytest

from esl_huntgroup.diagnostics.number_check import Owned, dialplan_findings, directory_findings, gateway_findings
from esl_huntgroup.errors import InputError
from esl_huntgroup.fsxml.dialplan import Reach, Unreadable, reach
from esl_huntgroup.fsxml.elements import Element, parse_fsxml

SALES = Owned("pbx.example", "700", "group 'Vertrieb'")
WEST = Owned("west.example", "701", "group 'West'")
ANNA = Owned("pbx.example", "101", "a line of user 'anna'")
OURS = (
    '<extension name="huntgroup"><condition field="destination_number" expression="^7\\d\\d$">'
    '<action application="set" data="huntgroup_domain={}"/></condition></extension>'
)
ACT = '<action application="bridge"/>'


def element(text: str) -> Element:
    (root,) = parse_fsxml(text, "x.xml").children
    return root.children[0]


def condition(expression: str, more: str = "", inside: str = ACT) -> str:
    return f'<condition field="destination_number" expression="{expression}" {more}>{inside}</condition>'


@pytest.mark.parametrize(
    ("inside", "expected"),
    [
        (condition("^700$"), Reach.YES),
        (condition("7"), Reach.YES),
        (condition("/^7.0$/i"), Reach.YES),
        (condition("^70$"), Reach.NO),
        (condition("^(?:6|7)\\d+$").replace("destination_number", "${destination_number}"), Reach.YES),
        ('<condition field="destination_number"><expression>^700$</expression>' + ACT + "</condition>", Reach.YES),
        ('<condition field="context" expression="x"/>' + condition("^700$"), Reach.MAYBE),
        (condition("^700$", 'wday="2-6"'), Reach.MAYBE),
        ('<condition wday="2-6"/>' + condition("^700$"), Reach.MAYBE),
        (condition("^1$", 'break="never"') + condition("^700$"), Reach.YES),
        (condition("^1$") + condition("^700$"), Reach.NO),
        (condition("^700$", 'break="on-true"', inside="") + condition("^7"), Reach.NO),
        (condition("^700$", inside=""), Reach.NO),
        ('<condition field="${loops}" expression="^true$">' + ACT + "</condition>", Reach.NO),
        ("<condition>" + ACT + "</condition>", Reach.YES),
        (
            '<condition regex="any"><regex field="destination_number" expression="^1$"/>'
            '<regex field="destination_number" expression="^700$"/>' + ACT + "</condition>",
            Reach.YES,
        ),
        (
            '<condition regex="all"><regex field="destination_number" expression="^700$"/>'
            '<regex field="context" expression="x"/>' + ACT + "</condition>",
            Reach.MAYBE,
        ),
        (
            '<condition regex="xor"><regex field="destination_number" expression="7"/>'
            '<regex field="destination_number" expression="0"/>' + ACT + "</condition>",
            Reach.NO,
        ),
        ('<condition field="destination_number" expression="^${x}$">' + ACT + "</condition>", Reach.MAYBE),
    ],
)
def test_an_extension_takes_a_number(inside: str, expected: Reach) -> None:
    assert reach(element(f"<extension>{inside}</extension>"), "700") is expected


@pytest.mark.parametrize("expression", ["(?P>x)", "_7XX", "("])
def test_an_expression_that_cannot_be_followed_is_no_answer(expression: str) -> None:
    with pytest.raises(Unreadable):
        reach(element(f"<extension>{condition(expression)}</extension>"), "700")


def dialplan(*extensions: str, domain: str = "pbx.example") -> list[str]:
    text = f'<context name="default">{"".join(extensions)}{OURS.format(domain)}</context>'
    return [it.sentence for it in dialplan_findings([SALES, WEST], [ANNA], parse_fsxml(text, "x.xml"))]


NOT_WEST = (
    "dialplan: no extension 'huntgroup' serves the domain west.example, so nobody reaches 701, the number of group "
    "'West': copy the extension into the context of that domain"
)


def test_the_domain_is_read_where_the_shipped_extension_sets_it_too() -> None:
    shipped = OURS.format("pbx.example").replace('"set" data="', '"multiset" data="^^;continue_on_fail=true;')
    assert "multiset" in shipped
    text = f'<context name="default">{shipped}</context>'
    assert [it.sentence for it in dialplan_findings([SALES, WEST], [], parse_fsxml(text, "x.xml"))] == [NOT_WEST]


def test_an_extension_before_ours_is_named_with_its_place() -> None:
    before = f'<extension name="mobile">{condition("^7")}</extension>'
    timed = (
        f'<extension name="night">{condition("^700", "hour=&quot;20-23&quot;".replace("&quot;", chr(34)))}</extension>'
    )
    passing = f'<extension name="log" continue="true">{condition("^7")}</extension>'
    assert dialplan(before, timed, passing) == [
        NOT_WEST,
        "dialplan: context default: extension mobile (x.xml, line 1) takes 700, the number of group 'Vertrieb', "
        "before 'huntgroup': move it behind, or make it narrower",
        "dialplan: context default: extension night (x.xml, line 1) may take, depending on its other conditions, 700, "
        "the number of group 'Vertrieb', before 'huntgroup': move it behind, or make it narrower",
    ]


def test_what_comes_behind_ours_is_no_conflict() -> None:
    behind = f'<extension name="all">{condition("")}</extension>'
    text = f'<context name="x">{OURS.format("${domain_name}")}{behind}</context>'
    assert not list(dialplan_findings([SALES, WEST], [ANNA], parse_fsxml(text, "x.xml")))


def test_our_expression_is_too_narrow_or_too_wide() -> None:
    groups = [SALES, Owned("pbx.example", "800", "group 'Einkauf'")]
    lines = [ANNA, Owned("pbx.example", "712", "a line of user 'ben'"), Owned("west.example", "713", "elsewhere")]
    text = f'<context name="x">{OURS.format("pbx.example")}</context>'
    assert [it.sentence for it in dialplan_findings(groups, lines, parse_fsxml(text, "x.xml"))] == [
        "dialplan: context x: extension 'huntgroup' (^7\\d\\d$) does not match 800, the number of group 'Einkauf': "
        "make huntgroup_numbers wider",
        "dialplan: context x: extension 'huntgroup' (^7\\d\\d$) matches 712, a line of user 'ben': "
        "make huntgroup_numbers narrower",
    ]


def test_a_dialplan_without_ours_and_one_that_cannot_be_followed_are_said() -> None:
    nothing = parse_fsxml('<context name="x"/>', "x.xml")
    assert [it.sentence for it in dialplan_findings([SALES], [], nothing)] == [
        "dialplan: no context has an extension 'huntgroup', so no group number reaches the service"
    ]
    odd = f'<extension name="odd">{condition("_7XX")}</extension>'
    assert "dialplan: context default: the expression _7XX cannot be followed; compare by hand" in dialplan(odd)


def test_users_and_aliases_of_the_directory_with_a_group_number_are_named() -> None:
    text = """<domain name="PBX.example"><groups><group name="g"><users>
      <user id="700"/>
      <user id="anna" number-alias="700"/>
      <user id="101"/>
      <user id="700" type="pointer"/>
    </users></group></groups></domain>
    <domain name="west.example"><user id="700"/></domain>"""
    assert [it.sentence for it in directory_findings([SALES, WEST], parse_fsxml(text, "d.xml"))] == [
        "directory: user 700@pbx.example (d.xml, line 2) is 700, the number of group 'Vertrieb': change one of the two",
        "directory: user anna@pbx.example (d.xml, line 3) has the number-alias 700, the number of group 'Vertrieb': "
        "change one of the two",
    ]


def test_gateways_that_collide_are_named() -> None:
    text = """<gateway name="700"/>
    <gateway name="trunk"><param name="username" value="x"/><param name="extension" value="700"/></gateway>
    <gateway name="101"><param name="username" value="701"/></gateway>"""
    found = list(gateway_findings([SALES, WEST], [ANNA], parse_fsxml(text, "g.xml")))
    assert [it.number for it in found] == ["700", "700", "101", "701"]
    assert found[1].sentence == (
        "gateways: gateway trunk (g.xml, line 2) brings every call from outside to 700, the number of group "
        "'Vertrieb': set its param extension to another number, or accept 700"
    )


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("<a>\n<b></a>", "x.xml, line 2: this is not XML (mismatched tag): FreeSWITCH's own files are accepted"),
        ("<a", "x.xml, line 1: this is not XML (not well-formed (invalid token)): FreeSWITCH's own files are accepted"),
    ],
)
def test_what_is_no_xml_is_refused_with_its_place(text: str, sentence: str) -> None:
    with pytest.raises(InputError) as refused:
        parse_fsxml(text, "x.xml")
    assert str(refused.value) == sentence
