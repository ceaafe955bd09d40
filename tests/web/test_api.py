"""The API: what it gives whom, page after page, as JSON and CSV; and the sentence for whatever is refused."""

from __future__ import annotations

import csv
import io
import re
from typing import Any

import flask
import peewee
import pytest
from flask.testing import FlaskClient

from esl_huntgroup.db.engine import execute, quoted
from esl_huntgroup.model.outcome import SPOKEN
from esl_huntgroup.web.api import responses
from esl_huntgroup.web.api.openapi import PREFIX, described_routes
from esl_huntgroup.web.identity import Scope
from tests.web import journals
from tests.web.journals import SALES, SUPPORT, call_id, group_of, number_of, outcome_of
from tests.web.signed_in import form_token, program

COUNT = 120
Headers = dict[str, str]


@pytest.fixture
def client(app: flask.Flask, firm: peewee.Database) -> FlaskClient:
    """Give a program without a token; the journal has calls."""
    journals.firm(firm)
    journals.fill(firm, COUNT)
    return app.test_client()


@pytest.fixture
def as_anna(client: Any) -> Headers:
    return program(client.application, "anna")


@pytest.fixture
def as_chef(client: Any) -> Headers:
    return program(client.application, "chef")


def get(client: Any, headers: Headers, address: str, status: int = 200) -> Any:
    response = client.get(f"{PREFIX}{address}", headers=headers)
    assert response.status_code == status, response.text
    return response


def ids(response: Any) -> list[int]:
    return [number_of(item["call_id"]) for item in response.json["items"]]


def links(response: Any) -> dict[str, str]:
    found = re.findall(r'<([^>]*)>; rel="(\w+)"', response.headers.get("Link", ""))
    return {relation: url.removeprefix(PREFIX) for url, relation in found}


def annas() -> list[int]:
    return [number for number in reversed(range(COUNT)) if group_of(number) == SALES]


def test_who_one_is(client: Any, as_anna: Headers) -> None:
    told = get(client, as_anna, "/me").json
    missed = [number for number in annas() if outcome_of(number) not in SPOKEN]
    assert (told["name"], told["display_name"], told["unhandled"]) == ("anna", "Anna Berg", len(missed))
    assert told["scopes"] == sorted(Scope)
    assert get(client, as_anna, "/groups").json["items"] == [
        {
            **{"id": SALES, "name": "Vertrieb", "number": "700", "domain": "example.org", "is_active": True},
            **{"roles": ["member"], "sees_journal": False, "sees_statistics": False},
        }
    ]


def test_pages_follow_one_another_both_ways(client: Any, as_anna: Headers) -> None:
    seen, address, pages = [], "/journal?limit=25&unhandled=false", []
    while address:
        response = get(client, as_anna, address)
        seen += ids(response)
        pages.append(ids(response))
        address = links(response).get("next", "")
        assert "unhandled=false" in address or not address
    assert seen == annas()
    back = links(response)["prev"]
    assert ids(get(client, as_anna, back)) == pages[-2]
    assert "prev" not in links(get(client, as_anna, "/journal"))


def test_oldest_first(client: Any, as_anna: Headers) -> None:
    seen, address = [], "/journal?limit=25&direction=asc&order=date"
    while address:
        response = get(client, as_anna, address)
        seen += ids(response)
        address = links(response).get("next", "")
    assert seen == annas()[::-1]
    assert "prev" not in links(get(client, as_anna, "/journal?direction=asc"))


def test_a_call_of_ones_own(client: Any, as_anna: Headers) -> None:
    item = get(client, as_anna, "/journal?limit=1&kind=missed").json["items"][0]
    number = number_of(item["call_id"])
    assert item["group"] == {"id": SALES, "name": "Vertrieb", "number": "700", "domain": "example.org"}
    assert item["caller"] == {"number": journals.caller_of(number)[0], "name": journals.caller_of(number)[1]}
    assert (item["entry"]["kind"], item["entry"]["handled"], item["entries"]) == ("missed", None, None)
    assert item["arrived_at"].startswith("2026-10-")
    told = get(client, as_anna, f"/calls/{item['call_id'].upper()}").json
    assert told["went_on"] == "was transferred to 9000 XML default"
    assert [member["user_name"] for member in told["members"]] == ["Anna Berg", "Bernd Wolf"]
    assert told["members"][0]["legs"] == [
        {"line": "101@example.org", "rang": True, "cause": "NO_ANSWER", "said": "rang"}
    ]
    assert told["members"][1]["legs"][0]["line"] is None
    german = client.get(f"{PREFIX}/calls/{item['call_id']}", headers={**as_anna, "Accept-Language": "de"})
    assert german.status_code == 200


def test_filters(client: Any, as_anna: Headers) -> None:
    for query, keep in (
        ("from=2026-10-14T00:00:00Z", lambda n: True),
        ("unhandled=true", lambda n: outcome_of(n) not in SPOKEN),
        ("search=m%C3%BCller%2012", lambda n: n % 50 == 12),
        ("number=030%20555-0012", lambda n: n % 50 == 12),
        (f"group={SUPPORT}", lambda n: False),
        (f"group={SALES}", lambda n: True),
        ("search=&kind=&from=", lambda n: True),
    ):
        assert ids(get(client, as_anna, f"/journal?limit=500&{query}")) == [n for n in annas() if keep(n)], query


def test_the_journal_of_a_group_is_for_its_leader(
    client: Any, as_anna: Headers, as_chef: Headers, firm: peewee.Database
) -> None:
    response = get(client, as_chef, f"/groups/{SALES}/journal?limit=500")
    assert ids(response) == annas()
    assert [entry["user_name"] for entry in response.json["items"][0]["entries"]] == ["Anna Berg", "Bernd Wolf"]
    assert response.json["items"][0]["entry"] is None
    for headers, group in ((as_anna, SALES), (as_chef, SUPPORT), (as_chef, 99), (as_chef, 10**30)):
        get(client, headers, f"/groups/{group}/journal", 404)
        get(client, headers, f"/groups/{group}/statistics", 404)
    get(client, as_chef, f"/calls/{call_id(0)}")
    execute(firm, "DELETE FROM group_services")
    get(client, as_chef, f"/groups/{SALES}/journal", 404)
    get(client, as_chef, f"/calls/{call_id(0)}", 404)
    assert ids(get(client, as_chef, "/journal")) == []


def test_a_call_of_others_is_none(client: Any, as_anna: Headers) -> None:
    dora = program(client.application, "dora")
    for text in (call_id(0), call_id(COUNT), "x", "0" * 500, "%00"):
        get(client, dora, f"/calls/{text}", 404)
    for method in ("put", "delete"):
        refused = getattr(client, method)(f"{PREFIX}/calls/{call_id(1)}/handled", headers=dora)
        assert refused.status_code == 404


def test_handled_for_all_and_back(client: Any, as_anna: Headers, as_chef: Headers) -> None:
    number = next(number for number in annas() if outcome_of(number) not in SPOKEN)
    bernd, address = program(client.application, "bernd"), f"{PREFIX}/calls/{call_id(number)}/handled"
    for _ in range(2):
        told = client.put(address, headers=as_anna)
        assert told.status_code == 200
        assert told.json["entry"]["handled"]["by_name"] == "Anna Berg"
    seen = get(client, bernd, f"/calls/{call_id(number)}").json["entry"]["handled"]
    assert (seen["by_name"], seen["how"]) == ("Anna Berg", "by_hand")
    assert number not in ids(get(client, bernd, "/journal?unhandled=true&limit=500"))
    assert client.delete(address, headers=bernd).json["entry"]["handled"] is None
    assert client.put(address, headers=as_chef).status_code == 200
    assert get(client, bernd, f"/calls/{call_id(number)}").json["entry"]["handled"]["by_name"] == "Carla Chef"


def test_handled_where_everybody_deals_with_the_own(
    client: Any, as_anna: Headers, as_chef: Headers, firm: peewee.Database
) -> None:
    execute(firm, f"UPDATE {quoted(firm, 'groups')} SET missed_shared = {firm.param}", (False,))
    number = next(number for number in annas() if outcome_of(number) not in SPOKEN)
    address = f"{PREFIX}/calls/{call_id(number)}/handled"
    assert client.put(address, headers=as_chef).status_code == 409
    assert client.put(address, headers=as_anna).status_code == 200
    bernd = program(client.application, "bernd")
    assert get(client, bernd, f"/calls/{call_id(number)}").json["entry"]["handled"] is None


def test_a_call_that_was_answered_is_not_dealt_with(client: Any, as_anna: Headers) -> None:
    number = next(number for number in annas() if outcome_of(number) in SPOKEN)
    refused = client.put(f"{PREFIX}/calls/{call_id(number)}/handled", headers=as_anna)
    assert (refused.status_code, refused.content_type) == (409, "application/problem+json")
    assert refused.json["title"] == "Conflict"


def test_a_session_needs_the_token_of_our_forms(client: Any, anna: Any) -> None:
    number = next(number for number in annas() if outcome_of(number) not in SPOKEN)
    address = f"{PREFIX}/calls/{call_id(number)}/handled"
    assert anna.get(f"{PREFIX}/journal").status_code == 200
    assert anna.put(address).status_code == 403
    assert anna.put(address, headers={"X-CSRF-Token": form_token(anna)}).status_code == 200


def test_an_etag_saves_what_is_known(client: Any, as_anna: Headers) -> None:
    address = f"/calls/{call_id(0)}"
    etag = get(client, as_anna, address).headers["ETag"]
    again = get(client, {**as_anna, "If-None-Match": etag}, address, 304)
    assert again.data == b""
    client.put(f"{PREFIX}/calls/{call_id(1)}/handled", headers=as_anna)
    other = get(client, as_anna, f"/calls/{call_id(1)}").headers["ETag"]
    client.delete(f"{PREFIX}/calls/{call_id(1)}/handled", headers=as_anna)
    get(client, {**as_anna, "If-None-Match": other}, f"/calls/{call_id(1)}")


def test_csv_has_everything_that_is_wanted(
    client: Any, as_anna: Headers, as_chef: Headers, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(responses, "PORTION", 7)
    monkeypatch.setattr("esl_huntgroup.web.api.routes.PORTION", 7)
    response = get(client, as_anna, "/journal?format=csv&unhandled=true&limit=1")
    assert response.content_type.startswith("text/csv")
    rows = list(csv.DictReader(io.StringIO(response.text)))
    assert [number_of(row["call_id"]) for row in rows] == [n for n in annas() if outcome_of(n) not in SPOKEN]
    assert {row["kind"] for row in rows} == {"missed", "not_signalled"}
    whole = list(csv.DictReader(io.StringIO(get(client, as_chef, f"/groups/{SALES}/journal?format=csv").text)))
    assert len(whole) == 2 * len(annas())
    assert {row["user_name"] for row in whole} == {"Anna Berg", "Bernd Wolf"}
    empty = get(client, as_anna, "/journal?format=csv&search=nobody").text.splitlines()
    assert [line.split(",")[0] for line in empty] == ["call_id"]


def test_a_csv_ends_where_the_right_is_taken_away(
    client: Any, as_chef: Headers, firm: peewee.Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("esl_huntgroup.web.api.routes.PORTION", 5)
    response = client.get(f"{PREFIX}/groups/{SALES}/journal?format=csv", headers=as_chef, buffered=False)
    pieces = iter(response.response)
    first = [next(pieces), next(pieces)]
    execute(firm, "DELETE FROM group_services")
    assert list(pieces) == []
    assert b"".join(bytes(it) for it in first).count(b"\r\n") == 11


def test_figures(client: Any, as_chef: Headers) -> None:
    period = "from=2026-10-14T00:00:00Z&until=2026-10-20T00:00:00Z"
    told = get(client, as_chef, f"/groups/{SALES}/statistics?{period}&timezone=Europe/Berlin").json
    assert told["total"]["calls"] == len(annas())
    assert (len(told["by_hour"]), len(told["by_weekday"]), told["timezone"]) == (24, 7, "Europe/Berlin")
    assert [member["user_name"] for member in told["members"]] == ["Anna Berg", "Bernd Wolf"]
    rows = list(
        csv.DictReader(io.StringIO(get(client, as_chef, f"/groups/{SALES}/statistics?{period}&format=csv").text))
    )
    assert rows[0] == {
        **{"of": "total", "which": "", "calls": str(len(annas()))},
        **{name: str(told["total"][name]) for name in ("answered", "missed")},
    }
    assert get(client, as_chef, f"/groups/{SALES}/statistics").status_code == 200


def test_an_administrator_sees_the_figures_of_every_group_and_no_journal(client: Any, firm: peewee.Database) -> None:
    execute(firm, "INSERT INTO services (name) VALUES ('administration')")
    execute(firm, "INSERT INTO user_services (user_id, service) VALUES (4, 'administration')")
    dora = program(client.application, "dora")
    items = get(client, dora, "/groups").json["items"]
    assert [(it["name"], it["roles"], it["sees_journal"], it["sees_statistics"]) for it in items] == [
        ("Technik", ["member"], False, True),
        ("Vertrieb", [], False, True),
    ]
    get(client, dora, f"/groups/{SALES}/statistics")
    get(client, dora, f"/groups/{SALES}/journal", 404)
    get(client, dora, "/groups/99999999999999999999/statistics", 404)


def test_tokens_are_made_by_who_is_signed_in(client: Any, anna: Any, as_anna: Headers) -> None:
    assert client.get(f"{PREFIX}/tokens", headers=as_anna).status_code == 403
    headers = {"X-CSRF-Token": form_token(anna)}
    made = anna.post(f"{PREFIX}/tokens", json={"name": "lamp", "scopes": ["journal"]}, headers=headers)
    assert made.status_code == 201, made.text
    token = made.json["token"]
    assert get(client, {"Authorization": f"Bearer {token}"}, "/me").json["scopes"] == ["journal"]
    listed = anna.get(f"{PREFIX}/tokens").json["items"]
    assert "lamp" in [it["name"] for it in listed]
    assert "token" not in listed[0]
    assert anna.delete(f"{PREFIX}/tokens/{made.json['id']}", headers=headers).status_code == 204
    assert anna.delete(f"{PREFIX}/tokens/{made.json['id']}", headers=headers).status_code == 404
    get(client, {"Authorization": f"Bearer {token}"}, "/me", 401)
    for wrong in (
        b"",
        b"[]",
        b"{",
        b'{"name": 1}',
        b'{"name": "x", "scopes": ["root"]}',
        b'{"name":"\\u0000","scopes":["journal"]}',
    ):
        refused = anna.post(f"{PREFIX}/tokens", data=wrong, headers=headers)
        assert (refused.status_code, refused.content_type) == (400, "application/problem+json"), wrong
        assert "\n" not in refused.json["detail"]


def test_a_token_reaches_no_further_than_its_scope(client: Any) -> None:
    events = program(client.application, "anna", Scope.EVENTS)
    for address in ("/journal", "/groups", f"/calls/{call_id(0)}", f"/groups/{SALES}/journal"):
        get(client, events, address, 403)
    journal = program(client.application, "anna", Scope.JOURNAL)
    assert client.put(f"{PREFIX}/calls/{call_id(1)}/handled", headers=journal).status_code == 403


@pytest.mark.parametrize(
    ("query", "sentence"),
    [
        ("limit=0", "limit '0' is refused: 1 to 500 is accepted"),
        ("limit=%D9%A3", "limit '٣' is refused"),
        ("from=yesterday", "'yesterday' is not a time: 2026-11-22"),
        ("from=2026-11-22&until=2026-11-01", "is no period"),
        ("kind=lost", "kind 'lost' is refused: answered, answered_elsewhere, missed, not_signalled are accepted"),
        ("before=x", "before 'x' is refused: an id that the journal shows is accepted"),
        ("search=%00", "search '\\x00' is refused: printable characters are accepted"),
        ("search=%ED%A0%80", ""),
        ("search=" + "x" * 500, "is too long: at most 128 characters are accepted"),
        ("format=xml", "'format' 'xml' is refused: must be one of: json, csv"),
        ("order=caller", "'order' 'caller' is refused"),
        ("group=1%20OR%201=1", "'group' '1 OR 1=1' is refused: not a valid integer"),
        ("group=99999999999999999999", "'group' '99999999999999999999' is refused"),
        ("limit=1&limit=2", "limit is given more than once: one value is accepted"),
        ("sort=date", "there is no parameter 'sort': from, until,"),
    ],
)
def test_what_is_wrong_is_said_in_one_sentence(client: Any, as_anna: Headers, query: str, sentence: str) -> None:
    response = client.get(f"{PREFIX}/journal?{query}", headers=as_anna)
    if not sentence:
        assert response.status_code in (200, 400)
        return
    assert (response.status_code, response.content_type) == (400, "application/problem+json")
    told = response.json
    assert (told["type"], told["title"], told["status"]) == ("about:blank", "Bad Request", 400)
    assert sentence in told["detail"]
    assert len(told["detail"]) < 500


@pytest.mark.parametrize("search", ["%", "_", "\\", "'", '"', "--", "' OR 1=1 --", "?", "%s", "{0}", "\U0001f600", "ß"])
def test_no_character_of_a_search_means_anything_else(client: Any, as_anna: Headers, search: str) -> None:
    for name in ("search", "number"):
        response = client.get(f"{PREFIX}/journal", query_string={name: search}, headers=as_anna)
        assert (response.status_code, response.json["items"]) == (200, []), name


HOSTILE = (
    '=HYPERLINK("http://x")',
    "@SUM(A1)",
    "+1+1|cmd",
    "-2+3",
    "\t=1",
    "<script>alert(1)</script>",
    "\u202egnp.exe\u202c",
    'a,b;"c"\r\nd',
    "x" * 128,
    "\U0001f1e9\U0001f1ea",
)


def test_hostile_texts_come_through_as_they_are_and_no_cell_calculates(
    client: Any, as_anna: Headers, firm: peewee.Database
) -> None:
    for number, text in enumerate(HOSTILE):
        its_id = call_id(annas()[number])
        for column in ("caller_name", "caller_number", "group_name", "answered_by_name"):
            sql = f"UPDATE calls SET {column} = {firm.param} WHERE call_id = {firm.param}"
            execute(firm, sql, (text, its_id))
    told = get(client, as_anna, f"/journal?limit={len(HOSTILE)}")
    assert told.content_type == "application/json"
    assert [item["caller"]["name"] for item in told.json["items"]] == list(HOSTILE)
    rows = list(csv.reader(io.StringIO(get(client, as_anna, "/journal?format=csv").text, newline="")))
    heading = rows[0]
    for row, text in zip(rows[1:], HOSTILE, strict=False):
        cell = row[heading.index("caller_name")]
        assert cell.lstrip("'") == text.lstrip("'")
        assert not re.match(r"[=@\t\r]|[+-](?![0-9 ]*\Z)", cell)


def test_every_address_is_described_and_shown_to_people(client: Any) -> None:
    app = client.application
    described = {(rule.rule, method) for rule, method, _ in described_routes(app)}
    beside = {f"{PREFIX}/openapi.json", f"{PREFIX}/", f"{PREFIX}/events"}
    every = {
        (rule.rule, method)
        for rule in app.url_map.iter_rules()
        if rule.rule.startswith(PREFIX) and rule.rule not in beside
        for method in (rule.methods or set()) - {"HEAD", "OPTIONS"}
    }
    assert described == every
    told = client.get(f"{PREFIX}/openapi.json").json
    assert told["openapi"] == "3.1.0"
    assert {method for methods in told["paths"].values() for method in methods} >= {"get", "put", "delete", "post"}
    assert told["components"]["schemas"]["Call"]["properties"]["ended_at"]["type"] == ["string", "null"]
    page = client.get(f"{PREFIX}/", headers={"Accept": "text/html"})
    assert page.status_code == 200
    for path in told["paths"]:
        assert path in page.text
    assert "<script" not in page.text.replace('<script src="/static', "")


def test_the_rows_of_a_page_take_few_statements(
    client: Any, as_anna: Headers, as_chef: Headers, queries: list[str]
) -> None:
    for headers, address, most in (
        (as_anna, "/journal", 9),
        (as_anna, "/journal?search=m%C3%BCller", 9),
        (as_chef, f"/groups/{SALES}/journal", 9),
        (as_chef, f"/groups/{SALES}/statistics", 8),
        (as_anna, f"/calls/{call_id(0)}", 12),
    ):
        get(client, headers, address)
        queries.clear()
        get(client, headers, address)
        assert len(queries) <= most, queries
