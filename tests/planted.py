"""Secrets, addresses and names that are drawn at run time, and what only looks like them.

Assembled from pieces, so that no scanner takes this file for a leak. A kind is drawn in several
surroundings: a secret in a shell script has no quotes, one in JSON has other ones.
"""

import base64
import json
import random
import string
import uuid
import zlib
from collections.abc import Callable

Draw = Callable[[random.Random], str]

LETTERS = string.ascii_letters + string.digits
UPPER = string.ascii_uppercase + "234567"
CAPITALS = string.ascii_uppercase + string.digits
LOWER = string.ascii_lowercase + string.digits
URL = LETTERS + "-_"
HEX = "0123456789abcdef"


def drawn(alphabet: str, length: int, before: str = "", after: str = "") -> Draw:
    """Return a draw of `length` characters after and before constants; a `|` in the first goes."""
    head = before.replace("|", "")
    return lambda r: head + "".join(r.choice(alphabet) for _ in range(length)) + after


def joined(*parts: Draw | str) -> Draw:
    """Return a draw of several, one after the other; a `|` is left out."""
    return lambda r: "".join(
        part.replace("|", "") if isinstance(part, str) else part(r) for part in parts
    )


def uuid4(r: random.Random) -> str:
    return str(uuid.UUID(int=r.getrandbits(128), version=4))


def base64_of(length: int) -> Draw:
    return lambda r: base64.b64encode(r.randbytes(length)).decode()


def jwt(r: random.Random) -> str:
    def part(value: dict[str, object]) -> str:
        return base64.urlsafe_b64encode(json.dumps(value).encode()).decode().rstrip("=")

    head = part({"alg": "HS256", "typ": "JWT"})
    body = part({"sub": drawn(LETTERS, 20)(r), "iat": r.randrange(10**9)})
    return f"{head}.{body}.{drawn(URL, 43)(r)}"


def with_crc(prefix: str) -> Draw:
    """Return a token whose last six characters are the CRC-32 of those before them."""

    def make(r: random.Random) -> str:
        body = drawn(LETTERS, 30)(r)
        number, digits = zlib.crc32(body.encode()), ""
        alphabet = string.digits + string.ascii_uppercase + string.ascii_lowercase
        while number:
            number, digit = divmod(number, 62)
            digits = alphabet[digit] + digits
        return prefix.replace("|", "") + body + digits.rjust(6, "0")

    return make


def pem(label: str) -> Draw:
    def make(r: random.Random) -> str:
        body = base64.b64encode(r.randbytes(600)).decode()
        lines = "\n".join(body[at : at + 64] for at in range(0, len(body), 64))
        return f"-----BEGIN {label}-----\n{lines}\n-----END {label}-----"

    return make


def password(r: random.Random) -> str:
    """Return what a password manager makes: 14 characters, one of each kind."""
    kinds = (string.ascii_lowercase, string.ascii_uppercase, string.digits, "!#%&*+?^")
    chars = [r.choice(kind) for kind in kinds] + [r.choice(LETTERS) for _ in range(10)]
    r.shuffle(chars)
    return r.choice(string.ascii_letters) + "".join(chars)


# Surroundings for what an issuer's format alone tells.
ANYWHERE = (
    'client = Client("{0}")\n',
    "export THING={0}\n",
    "  thing: {0}\n",
    '{{"thing": "{0}", "n": 1}}',
    "// left here: {0} (old)\n",
    "curl -H 'X-Thing: {0}' https://host/\n",
    "x = f('{0}', 2)\n",
)
K = "PRIVATE " + "KEY"
ISSUED: dict[str, Draw] = {
    "aws key id": drawn(UPPER, 16, "AK|IA"),
    "aws temporary id": drawn(UPPER, 16, "AS|IA"),
    "aws bedrock": joined("AB|SK", drawn(LETTERS, 128)),
    "aws mws": joined("amzn.|mws.", uuid4),
    "google api": drawn(URL, 35, "AI|za"),
    "google oauth secret": drawn(URL, 28, "GOC|SPX-"),
    "google oauth token": drawn(URL, 120, "ya|29."),
    "azure client secret": joined(drawn(LETTERS, 3), "8Q~", drawn(LETTERS, 34)),
    "azure storage": joined("Account|Key=", base64_of(64)),
    "alibaba": drawn(LETTERS, 20, "LT|AI"),
    "digital ocean": drawn(HEX, 64, "dop_|v1_"),
    "databricks": drawn(HEX, 32, "da|pi"),
    "vault": drawn(URL, 90, "hv|s."),
    "terraform": joined(drawn(LETTERS, 14), ".atlas|v1.", drawn(URL, 67)),
    "pulumi": drawn(HEX, 40, "pu|l-"),
    "doppler": drawn(LETTERS, 43, "dp.|pt."),
    "planetscale": drawn(LETTERS, 43, "pscale_|tkn_"),
    "tailscale": joined("ts|key-auth-", drawn(LETTERS, 12), "-", drawn(LETTERS, 32)),
    "heroku": joined("HRK|U-", uuid4),
    "github": drawn(LETTERS, 36, "gh|p_"),
    "github with checksum": with_crc("gh|o_"),
    "github fine-grained": joined("github_|pat_", drawn(LETTERS, 22), "_", drawn(LETTERS, 59)),
    "gitlab": drawn(URL, 20, "gl|pat-"),
    "gitlab runner": drawn(URL, 20, "gl|rt-"),
    "atlassian": drawn(URL, 186, "ATA|TT3", "=1A2B3C4D"),
    "bitbucket": drawn(LETTERS, 32, "AT|BB"),
    "docker hub": drawn(URL, 27, "dckr_|pat_"),
    "npm": drawn(LETTERS, 36, "np|m_"),
    "npm with checksum": with_crc("np|m_"),
    "pypi": drawn(URL, 150, "pypi-|AgEIcHlwaS5vcmc"),
    "rubygems": drawn(HEX, 48, "ruby|gems_"),
    "crates.io": drawn(LETTERS, 32, "ci|o"),
    "nuget": drawn(LOWER, 43, "oy|2"),
    "artifactory": drawn(LETTERS, 69, "AK|Cp"),
    "sonar": drawn(HEX, 40, "sq|p_"),
    "stripe": drawn(LETTERS, 24, "sk_|live_"),
    "stripe restricted": drawn(LETTERS, 99, "rk_|live_"),
    "square": drawn(URL, 22, "sq0|atp-"),
    "razorpay": drawn(LETTERS, 14, "rzp_|live_"),
    "shopify": drawn(HEX, 32, "shp|at_"),
    "braintree": joined("access_|token$production$", drawn(LOWER, 16), "$", drawn(HEX, 32)),
    "slack bot": joined(
        "xox|b-", drawn(string.digits, 12), "-", drawn(string.digits, 12), "-", drawn(LETTERS, 24)
    ),
    "slack app": joined("xa|pp-1-A", drawn(CAPITALS, 10), "-", drawn("123456789", 13), "-",
                        drawn(HEX, 64)),
    "slack hook": joined("https://hooks.|slack.com/services/T", drawn(CAPITALS, 8), "/B",
                         drawn(CAPITALS, 8), "/", drawn(LETTERS, 24)),
    "discord hook": joined("https://dis|cord.com/api/webhooks/", drawn("123456789", 18), "/",
                           drawn(URL, 68)),
    "telegram": joined(drawn("123456789", 10), ":A|A", drawn(URL, 33)),
    "twilio": drawn(HEX, 32, "S|K"),
    "sendgrid": joined("S|G.", drawn(URL, 22), ".", drawn(URL, 43)),
    "mailgun": drawn(HEX, 32, "ke|y-"),
    "mailchimp": drawn(HEX, 32, "", "-us12"),
    "brevo": joined("xkey|sib-", drawn(HEX, 64), "-", drawn(LETTERS, 16)),
    "openai": joined("s|k-", drawn(LETTERS, 20), "T3Blbk|FJ", drawn(LETTERS, 20)),
    "openai project": joined("s|k-proj-", drawn(URL, 74), "T3Blbk|FJ", drawn(LETTERS, 73), "a"),
    "anthropic": drawn(URL, 93, "sk-|ant-api03-", "AA"),
    "hugging face": drawn(LETTERS, 34, "h|f_"),
    "groq": drawn(LETTERS, 52, "gs|k_"),
    "replicate": drawn(LETTERS, 37, "r|8_"),
    "nvidia": drawn(URL, 64, "nv|api-"),
    "airtable": joined("pa|t", drawn(LETTERS, 14), ".", drawn(HEX, 64)),
    "figma": drawn(URL, 40, "fig|d_"),
    "linear": drawn(LETTERS, 40, "lin_|api_"),
    "grafana": joined("gl|sa_", drawn(LETTERS, 32), "_", drawn(HEX, 8)),
    "new relic": drawn(CAPITALS, 27, "NR|AK-"),
    "notion": drawn(LETTERS, 46, "nt|n_"),
    "postman": joined("PM|AK-", drawn(HEX, 24), "-", drawn(HEX, 34)),
    "sentry": drawn(HEX, 64, "sntr|yu_"),
    "hubspot": joined("pa|t-na1-", uuid4),
    "mapbox": joined("s|k.eyJ1Ijoi", drawn(LETTERS, 60), ".", drawn(URL, 22)),
    "jwt": jwt,
    "rsa key": pem("RSA " + K),
    "pkcs8 key": pem(K),
    "openssh key": pem("OPENSSH " + K),
    "pgp key": pem("PGP " + K + " BLOCK"),
    "age key": drawn(CAPITALS, 58, "AGE-|SECRET-KEY-1"),
}  # fmt: skip

# What only its surroundings tell.
NAMED: dict[str, tuple[tuple[str, ...], Draw]] = {
    "aws secret": (
        ("aws_secret_access_key = {0}\n", 'AWS_SECRET = "{0}"\n', '"secretAccessKey": "{0}"'),
        drawn(LETTERS + "/+", 40),
    ),
    "basic-auth url": (
        ("postgres://admin:{0}@db.internal:5432/x", "url = 'https://bob:{0}@git.corp.io/r.git'",
         "REDIS_URL=redis://:{0}@cache:6379/0\n", "amqp://svc:{0}@mq/vhost", "mongodb+srv://u:{0}@c.net"),
        drawn(LETTERS, 16),
    ),
    "connection string": (
        ('"Server=db1;Database=x;User Id=sa;Password={0};"', '"Data Source=h;uid=me;pwd={0}"'),
        password,
    ),
    "api key": (
        ('api_key = "{0}"', "  apiKey: '{0}',", "API_KEY={0}\n", "X_API_KEY: {0}\n",
         'String apiKey = "{0}";', '<ApiKey>{0}</ApiKey>', 'const apiKey: string = "{0}"',
         'define("API_KEY", "{0}");', 'setApiKey("{0}")', '<add key="ApiKey" value="{0}" />'),
        drawn(LETTERS, 32),
    ),
    "hexadecimal secret": (
        ("'client_secret': '{0}'", 'SECRET_KEY = "{0}"', "export APP_SECRET={0}\n",
         'signing_secret => "{0}"', "secret_key_base: {0}\n"),
        drawn(HEX, 40),
    ),
    "access token": (
        ('access_token = "{0}"', '"authToken": "{0}"', "TOKEN={0}\n", 'token := "{0}"'),
        drawn(URL, 40),
    ),
    "password": (
        ("db_password: '{0}'", 'password = "{0}"', 'String PASSWORD = "{0}";', '"passwd": "{0}"',
         "<password>{0}</password>", "MYSQL_PASSWORD={0}\n", "password: {0}\n", "$pwd = '{0}';",
         "define('DB_PASSWORD', '{0}');", 'login("bob", password="{0}")', "spring.password={0}\n"),
        password,
    ),
    "netrc": (("machine api.host.io\n login bob\n password {0}\n",), password),
    "command line": (
        ("curl -u bob:{0} https://host/\n", "sshpass -p '{0}' ssh bob@host\n",
         "tool --password={0} run\n"),
        drawn(LETTERS + "!#%+", 14),
    ),
    "basic header": (
        ("Authorization: Basic {0}\n", "headers = {{'Authorization': 'Basic {0}'}}",
         '{{"auths": {{"registry.io": {{"auth": "{0}"}}}}}}'),
        lambda r: base64.b64encode(f"bob:{password(r)}".encode()).decode(),
    ),
    "bearer header": (
        ("curl -H 'Authorization: Bearer {0}' https://host/", 'auth = "Bearer {0}"'),
        drawn(URL, 40),
    ),
    "web key": (('{{"kty":"EC","x":"f83OJ3D2","d":"{0}"}}',), drawn(URL, 43)),
}  # fmt: skip

BENIGN: dict[str, Draw] = {
    "uuid": lambda r: f"token = '{uuid4(r)}'",
    "uuid key": lambda r: f'"api_key_id": "{uuid4(r)}", secret: "{uuid4(r)}"',
    "git hash": lambda r: f"commit {drawn(HEX, 40)(r)}",
    "checksum": lambda r: f"sha256_key = '{drawn(HEX, 64)(r)}'",
    "checksum in a list": lambda r: f"    --hash=sha256:{drawn(HEX, 64)(r)}",
    "integrity": lambda r: f'"integrity": "sha512-{base64_of(64)(r)}"',
    "go.sum": lambda r: f"github.com/a/b v1.2.3 h1:{base64_of(32)(r)}\n",
    "cargo lock": lambda r: f'checksum = "{drawn(HEX, 64)(r)}"',
    "base64 data": lambda r: f"IMAGE = '{base64_of(90)(r)}'",
    "data url": lambda r: f"src='data:image/png;base64,{base64_of(300)(r)}'",
    "placeholder": lambda r: f"api_key = 'YOUR_API_KEY_{r.randrange(10)}'",
    "placeholder x": lambda r: f"AKIA{'X' * 16} token='{'x' * r.randrange(16, 40)}'",
    "changeme": lambda r: f"password: 'changeme{r.randrange(100)}'",
    "documented": lambda r: "aws_secret_access_key = wJalrXUtnFEMI/K7MDENG/bPxRfiCYEX" + "AMPLEKEY",
    "environment": lambda r: f"password = os.environ['PASSWORD_{r.randrange(10)}']",
    "shell variable": lambda r: (
        f"API_KEY=${{API_KEY_{r.randrange(10)}}}\n"
        f"TOKEN=$TOKEN_{r.randrange(9)}\n"
    ),
    "template": lambda r: (
        f"secret: '${{SECRET_{r.randrange(10)}}}' key:"
        f" {{{{ .Values.key{r.randrange(9)} }}}}"
    ),
    "actions": lambda r: f"token: ${{{{ secrets.TOKEN_{r.randrange(10)} }}}}",
    "words": lambda r: "password = 'correct horse battery staple'",
    "identifiers": lambda r: (
        f"secret_key = 'my_secret_name_{r.randrange(99)}';"
        f" token='bos-token-v{r.randrange(9)}'"
    ),
    "path": lambda r: f"key_file = '/etc/ssl/private/host{r.randrange(99)}.key'",
    "code": lambda r: f"token = tokens[{r.randrange(99)}].value  # the secret of parsing",
    "code about keys": lambda r: (
        f"a.startswith('-----BEGIN {K}-----')\n{'x(1)' * 20}\n'-----END {K}-----'"
    ),
    "public key": pem("PUBLIC KEY"),
    "certificate": pem("CERTIFICATE"),
    "ssh public key": lambda r: f"ssh-rsa AAAAB3NzaC1yc2E{drawn(LETTERS, 200)(r)} me@host",
    "url": lambda r: f"https://user:password@host{r.randrange(9)}.com/",
    "url of a template": lambda r: f"postgres://{{user}}:{{password}}@host{r.randrange(9)}/db",
    "test vector": lambda r: f"key = bytes.fromhex('{drawn(HEX, 64)(r)}')",
    "sequence": lambda r: "secret_key = '000102030405060708090a0b0c0d0e0f'",
    "colour and version": lambda r: f"key: '#{drawn(HEX, 6)(r)}'; token = '1.{r.randrange(99)}.0'",
    "date": lambda r: f"token = '2024-05-{r.randrange(10, 28)}T10:00:00Z'",
    "html": lambda r: f'<input type="password" id="password-{r.randrange(99)}" name="password">',
    "dictionary": lambda r: (
        f"{{'keyboard': 'qwertz{r.randrange(9)}',"
        f" 'tokenizer': 'bert-base-v{r.randrange(9)}'}}"
    ),
    "documented jwt": lambda r: (
        "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJzdWIiOiIxMjM0NTY3ODkwIiwibmFtZSI6IkpvaG4gRG9lI"
        "iwiaWF0IjoxNTE2MjM5MDIyfQ.SflKxwRJSMeKKF2QT4fwpMeJf36POk6yJV_adQssw5c"
    ),
}  # fmt: skip


def is_covered(secret: str, found: list[str]) -> bool:
    """Return whether one of the found strings holds what may not stay of a secret.

    Ends may stay: a prefix of the issuer, the address of a hook, the frame of a private key.
    """
    core = secret[len(secret) * 6 // 10 : len(secret) * 9 // 10]
    return any(core in one for one in found)


def secrets(kind: str, count: int) -> list[tuple[str, str]]:
    """Return `count` pairs of a text and the secret planted in it."""
    chosen = random.Random(kind)
    templates, draw = NAMED.get(kind) or (ANYWHERE, ISSUED[kind])
    pairs = ((chosen.choice(templates), draw(chosen)) for _ in range(count))
    return [(template.format(secret), secret) for template, secret in pairs]


def benign(kind: str, count: int) -> list[str]:
    """Return `count` texts without a secret."""
    chosen = random.Random(kind)
    return [BENIGN[kind](chosen) for _ in range(count)]
