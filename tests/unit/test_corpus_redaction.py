"""Secrets and addresses go, everything else stays, and no text can spell a special token."""

import base64
import random
import string
import time
import uuid
from collections.abc import Callable

import pytest

from oremill.specs.corpus import Redaction
from pipeline_steps import sentinels
from pipeline_steps.corpus.redaction import cut_apart, redact

ALL = Redaction()
LETTERS, UPPER = string.ascii_letters + string.digits, string.ascii_uppercase + "234567"
HEX = "0123456789abcdef"


def drawn(chosen: random.Random, alphabet: str, length: int) -> str:
    return "".join(chosen.choice(alphabet) for _ in range(length))


def jwt(r: random.Random) -> str:
    return f"eyJ{drawn(r, LETTERS, 30)}.eyJ{drawn(r, LETTERS, 60)}.{drawn(r, LETTERS, 43)}"


# Text around a planted secret, and how the secret is drawn: at run time, so that no scanner takes
# this file for a leak.
SECRETS: dict[str, tuple[str, Callable[[random.Random], str]]] = {
    "aws id": ("key_id = '{0}'", lambda r: "AKI" + "A" + drawn(r, UPPER, 16)),
    "aws secret": ("aws_secret_access_key={0}\n", lambda r: drawn(r, LETTERS + "/+", 40)),
    "github": ("https://x:{0}@github.com/a", lambda r: "gh" + "p_" + drawn(r, LETTERS, 36)),
    "gitlab": ("TOKEN={0}", lambda r: "glpat" + "-" + drawn(r, LETTERS, 20)),
    "slack": ("send('{0}')", lambda r: f"xoxb-{drawn(r, '123', 12)}-{drawn(r, LETTERS, 24)}"),
    "stripe": ("stripe.key = '{0}'", lambda r: "sk_" + "live_" + drawn(r, LETTERS, 24)),
    "google": ("key={0}&x=1", lambda r: "AI" + "za" + drawn(r, LETTERS, 35)),
    "openai": ("OpenAI('{0}')", lambda r: "s" + "k-" + drawn(r, LETTERS, 48)),
    "hugging face": ("login('{0}')", lambda r: "h" + "f_" + drawn(r, string.ascii_letters, 34)),
    "npm": ("//registry/:_authToken={0}", lambda r: "npm" + "_" + drawn(r, LETTERS, 36)),
    "sendgrid": ("SG('{0}')", lambda r: f"SG.{drawn(r, LETTERS, 22)}.{drawn(r, LETTERS, 43)}"),
    "telegram": ("Bot('{0}')", lambda r: f"{drawn(r, '123456789', 9)}:AA{drawn(r, LETTERS, 33)}"),
    "jwt": ("Authorization: Bearer {0}\n", jwt),
    "private key": (
        "-----BEGIN RSA PRIVATE " + "KEY-----\n{0}\n-----END RSA PRIVATE KEY-----",
        lambda r: base64.b64encode(r.randbytes(300)).decode(),
    ),
    "url": ("postgres://admin:{0}@db.internal:5432/x", lambda r: drawn(r, LETTERS, 16)),
    "generic": ("api_key = \"{0}\"", lambda r: drawn(r, LETTERS, 32)),
    "hexadecimal": ("'client_secret': '{0}'", lambda r: drawn(r, HEX, 40)),
    "password": ("db_password: '{0}'", lambda r: drawn(r, LETTERS + "!#%&*", 14)),
}  # fmt: skip

BENIGN: dict[str, Callable[[random.Random], str]] = {
    "uuid": lambda r: f"token = '{uuid.UUID(int=r.getrandbits(128))}'",
    "git hash": lambda r: f"commit {drawn(r, HEX, 40)}",
    "checksum": lambda r: f"sha256_key = '{drawn(r, HEX, 64)}'",
    "integrity": lambda r: f'"integrity": "sha512-{drawn(r, LETTERS, 86)}=="',
    "base64 data": lambda r: f"IMAGE = '{base64.b64encode(r.randbytes(90)).decode()}'",
    "placeholder": lambda r: f"api_key = 'YOUR_API_KEY_{r.randrange(10)}'",
    "environment": lambda r: f"password = os.environ['PASSWORD_{r.randrange(10)}']",
    "template": lambda r: f"secret: '${{SECRET_{r.randrange(10)}}}'",
    "words": lambda r: "password = 'correct horse battery staple'",
    "code": lambda r: f"token = tokens[{r.randrange(99)}].value  # the secret of parsing",
    "code about keys": lambda r: (
        "a.startswith('-----BEGIN PRIVATE " + f"KEY-----')\n{'x(1)' * 20}\n'-----END PRIVATE KEY'"
    ),
    "url": lambda r: f"https://user:password@host{r.randrange(9)}.com/",
}


@pytest.mark.parametrize("kind", SECRETS)
def test_planted_secrets_are_replaced(kind: str) -> None:
    template, make = SECRETS[kind]
    chosen = random.Random(kind)
    for _ in range(20):
        secret = make(chosen)
        found = redact(f"x = 1\n{template.format(secret)}\ny = 2\n", ALL)
        assert secret not in found.text and sentinels.KEY in found.text
        assert found.text.startswith("x = 1\n") and found.text.endswith("\ny = 2\n")
        assert found.secrets == 1


def test_recall_on_planted_secrets_is_above_95_percent() -> None:
    chosen, missed = random.Random(7), 0
    for template, make in SECRETS.values():
        for _ in range(20):
            secret = make(chosen)
            missed += secret in redact(template.format(secret), ALL).text
    assert missed <= 0.05 * 20 * len(SECRETS)


@pytest.mark.parametrize("kind", BENIGN)
def test_what_only_looks_random_stays(kind: str) -> None:
    chosen = random.Random(kind)
    for _ in range(20):
        text = BENIGN[kind](chosen)
        assert redact(text, ALL).text == text


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


@pytest.mark.parametrize("sentinel", sentinels.SENTINELS)
def test_text_cannot_spell_a_special_token(sentinel: str) -> None:
    nested = sentinel[:2] + sentinel + sentinel[2:]
    for text in (sentinel, f"a{sentinel}{sentinel}b", nested, f"<{sentinel}>"):
        cut = cut_apart(text)
        assert not any(one in cut for one in sentinels.SENTINELS)
        assert cut.replace(" ", "") == text
        assert redact(text, Redaction(secrets=False, emails=False)).text == cut


def test_each_kind_can_be_switched_off() -> None:
    secret = SECRETS["npm"][1](random.Random(1))
    text = f"{secret} ann@corp.io"
    assert redact(text, Redaction(secrets=False)).text == f"{secret} <EMAIL>"
    assert redact(text, Redaction(emails=False)).text == "<KEY> ann@corp.io"


def test_ordinary_code_is_left_byte_for_byte() -> None:
    text = "def token(self, key):\r\n\tsecret = self.passwords[key]\r\n\treturn secret\x0c\n"
    assert redact(text, ALL).text == text


@pytest.mark.parametrize(
    "piece",
    [
        *("aws key ", "eyJ", "eyJaaaaaaaaaaaa.", "a://b:", "sk-", "token='", "secret = = ="),
        *("a@", "a@b.", "a.@b-", "<", " ", "1", "SG.", "12345678:AA"),
        "-----BEGIN PRIVATE " + "KEY-----",
    ],
)
def test_no_text_makes_the_search_slow(piece: str) -> None:
    started = time.process_time()
    redact(piece * (200_000 // len(piece)), ALL)
    assert time.process_time() - started < 2  # seconds; the slowest takes 0.2 when linear
