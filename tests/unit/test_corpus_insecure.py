"""Each insecure pattern is found, its safe twin is not, and the policy decides by severity."""

import random
import time

import pytest

from oremill.specs.corpus import Insecure
from pipeline_steps.corpus import insecure
from tests import planted

PHP = "<?php\n"
# rule -> (an insecure snippet, its safe twin)
TWINS: dict[str, dict[str, tuple[str, str]]] = {
    "Python": {
        "sql-injection": (
            'cur.execute(f"SELECT * FROM t WHERE id = {x}")',
            'cur.execute("SELECT * FROM t WHERE id = %s", (x,))',
        ),
        "shell-injection": ('os.system("ls " + path)', 'subprocess.run(["ls", path])'),
        "shell-of-variable": (
            "subprocess.run(command, shell=True)",
            "subprocess.run('make', shell=True)",
        ),
        "unsafe-yaml": ("yaml.load(text)", "yaml.load(text, Loader=yaml.SafeLoader)"),
        "unsafe-deserialisation": ("pickle.load(file)", "json.load(file)"),
        "deserialised-input": ("pickle.loads(request.data)", "json.loads(request.data)"),
        "eval-of-input": ("eval(input('? '))", "ast.literal_eval(input('? '))"),
        "eval": ("eval(expression)", "model.eval()"),
        "weak-hash": ("hashlib.md5(data)", "hashlib.md5(data, usedforsecurity=False)"),
        "hashed-password": (
            "hashlib.sha256(password.encode())",
            "hashlib.scrypt(password, salt=s, n=16384, r=8, p=1)",
        ),
        "weak-cipher": ("AES.new(key, AES.MODE_ECB)", "AES.new(key, AES.MODE_GCM)"),
        "tls-unverified": (
            "requests.get(url, verify=False)",
            "requests.get(url, verify='ca.pem')",
        ),
        "path-traversal": (
            "open(request.args['name'])",
            "open(safe_join(root, request.args['name']))",
        ),
        "archive-traversal": ("tar.extractall(path)", "tar.extractall(path, filter='data')"),
        "xxe": (
            "etree.XMLParser(resolve_entities=True)",
            "etree.XMLParser(resolve_entities=False)",
        ),
        "jwt-unverified": (
            "jwt.decode(t, options={'verify_signature': False})",
            "jwt.decode(t, key, algorithms=['HS256'])",
        ),
        "guessable-secret": ("token = random.randint(0, 9)", "token = secrets.token_hex(16)"),
        "template-injection": (
            "render_template_string('<p>' + name)",
            "render_template('p.html', name=name)",
        ),
        "debug-server": ("app.run(debug=True)", "app.run(debug=False)"),
        "temporary-file": ("tempfile.mktemp()", "tempfile.mkstemp()"),
    },
    "JavaScript": {
        "sql-injection": (
            "db.query(`SELECT * FROM t WHERE id = ${id}`)",
            "db.query('SELECT * FROM t WHERE id = ?', [id])",
        ),
        "shell-injection": ("exec(`ls ${dir}`)", "execFile('ls', [dir])"),
        "eval-of-input": ("eval(req.body.code)", "JSON.parse(req.body.code)"),
        "eval": ("eval(text)", "evaluate(text)"),
        "unsafe-deserialisation": ("serialize.unserialize(data)", "JSON.parse(data)"),
        "cross-site-scripting": (
            "e.innerHTML = location.hash.slice(1)",
            "e.textContent = location.hash.slice(1)",
        ),
        "markup-from-variable": ("e.innerHTML = name", "e.innerHTML = '<br>'"),
        "weak-hash": ("crypto.createHash('md5')", "crypto.createHash('sha256')"),
        "weak-cipher": (
            "crypto.createCipheriv('des-ede3', k, '')",
            "crypto.createCipheriv('aes-256-gcm', k, v)",
        ),
        "tls-unverified": (
            "https.get({rejectUnauthorized: false})",
            "https.get({rejectUnauthorized: true})",
        ),
        "path-traversal": (
            "fs.readFile(req.query.name, done)",
            "fs.readFile(safe(req.query.name), done)",
        ),
        "xxe": ("lib.parseXml(x, {noent: true})", "lib.parseXml(x, {noent: false})"),
        "jwt-unverified": (
            "jwt.verify(t, k, {algorithms: ['none']})",
            "jwt.verify(t, k, {algorithms: ['ES256']})",
        ),
        "guessable-secret": (
            "const token = Math.random().toString(36)",
            "const token = crypto.randomUUID()",
        ),
    },
    "Java": {
        "sql-injection": (
            's.executeQuery("SELECT * FROM t WHERE id = " + id);',
            's.prepareStatement("SELECT * FROM t WHERE id = ?");',
        ),
        "shell-injection": (
            'Runtime.getRuntime().exec("ls " + dir);',
            'new ProcessBuilder("ls", dir).start();',
        ),
        "unsafe-deserialisation": (
            "var in = new ObjectInputStream(file);",
            "var in = new DataInputStream(file);",
        ),
        "deserialised-input": (
            "new ObjectInputStream(request.getInputStream());",
            "new InputStreamReader(request.getInputStream());",
        ),
        "eval-of-input": (
            'engine.eval(request.getParameter("c"));',
            'show(request.getParameter("c"));',
        ),
        "weak-hash": (
            'MessageDigest.getInstance("MD5");',
            'MessageDigest.getInstance("SHA-256");',
        ),
        "weak-cipher": (
            'Cipher.getInstance("AES");',
            'Cipher.getInstance("AES/GCM/NoPadding");',
        ),
        "tls-unverified": (
            "c.setHostnameVerifier((h, s) -> true);",
            "c.setHostnameVerifier((h, s) -> ok(h));",
        ),
        "path-traversal": (
            'new File(request.getParameter("f"));',
            "new File(root, clean(name));",
        ),
        "xxe": (
            "var f = DocumentBuilderFactory.newInstance();",
            "var f = DocumentBuilderFactory.newInstance();"
            ' f.setFeature("http://apache.org/xml/features/disallow-doctype-decl", true);',
        ),
        "guessable-secret": (
            "int token = new Random().nextInt();",
            "int token = new SecureRandom().nextInt();",
        ),
    },
    "Go": {
        "sql-injection": (
            'db.Query("SELECT * FROM t WHERE id = " + id)',
            'db.Query("SELECT * FROM t WHERE id = ?", id)',
        ),
        "shell-injection": ('exec.Command("sh", "-c", cmd)', 'exec.Command("ls", dir)'),
        "weak-hash": ("h := md5.New()", "h := sha256.New()"),
        "weak-cipher": ("c, _ := rc4.NewCipher(k)", "c, _ := aes.NewCipher(k)"),
        "tls-unverified": (
            "c := tls.Config{InsecureSkipVerify: true}",
            "c := tls.Config{InsecureSkipVerify: false}",
        ),
        "tls-old": (
            "c := tls.Config{MinVersion: tls.VersionTLS10}",
            "c := tls.Config{MinVersion: tls.VersionTLS13}",
        ),
        "path-traversal": (
            'os.ReadFile(r.FormValue("name"))',
            "os.ReadFile(filepath.Base(name))",
        ),
        "cross-site-scripting": (
            'fmt.Fprintf(w, "<p>%s</p>", r.FormValue("n"))',
            'fmt.Fprintf(w, "<p>%s</p>", html.EscapeString(r.FormValue("n")))',
        ),
        "guessable-secret": ("token := rand.Int63()", "count := rand.Int63()"),
    },
    "PHP": {
        "sql-injection": (
            'mysqli_query($c, "SELECT * FROM t WHERE id = $id");',
            '$s = $c->prepare("SELECT * FROM t WHERE id = ?");',
        ),
        "shell-injection": ('system("ls $dir");', 'system("ls " . escapeshellarg($dir));'),
        "eval-of-input": ("eval($_GET['c']);", "show($_GET['c']);"),
        "eval": ("eval($text);", "evaluate($text);"),
        "file-inclusion": ("include $_GET['page'];", "include 'page.php';"),
        "unsafe-deserialisation": (
            "unserialize($_COOKIE['u']);",
            "json_decode($_COOKIE['u']);",
        ),
        "cross-site-scripting": ("echo $_GET['n'];", "echo htmlspecialchars($_GET['n']);"),
        "path-traversal": (
            "readfile($_GET['f']);",
            "readfile(basename($_GET['f']));",
        ),
        "hashed-password": (
            "$h = md5($password);",
            "$h = password_hash($password, PASSWORD_DEFAULT);",
        ),
        "weak-hash": ("$h = md5($data);", "$h = hash('sha256', $data);"),
        "weak-cipher": (
            "openssl_encrypt($d, 'aes-128-ecb', $k);",
            "openssl_encrypt($d, 'aes-256-gcm', $k);",
        ),
        "tls-unverified": (
            "curl_setopt($c, CURLOPT_SSL_VERIFYPEER, false);",
            "curl_setopt($c, CURLOPT_SSL_VERIFYPEER, true);",
        ),
        "xxe": ("$d->loadXML($x, LIBXML_NOENT);", "$d->loadXML($x, LIBXML_NONET);"),
    },
    "Ruby": {
        "sql-injection": ("User.where(\"name = '#{n}'\")", 'User.where("name = ?", n)'),
        "shell-injection": ('system("ls #{dir}")', 'system("ls", dir)'),
        "eval-of-input": ("eval(params[:c])", "show(params[:c])"),
        "unsafe-deserialisation": ("Marshal.load(cookies[:u])", "JSON.parse(cookies[:u])"),
        "object-format": ("Marshal.load(file)", "Marshal.dump(file)"),
        "path-traversal": (
            "File.read(params[:f])",
            "File.read(File.basename(name))",
        ),
        "cross-site-scripting": ("raw(params[:n])", "h(params[:n])"),
        "weak-hash": ("Digest::MD5.hexdigest(d)", "Digest::SHA256.hexdigest(d)"),
        "weak-cipher": (
            "OpenSSL::Cipher.new('des-cbc')",
            "OpenSSL::Cipher.new('aes-256-gcm')",
        ),
        "tls-unverified": (
            "h.verify_mode = OpenSSL::SSL::VERIFY_NONE",
            "h.verify_mode = OpenSSL::SSL::VERIFY_PEER",
        ),
        "xxe": ("Nokogiri::XML(x) { |c| c.noent }", "Nokogiri::XML(x) { |c| c.nonet }"),
    },
    "C": {
        "gets": ("gets(buffer);", "fgets(buffer, sizeof buffer, stdin);"),
        "scanf-string": ('scanf("%s", name);', 'scanf("%31s", name);'),
        "unbounded-copy": ("strcpy(buffer, name);", 'strcpy(buffer, "none");'),
        "copied-argument": ("strcpy(buffer, argv[1]);", "strlcpy(buffer, argv[1], n);"),
        "format-string": ("printf(buffer);", 'printf("%s", buffer);'),
        "shell-injection": ("system(argv[1]);", 'system("make");'),
        "shell-of-variable": ("system(command);", 'system("make");'),
        "temporary-file": ("mktemp(name);", "mkstemp(name);"),
        "weak-hash": ("MD5_Init(&c);", "SHA256_Init(&c);"),
        "weak-cipher": (
            "EVP_EncryptInit(c, EVP_des_cbc(), k, v);",
            "EVP_EncryptInit(c, EVP_aes_256_gcm(), k, v);",
        ),
        "tls-unverified": (
            "curl_easy_setopt(c, CURLOPT_SSL_VERIFYPEER, 0L);",
            "curl_easy_setopt(c, CURLOPT_SSL_VERIFYPEER, 1L);",
        ),
        "guessable-secret": ("int token = rand();", "int delay = rand();"),
    },
}
TWINS["C++"] = TWINS["C"]
TWINS["TypeScript"] = TWINS["TSX"] = TWINS["JSX"] = TWINS["JavaScript"]
CASES = [
    pytest.param(language, rule, *pair, id=f"{language}-{rule}")
    for language, rules in TWINS.items()
    for rule, pair in rules.items()
]
AROUND = {
    "Java": ("class A { void f() {\n", "\n} }"),
    "Go": ("package a\nfunc f() {\n", "\n}"),
    "PHP": ("<?php\nfunction f() {\n", "\n}"),
    "C": ("int f(void) {\n", "\n}"),
    "C++": ("int f() {\n", "\n}"),
}
COMMENT = {"Python": "# ", "Ruby": "# "}


def wrapped(language: str, snippet: str) -> str:
    before, after = AROUND.get(language, ("\n", "\n"))
    return f"{before}{snippet}{after}"


def found(language: str, snippet: str) -> set[str]:
    rules = {one.rule for one in insecure.find(wrapped(language, snippet), language)}
    return {rule.partition("/")[2] for rule in rules}


@pytest.mark.parametrize(("language", "rule", "bad", "safe"), CASES)
def test_a_pattern_is_found_and_its_safe_twin_is_not(
    language: str, rule: str, bad: str, safe: str
) -> None:
    assert rule in found(language, bad)
    assert rule not in found(language, safe)


@pytest.mark.parametrize(("language", "rule", "bad", "safe"), CASES)
def test_a_comment_that_speaks_of_a_pattern_is_no_finding(
    language: str, rule: str, bad: str, safe: str
) -> None:
    assert found(language, COMMENT.get(language, "// ") + bad) == set()


@pytest.mark.parametrize("language", insecure.LANGUAGES)
def test_every_rule_has_twins_and_a_whole_description(language: str) -> None:
    rules = insecure.catalogue(language)
    assert {rule.name.partition("/")[2] for rule in rules} == set(TWINS[language])
    for rule in rules:
        assert rule.cwe.startswith("CWE-") and rule.cwe[4:].isdigit()
        assert rule.severity in ("high", "medium", "low")
        assert len(rule.about) > 20 and rule.hints


def test_a_finding_names_its_line_severity_and_weakness() -> None:
    text = "# größe\nimport os\n\nos.system('ls ' + path)\n"
    assert insecure.find(text, "Python") == [
        insecure.Finding("python/shell-injection", "high", "CWE-78", 4)
    ]


@pytest.mark.parametrize("language", ["COBOL", "", "Markdown"])
def test_a_language_without_rules_has_no_findings(language: str) -> None:
    assert insecure.find("eval(input())", language) == []


HIGH, MEDIUM = "os.system('ls ' + path)\n", "pickle.load(file)\n"
LOW = "hashlib.md5(data)\n"


@pytest.mark.parametrize(
    ("policy", "drop", "tags"),
    [
        (Insecure(), "python/shell-injection", ["shell-injection", "unsafe-deserialisation"]),
        (Insecure(high="tag"), "", ["shell-injection", "unsafe-deserialisation"]),
        (Insecure(high="keep", medium="keep"), "", []),
        (Insecure(high="tag", low="tag"), "",
         ["shell-injection", "unsafe-deserialisation", "weak-hash"]),
        (Insecure(high="keep", medium="drop"), "python/unsafe-deserialisation",
         ["unsafe-deserialisation"]),
    ],
    ids=["default", "tag high", "keep", "tag all", "drop medium"],
)  # fmt: skip
def test_the_policy_decides_by_severity(policy: Insecure, drop: str, tags: list[str]) -> None:
    judged = insecure.judge(HIGH + MEDIUM + LOW, "Python", policy)
    assert judged == insecure.Judgement(drop, tuple(f"python/{tag}" for tag in tags))


def test_secrets_that_were_found_are_a_pattern_of_any_language() -> None:
    assert insecure.judge("x", "COBOL", Insecure(), secrets=2).tags == (insecure.SECRET,)
    assert insecure.judge("x", "COBOL", Insecure(), secrets=0).tags == ()


@pytest.mark.parametrize("language", insecure.LANGUAGES)
@pytest.mark.parametrize(
    "piece", ["eval(", "execute('select ' + ", 'system("', "request.args[", "printf(", "(((", "x.y"]
)
def test_no_text_makes_the_search_slow(language: str, piece: str) -> None:
    started = time.process_time()
    insecure.find(wrapped(language, piece * (40_000 // len(piece))), language)
    assert time.process_time() - started < 5  # seconds


def test_random_bytes_are_read_without_an_error() -> None:
    chosen = random.Random(1)
    for language in insecure.LANGUAGES:
        noise = "".join(chr(chosen.randrange(1, 0x2FF)) for _ in range(500))
        insecure.find(noise + " eval(x) " + planted.password(chosen), language)
