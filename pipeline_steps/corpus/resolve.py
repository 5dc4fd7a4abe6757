"""Turn what files import into a graph of the repository's own files.

A name that leads to no file of the repository (a library, the standard library) is no edge. Where a
name means a whole package (a Go package, a C# namespace, Java's `.*`), one node stands for its
files: else a package of 200 files with 500 users would be 100,000 edges.
"""

from collections.abc import Callable, Iterator, Sequence

from pipeline_steps.corpus.places import Places, ancestors, folder, joined
from pipeline_steps.corpus.repository import PYTHON_ENDS, SOURCE_FOLDERS, File, Repository

Nodes = Iterator[int | None]  # None: the name leads nowhere in this repository
SCRIPT_ENDS = (
    "", ".ts", ".tsx", ".d.ts", ".js", ".jsx", ".mjs", ".cjs", ".mts", ".cts", ".json", ".vue",
    ".svelte", "/index.ts", "/index.tsx", "/index.d.ts", "/index.js", "/index.jsx", "/index.mjs",
)  # fmt: skip
# TypeScript's own rule: what is imported as a.js is written in a.ts.
WRITTEN_IN = {".js": (".ts", ".tsx"), ".jsx": (".tsx",), ".mjs": (".mts",), ".cjs": (".cts",)}
RUST_ROOTS = ("lib.rs", "main.rs", "mod.rs")


def graph(files: Sequence[File]) -> list[list[int]]:
    """Return what each node needs: the files as they are given, then the packages.

    Args:
        files: of one repository, sorted by path.
    """
    repository = Repository(files)
    known: dict[tuple[str, str, str], list[int]] = {}
    found = [_needs(repository, number, known) for number in range(len(files))]
    return found + [sorted(members) for members in repository.members]


def _needs(
    repository: Repository, number: int, known: dict[tuple[str, str, str], list[int]]
) -> list[int]:
    """Return what a file needs, but for itself and the package that it is part of."""
    file, needs = repository.files[number], set()
    resolve = RESOLVERS.get(file.language, _unknown)
    for name in file.links.needs:
        # A name means the same to all files of a folder; in Rust, to one file alone.
        where = file.path if file.language == "Rust" else folder(file.path)
        if (key := (file.language, where, name)) not in known:
            found = resolve(repository, file.path, name)
            known[key] = [node for node in found if node is not None]
        needs.update(known[key])
    return sorted(node for node in needs if not repository.is_part(number, node))


def _unknown(repository: Repository, path: str, need: str) -> Nodes:
    """Find nothing: a language without a row in the table."""
    return iter(())


def _python(repository: Repository, path: str, need: str) -> Nodes:
    """Find the longest part of a.b.c that is a module; "a:b" is a.b, or a's own b."""
    module, _, name = need.partition(":")
    words = [word for word in f"{module}.{name}".split(".") if word not in ("", "*")]
    level = len(module) - len(module.lstrip("."))
    if level:
        base = joined(folder(path), "../" * (level - 1))
        yield None if base is None else _python_in(repository, (base,), words)
    elif words and words[0] in repository.places.words:
        roots = repository.python_roots(folder(path))
        yield _python_in(repository, roots, words, path)


def _python_in(
    repository: Repository, roots: tuple[str, ...], words: list[str], user: str = ""
) -> int | None:
    """Find a module below one of the roots; a user tells that the name is absolute."""
    modules = repository.modules
    for count in range(len(words), bool(user) - 1, -1):
        stem = "/".join(words[:count])
        for root in roots:
            name = f"{root}/{stem}" if root and stem else root or stem
            if name in modules:
                return modules[name]
        found = _python_elsewhere(repository.places, stem, user) if user and count > 1 else None
        if found is not None:
            return found
    return None


def _python_elsewhere(places: Places, stem: str, near: str) -> int | None:
    """Find a module below a root that is not above its user: packages side by side."""
    for end in PYTHON_ENDS:
        suffix = stem + end
        found = places.file(suffix, near)
        if found is not None:
            root = places.paths[found][: -len(suffix)]
            return found if f"{root}__init__.py" not in places.at else None
    return None


def _script(repository: Repository, path: str, need: str) -> Nodes:
    """Find ./a and ../a beside the file, @/a and ~/a in a source folder, others by package.json."""
    places, name = repository.places, need.partition("?")[0]
    if name.startswith("."):
        base = joined(folder(path), name)
        yield None if base is None else _script_file(places, (base,))
    elif name.startswith(("@/", "~/")):
        above = ancestors(folder(path))
        yield _script_file(
            places, (f"{root}/{src}{name[2:]}" for root in above for src in ("src/", ""))
        )
    else:
        words = name.split("/")
        count = 2 if name.startswith("@") else 1
        home = repository.homes.get(("package.json", "/".join(words[:count])))
        if home is not None:
            rest = "/".join(words[count:])
            yield _script_file(
                places, (f"{home}/{src}{rest}".rstrip("/") for src in SOURCE_FOLDERS)
            )


def _script_file(places: Places, bases: Iterator[str] | tuple[str, ...]) -> int | None:
    return places.first(
        name.strip("/")
        for base in bases
        for name in (
            *(base + end for end in SCRIPT_ENDS),
            *(
                base[: -len(old)] + new
                for old, written in WRITTEN_IN.items()
                if base.endswith(old)
                for new in written
            ),
        )
    )


def _java(repository: Repository, path: str, need: str) -> Nodes:
    """Find a.b.C in a/b/C.java, below any source folder; a nested class or a member in its file."""
    places, name = repository.places, need.removesuffix(".*").replace(".", "/")
    if need.endswith(".*"):
        home = places.folder(name, path)
        yield repository.groups.get(("Java", home)) if home is not None else None
    words = name.split("/")
    for count in range(len(words), max(1, len(words) - 2), -1):
        found = places.file("/".join(words[:count]) + ".java", path)
        if found is not None:
            yield found
            return


def _go(repository: Repository, path: str, need: str) -> Nodes:
    """Find a package's folder: below the module that go.mod names, else one so called (vendor)."""
    words = need.split("/")
    for count in range(len(words), 0, -1):
        home = repository.homes.get(("go.mod", "/".join(words[:count])))
        if home is not None:
            yield repository.groups.get(("Go", "/".join([home, *words[count:]]).strip("/")))
            return
    if len(words) > 1:
        yield repository.groups.get(("Go", repository.places.folder(need, path) or ""))


def _rust(repository: Repository, path: str, need: str) -> Nodes:
    """Find `mod a` below the file, and crate::, self::, super:: and crates of the workspace."""
    places, own = repository.places, _rust_folder(path)
    kind, _, name = need.partition(" ")
    if name:
        tried = (f"{own}/{name}.rs", f"{own}/{name}/mod.rs")
        beside = (joined(folder(path), name) or "",)
        yield places.first(one.lstrip("/") for one in (beside if kind == "path" else tried))
        return
    first, *words = need.split("::")
    if first == "crate":
        yield _rust_in(places, _crate_folder(repository, path), words)
    elif first == "self":
        yield _rust_in(places, own, words)
    elif first == "super":
        above = folder(own)
        while words[:1] == ["super"]:
            above, words = folder(above), words[1:]
        yield _rust_in(places, above, words)
    elif (home := repository.homes.get(("Cargo.toml", first))) is not None:
        yield _rust_in(places, f"{home}/src".lstrip("/"), words)
    elif first in places.words and words:
        yield places.first(
            one.lstrip("/") for one in (f"{own}/{first}.rs", f"{own}/{first}/mod.rs")
        )


def _rust_folder(path: str) -> str:
    """Return the folder in which a file's modules are."""
    above, _, name = path.rpartition("/")
    return above if name in RUST_ROOTS else f"{above}/{name.removesuffix('.rs')}".lstrip("/")


def _crate_folder(repository: Repository, path: str) -> str:
    for above in ancestors(folder(path)):
        if f"{above}/Cargo.toml".lstrip("/") in repository.places.at:
            return f"{above}/src".lstrip("/")
    return folder(path)


def _rust_in(places: Places, base: str, words: list[str]) -> int | None:
    """Find the longest part of a::b::C that is a module below a folder, else the folder's own."""
    for count in range(len(words), 0, -1):
        stem = "/".join([base, *words[:count]]).lstrip("/")
        found = places.first(iter((f"{stem}.rs", f"{stem}/mod.rs")))
        if found is not None:
            return found
    roots = (f"{base}/{name}".lstrip("/") for name in RUST_ROOTS)
    return places.first(iter((*roots, f"{base}.rs")))


def _c(repository: Repository, path: str, need: str) -> Nodes:
    """Find "a.h" beside the file, then the nearest file so called; <a.h> in an include folder."""
    places, name = repository.places, need[1:]
    beside = joined(folder(path), name)
    if need.startswith('"') and beside in places.at:
        yield places.at[beside]
        return
    suffix = name.replace("../", "").removeprefix("./")
    if need.startswith('"') or "/" in suffix:
        yield places.file(suffix, path)
    else:
        above = ancestors(folder(path))
        yield places.first(f"{root}/include/{suffix}".lstrip("/") for root in above)


def _csharp(repository: Repository, path: str, need: str) -> Nodes:
    """Find the files of a namespace, or of the one around a type that is named whole."""
    around = need.rpartition(".")[0]
    yield repository.groups.get(("C#", need), repository.groups.get(("C#", around)))


Resolver = Callable[[Repository, str, str], Nodes]
RESOLVERS: dict[str, Resolver] = {
    "C": _c,
    "C#": _csharp,
    "C++": _c,
    "Cuda": _c,
    "Go": _go,
    "Java": _java,
    "JavaScript": _script,
    "Objective-C": _c,
    "Objective-C++": _c,
    "Python": _python,
    "Rust": _rust,
    "Svelte": _script,
    "TSX": _script,
    "TypeScript": _script,
    "Vue": _script,
}
