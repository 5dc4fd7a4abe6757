"""Who asked to be left out is, however they spelt it."""

import time

import pytest

from oremill.specs.corpus import OptOut
from pipeline_steps.corpus.optout import OptOuts
from pipeline_steps.errors import UserError


@pytest.mark.parametrize(
    ("entry", "repository", "path", "reason"),
    [
        ("owner/name", "owner/name", "a.py", "repository"),
        ("Owner/NAME", "owner/Name", "a.py", "repository"),
        ("owner/name", "github.com/owner/name", "a.py", "repository"),
        ("owner/name", "owner/name/sub", "a.py", "repository"),
        ("owner/name", "owner/name2", "a.py", ""),
        ("owner/name", "anowner/name", "a.py", ""),
        ("owner/name/", "owner/name", "a.py", "repository"),
        ("/owner/name", "owner/name", "a.py", "repository"),
        ("owner/", "owner/any", "a.py", "repository"),
        ("name", "owner/name", "a.py", "repository"),
        ("https://github.com/owner/name.git", "owner/name", "a.py", "repository"),
        ("https://user:key@host/owner/name", "owner/name", "a.py", "repository"),
        ("git@host:owner/name.git", "owner/name", "a.py", "repository"),
        ("owner/name-*", "owner/name-1.0.2", "a.py", "repository"),
        ("owner/*-fork", "host/owner/a-fork", "a.py", "repository"),
        ("owner/*-fork", "owner/a/b-fork", "a.py", ""),
        ("owner/n?me", "owner/name", "a.py", "repository"),
        ("**/name", "a/b/name", "a.py", "repository"),
        ("owner/name:src/", "owner/name", "src/a.py", "part"),
        ("owner/name:SRC/*.py", "owner/name", "src/a.py", "part"),
        ("owner/name:src/", "owner/name", "lib/a.py", ""),
        ("owner/name:src/", "owner/other", "src/a.py", ""),
        ("owner/*:src/", "owner/other", "src/a.py", "part"),
        ("https://github.com/owner/name:/top.py", "owner/name", "a/top.py", ""),
        ("  owner/name  ", "owner/name", "a.py", "repository"),
        ("# owner/name", "owner/name", "a.py", ""),
        ("", "owner/name", "a.py", ""),
    ],
)  # fmt: skip
def test_an_entry_of_the_list_names(entry: str, repository: str, path: str, reason: str) -> None:
    assert OptOuts(OptOut(), [entry]).of(repository).reason(path) == reason
    if entry.strip() and not entry.startswith("#"):
        rules = OptOut(repositories=[entry])
        assert OptOuts(rules).of(repository).reason(path) == reason


@pytest.mark.parametrize(
    ("pattern", "path", "left_out"),
    [
        ("*.pem", "a/b/key.PEM", True),
        ("secret/", "a/secret/b.py", True),
        ("secret/", "a/secret", False),
        ("/secret/", "a/secret/b.py", False),
        ("a/*/c.py", "a/b/c.py", True),
        ("a/*/c.py", "a/b/b/c.py", False),
        ("a/**/c.py", "a/b/b/c.py", True),
    ],
)
def test_a_path_is_left_out_of_every_repository(pattern: str, path: str, left_out: bool) -> None:
    found = OptOuts(OptOut(paths=[pattern])).of("any/one").reason(path)
    assert found == ("path" if left_out else "")


@pytest.mark.parametrize(
    ("rules", "listed", "said"),
    [
        (OptOut(paths=["!a"]), [], r"spec\.optOut\.paths: '!a' takes back"),
        (OptOut(paths=["\\"]), [], r"spec\.optOut\.paths: .*\.gitignore"),
        (OptOut(repositories=["/"]), [], r"spec\.optOut\.repositories: '/' names no repository"),
        (OptOut(), ["a", "", "b:!c"], r"spec\.optOut\.key: line 3: '!c' takes back"),
        (OptOut(), [":a"], r"spec\.optOut\.key: line 1: ':a' names no repository"),
    ],
)
def test_an_entry_that_cannot_be_meant_is_the_users_to_mend(
    rules: OptOut, listed: list[str], said: str
) -> None:
    with pytest.raises(UserError, match=said):
        OptOuts(rules, listed)


def test_a_long_list_costs_no_more_than_a_short_one() -> None:
    found = OptOuts(OptOut(), (f"owner{number}/name" for number in range(100_000)))
    start = time.process_time()
    refused = [found.of(f"owner{number}/name").whole for number in range(99_000, 101_000)]
    assert sum(refused) == 1000
    assert time.process_time() - start < 2
