"""YAML files: text with lines, and a sentence for everything else."""

from __future__ import annotations

import contextlib
from pathlib import Path

import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from esl_huntgroup.errors import InputError
from esl_huntgroup.provisioning import yamlfile
from esl_huntgroup.provisioning.yamlfile import read_yaml


@pytest.fixture(params=["libyaml", "python"], autouse=True)
def parser(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Run every test with both parsers of PyYAML."""
    if request.param == "python":
        monkeypatch.setattr(yamlfile, "_PARSER", yaml.BaseLoader)


def written(tmp_path: Path, content: str | bytes) -> Path:
    path = tmp_path / "f.yaml"
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return path


def test_every_scalar_is_the_text_it_is(tmp_path: Path) -> None:
    path = written(tmp_path, "a: 0700\nb: no\nc: 1_000\nd: ~\ne:\nf: 'x'\ng: [1e3, {h: 2024-01-01}]\n")
    assert read_yaml(path).plain() == {
        **{"a": "0700", "b": "no", "c": "1_000", "d": "~", "e": "", "f": "x"},
        "g": ["1e3", {"h": "2024-01-01"}],
    }


def test_a_byte_order_mark_is_no_text(tmp_path: Path) -> None:
    assert read_yaml(written(tmp_path, b"\xef\xbb\xbfa: \xc3\xbc\n")).plain() == {"a": "ü"}


def test_every_value_knows_its_line(tmp_path: Path) -> None:
    node = read_yaml(written(tmp_path, "users:\n  - name: anna\n    lines:\n      - 101\n      - x: 1\n"))
    assert node.at(("users", 0, "name")).line == 2
    assert node.at(("users", 0, "lines", 0)).line == 4
    assert node.at(("users", 0, "lines", 1, "x")).line == 5
    assert node.at(("users", 0, "lines", 1, "missing", 3)).line == 5
    assert node.at(("users", 7)).line == 2


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        ("", " is empty: the keys 'users' and 'groups' are accepted"),
        ("# nothing\n", " is empty: the keys 'users' and 'groups' are accepted"),
        ("a: 1\nb: 2\na: 3\n", ", line 3: the key 'a' stands there twice: each key is accepted once"),
        ("a: &x 1\nb: *x\n", ", line 2: '*x' is an alias: write the value out"),
        ("a: &x [1]\n<<: *x\n", ", line 2: '*x' is an alias: write the value out"),
        ("a: !run x\n", ", line 1: '!run' is a tag: plain values are accepted"),
        ("a: !!int 1\n", ", line 1: 'tag:yaml.org,2002:int' is a tag: plain values are accepted"),
        ("a: 1\n---\nb: 1\n", ", line 2: a second document starts: one document is accepted"),
        ("[1, 2]: x\n", ", line 1: a key is missing: text before the ':' is accepted"),
        ("[" * 100 + "]" * 100, ", line 1: values are nested more than 16 deep"),
        ("a: \x00\n", ", line 1: a control character stands there: only text is accepted"),
        ("a: 1\nb: \x1b\n", ", line 2: a control character stands there: only text is accepted"),
        (b"a: 1\nb: \xff\n", ", line 2: byte 0xff is not UTF-8: UTF-8 is accepted"),
        ("a: 1\n".encode("utf-16"), ", line 1: byte 0xff is not UTF-8: UTF-8 is accepted"),
    ],
)  # fmt: skip
def test_what_is_not_accepted_is_one_sentence(tmp_path: Path, content: str | bytes, sentence: str) -> None:
    path = written(tmp_path, content)
    with pytest.raises(InputError) as refused:
        read_yaml(path)
    assert str(refused.value) == f"{path}{sentence}"


@pytest.mark.parametrize(
    "content", ["a:\n\t- 1\n", "a: [1\n", 'a: "1\n', "a: b: c\n", "- 1\na: 2\n", "%YAML 9.9\n", "@x"]
)
def test_what_is_no_yaml_is_one_sentence_with_a_line(tmp_path: Path, content: str) -> None:
    path = written(tmp_path, content)
    with pytest.raises(
        InputError, match=r"line \d: this is not YAML \(.*\): see db/examples for how it looks$"
    ) as refused:
        read_yaml(path)
    assert "\n" not in str(refused.value)


def test_a_file_that_is_not_there_a_directory_and_a_huge_one_are_one_sentence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(InputError, match=r"none.yaml cannot be read: No such file or directory$"):
        read_yaml(tmp_path / "none.yaml")
    with pytest.raises(InputError, match=r"cannot be read: Is a directory$"):
        read_yaml(tmp_path)
    monkeypatch.setattr(yamlfile, "FILE_MAX_BYTES", 1024 * 1024)
    with pytest.raises(InputError, match=r"is too large: at most 1 MiB are accepted$"):
        read_yaml(written(tmp_path, b"#" * (1024 * 1024 + 1)))


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=300)
@given(st.binary(max_size=40) | st.text(alphabet="ab:-[]{}*&!'\"\n ,#|>%@\t?", max_size=40).map(str.encode))
def test_every_file_is_read_or_refused(tmp_path: Path, content: bytes) -> None:
    with contextlib.suppress(InputError):
        read_yaml(written(tmp_path, content)).plain()
