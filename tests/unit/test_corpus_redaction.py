"""Secrets and people go, everything else stays, and no text can spell a special token."""

import random
import time

import pytest

from oremill.specs.corpus import Redaction
from pipeline_steps import sentinels
from pipeline_steps.corpus import credentials, redaction
from pipeline_steps.corpus.redaction import cut_apart, redact
from tests import planted

ALL = Redaction()
KINDS = [*planted.ISSUED, *planted.NAMED]
REPLACED = (sentinels.KEY, sentinels.PASSWORD)


SWITCHES = [name for name, one in Redaction.model_fields.items() if one.annotation is bool]


def only(**wanted: bool) -> Redaction:
    """Return rules with all switches off but those that are wanted."""
    return Redaction(**{name: wanted.get(name, False) for name in SWITCHES})


@pytest.mark.parametrize("kind", KINDS)
def test_planted_secrets_are_replaced(kind: str) -> None:
    missed = 0
    for text, secret in planted.secrets(kind, 40):
        found = redact(f"x = 1\n{text}\ny = 2\n", ALL)
        missed += planted.is_covered(secret, [found.text])
        assert found.text.startswith("x = 1\n") and found.text.endswith("\ny = 2\n")
    assert missed <= 4


def test_recall_over_all_kinds_is_above_95_percent() -> None:
    pairs = [pair for kind in KINDS for pair in planted.secrets(kind, 20)]
    missed = sum(planted.is_covered(secret, [redact(text, ALL).text]) for text, secret in pairs)
    assert len(KINDS) >= 40
    assert missed <= 0.05 * len(pairs)


@pytest.mark.parametrize("kind", planted.BENIGN)
def test_what_only_looks_random_stays(kind: str) -> None:
    for text in planted.benign(kind, 40):
        assert redact(text, ALL).text == text


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ('password = "{0}"', 'password = "<PASSWORD>"'),
        ("redis://:{0}@cache:6379", "redis://:<PASSWORD>@cache:6379"),
        ("machine a.io login bob password {0}\n", "machine a.io login bob password <PASSWORD>\n"),
        ("$ sshpass -p {0} ssh me", "$ sshpass -p <PASSWORD> ssh me"),
    ],
)
def test_passwords_have_a_placeholder_of_their_own(text: str, wanted: str) -> None:
    secret = planted.password(random.Random(1)).replace("#", "x")
    assert redact(text.format(secret), ALL).text == wanted


def test_a_right_checksum_makes_a_token_certain_though_it_looks_like_a_stand_in() -> None:
    chosen, found = random.Random(1), 0
    for _ in range(20):
        token = planted.with_crc("gh|p_")(chosen)
        found += bool(credentials.spans(f"t('{token}')"))
    assert found == 20


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("by Ann <ann.lee+x@corp.co.uk>.", "by Ann <<EMAIL>>."),
        ("mailto:ann@corp.io?x", "mailto:<EMAIL>?x"),
        ("a@b.org,c@d.org", "<EMAIL>,<EMAIL>"),
        ("ann@example.com and x@sub.example.org", "ann@example.com and x@sub.example.org"),
        ("git@github.com:a/b.git", "git@github.com:a/b.git"),
        ("icon@2x.png logo@big.png", "icon@2x.png logo@big.png"),
        ("@app.route('/x')\n@a.b", "@app.route('/x')\n@a.b"),
        ("import x from '@scope/pkg@1.2.3'", "import x from '@scope/pkg@1.2.3'"),
        ("m = a @ b.T", "m = a @ b.T"),
    ],
)
def test_addresses_of_people_go_and_others_stay(text: str, wanted: str) -> None:
    assert redact(text, ALL).text == wanted


@pytest.mark.parametrize(
    "text",
    [
        "host = '203.0.114.7'", "ping 52.95.110.1", "server 4.3.2.1 up", "http://18.194.2.33:80/",
        "connect('2a03:2880:f12f:83::25de')", "ip6 = 2607:f8b0:4005:805::200e",
    ],
)  # fmt: skip
def test_public_addresses_of_machines_become_private_ones(text: str) -> None:
    found = redact(text, ALL)
    assert found.addresses == 1 and found.text != text
    private = redaction.PRIVATE_IPV4 + redaction.PRIVATE_IPV6
    assert any(one in found.text for one in private)
    assert redact(f"{text}\n{text}", ALL).text == f"{found.text}\n{found.text}"


@pytest.mark.parametrize(
    "text",
    [
        "127.0.0.1 0.0.0.0 255.255.255.0 10.1.2.3 192.168.7.1 172.20.1.1 169.254.169.254",
        "dns 8.8.8.8 1.1.1.1 2001:4860:4860::8888", "host 192.0.2.15 and 2001:db8::1:2",
        "version = '4.12.10.33'", "pkg==21.10.33.44", "v1.2.3.4", "see 4.5.6.7 of the standard",
        "10.0.19041.1", "1.3.6.1.4.1.311", "oid '1.3.101.112'", "lib-2.31.12.44.so", "fe80::1:2:3",
        "a[2000::2]", "std::map<a::b>", "ff02::1:ff00:1", "12:34:56:78", "299.1.1.1", "01.02.03.04",
        "AssemblyVersion(\"14.20.31.44\")", "239.255.255.250",
    ],
)  # fmt: skip
def test_private_addresses_resolvers_and_versions_stay(text: str) -> None:
    assert redact(text, ALL).text == text


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        (" * @author Jane Doe\n", " * @author <NAME>\n"),
        ("# SPDX-FileCopyrightText: 2026 Jane Doe <", "# SPDX-FileCopyrightText: 2026 <NAME> <"),
        ("# Copyright (c) 2020 Jane Doe\n", "# Copyright (c) 2020 <NAME>\n"),
        ("// © 2019-2021, Jane M. Doe", "// © 2019-2021, <NAME>"),
        ("Copyright 2020 Jane Doe and John Roe.", "Copyright 2020 <NAME> and <NAME>."),
        ("Author: Jörg Müller <j@corp.de>", "Author: <NAME> <<EMAIL>>"),
        ("# Authors: Ann B. Lee, Bo van der Berg\n", "# Authors: <NAME>, <NAME>\n"),
        ("__author__ = 'Sam O'Neil'", "__author__ = '<NAME>'"),
        ('"author": "Jane Doe",', '"author": "<NAME>",'),
        ("# Written by Jane Doe, 2004", "# Written by <NAME>, 2004"),
        ("\\author Jane Doe", "\\author <NAME>"),
        ("Maintainer:  Jane Doe <jane@corp.io>", "Maintainer:  <NAME> <<EMAIL>>"),
    ],
)
def test_people_named_in_headers_become_a_placeholder(text: str, wanted: str) -> None:
    assert redact(text, ALL).text == wanted


@pytest.mark.parametrize(
    "text",
    [
        "# Copyright (c) 2020 Google LLC", "# Copyright 2019 The TensorFlow Authors.",
        "Copyright (c) 2020, Free Software Foundation, Inc.", "// Copyright 2020 Acme Labs",
        "@author jdoe", "Author: root", "author = Author.objects.get(Name='x')",
        "the files are created by PyTorch JIT tracing", "Copyright Notice And Terms",
        "(c) Each Party", "case (C): Return Value", "author: String! Title: Int",
    ],
)  # fmt: skip
def test_firms_single_words_and_code_stay(text: str) -> None:
    assert redact(text, ALL).text == text


@pytest.mark.parametrize("sentinel", sentinels.SPECIAL)
def test_text_cannot_spell_a_special_token(sentinel: str) -> None:
    nested = sentinel[:2] + sentinel + sentinel[2:]
    for text in (sentinel, f"a{sentinel}{sentinel}b", nested, f"<{sentinel}>"):
        cut = cut_apart(text)
        assert not any(one in cut for one in sentinels.SPECIAL)
        assert cut.replace(" ", "") == text
        assert redact(text, only()).text == cut


@pytest.mark.parametrize("placeholder", sentinels.PLACEHOLDERS)
@pytest.mark.parametrize(
    "text", ["<a>{0}</a>", "password = '{0}'", "u://me:{0}@h", "api_key={0}\n", "author: {0} Xy Zz"]
)
def test_placeholders_that_a_source_spells_are_left(placeholder: str, text: str) -> None:
    assert redact(text.format(placeholder), ALL).text == text.format(placeholder)


PIECES = [
    *("\n", " ", ", ", "password = '", "'", '"', "://me:", "@host.io", "Author: ", "Jane Doe"),
    *("Copyright (c) 2020 ", " and ", "@", "ann@corp.io", "52.95.110.1", "version ", "key: "),
    *("2a03:2880:f12f:83::25de", "server ", "api_key = \"", "sha1 ", "\u00e9", "<", ">"),
    "-----BEGIN " + planted.K + "-----",
    *sentinels.SENTINELS,
]  # fmt: skip


@pytest.mark.parametrize("seed", range(40))
def test_redaction_is_idempotent_and_never_cuts_a_placeholder(seed: int) -> None:
    chosen = random.Random(seed)
    for _ in range(25):
        parts = [chosen.choice(PIECES) for _ in range(chosen.randrange(1, 24))]
        for at in range(0, len(parts), 5):
            parts[at] += planted.secrets(chosen.choice(KINDS), 1)[0][0]
        text = "".join(parts)
        once = redact(text, ALL)
        assert redact(once.text, ALL) == redaction.Redacted(once.text)
        for placeholder in sentinels.PLACEHOLDERS:
            assert once.text.count(placeholder) >= text.count(placeholder)
        assert not any(one in once.text for one in sentinels.SPECIAL)


def test_each_kind_can_be_switched_off() -> None:
    chosen = random.Random(1)
    secrets = {
        "secrets": planted.ISSUED["npm"](chosen),
        "passwords": f"password = '{planted.password(chosen)}'",
        "emails": "ann@corp.io",
        "addresses": "host 52.95.110.1",
        "names": "@author Jane Doe",
    }
    assert set(secrets) == set(SWITCHES)
    text = "\n".join(secrets.values())
    for name, part in secrets.items():
        found = redact(text, only(**{name: True}))
        assert getattr(found, name) == 1 and part not in found.text
        assert all(other in found.text for key, other in secrets.items() if key != name)


def test_ordinary_code_is_left_byte_for_byte() -> None:
    text = "def token(self, key):\r\n\tsecret = self.passwords[key]\r\n\treturn secret\x0c\n"
    assert redact(text, ALL).text == text


def test_offsets_hold_after_letters_of_several_bytes() -> None:
    secret = planted.ISSUED["github"](random.Random(1))
    assert (
        redact(f"# größe → \U0001d6fc\nx = '{secret}'\n", ALL).text
        == "# größe → \U0001d6fc\nx = '<KEY>'\n"
    )


@pytest.mark.parametrize(
    "piece",
    [
        *("aws key ", "eyJ", "eyJaaaaaaaaaaaa.", "a://b:", "sk-", "token='", "secret = = ="),
        *("a@", "a@b.", "a.@b-", "<", " ", "1", "SG.", "12345678:AA", "1.2.", "20a0::", "2000:"),
        *("Copyright ", "(c) A B ", "@author Jane Doe, ", "Basic ", "key-", "password=x;"),
        *("private-lines: 1 ", "aws session_token=FQoG", "<token>a", "dp.", "machine a login b "),
        "-----BEGIN " + planted.K + "-----",
    ],
)  # fmt: skip
def test_no_text_makes_the_search_slow(piece: str) -> None:
    started = time.process_time()
    redact(piece * (200_000 // len(piece)), ALL)
    assert time.process_time() - started < 2  # seconds; the slowest takes 0.4 when linear
