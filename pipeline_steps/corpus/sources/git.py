"""Repositories that are cloned: the files of one commit, read from a bare copy."""

import re
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

from oremill.specs.corpus import Git
from pipeline_steps.corpus.partitions import Item
from pipeline_steps.corpus.sources import git_cli, members
from pipeline_steps.corpus.sources.found import Found
from pipeline_steps.corpus.sources.members import Member, dropped
from pipeline_steps.corpus.sources.revisions import commit
from pipeline_steps.corpus.sources.spool import Spool
from pipeline_steps.errors import UserError
from pipeline_steps.storage import Store

ODD = {"120000": "not-a-regular-file", "160000": "submodule"}
FILE = "100"  # begins the mode of a file


def found(git: Git, store: Store, where: str) -> Iterator[Found]:
    """Yield every repository, at the commit that it is at now."""
    for index, item in enumerate(git.repositories):
        if item.url is not None:
            at = f"{where}.repositories[{index}].url"
            yield Found(
                named(item.url), item.url, etag=commit(item.url, item.ref, at), part=item.ref
            )
        elif item.bundle is not None:
            listed = [one for one in store.list(item.bundle) if one.key == item.bundle]
            if not listed:
                raise UserError(
                    f"{where}.repositories[{index}].bundle: there is no object "
                    f"{store.uri(item.bundle)}"
                )
            name = Path(item.bundle).name.removesuffix(".bundle")
            yield Found(name, item.bundle, listed[0].size, listed[0].etag, item.ref)


def read(item: Item, store: Store, folder: Path, spool: Spool, limit: int) -> None:
    """Read the files of a commit into a spool; of a damaged one, the reason alone.

    Raises:
        UserError: the repository does not answer, or lacks the commit.
    """
    bare = folder / "bare.git"
    if re.match("https?://", item.key):
        git_cli.fetch(bare, item.key, item.etag)
        spool.revision = item.etag
    else:
        bundle = folder / "bundle"
        store.download(item.key, bundle)
        spool.revision = git_cli.unbundle(bare, bundle, store.uri(item.key), item.part)
        bundle.unlink()
    try:
        with git_cli.blobs(bare) as blobs:
            for entry in git_cli.tree(bare, spool.revision):
                spool.add(_member(entry, blobs, limit))
    except git_cli.GitError as error:
        spool.forget(0)
        spool.add(dropped("", item.size, "unreadable-repository", str(error)))


def named(url: str) -> str:
    """Return the repository's name: the path of its address."""
    return urlsplit(url).path.strip("/").removesuffix(".git") or urlsplit(url).netloc


def _member(entry: git_cli.Entry, blobs: git_cli.Blobs, limit: int) -> Member:
    if not entry.mode.startswith(FILE):
        return dropped(entry.path, entry.size, ODD.get(entry.mode, "not-a-regular-file"))
    if members.is_unsafe(entry.path):
        return dropped(entry.path, entry.size, "unsafe-path")
    if entry.size > members.readable(entry.path, limit):
        return members.too_large(entry.path, entry.size, limit)
    try:
        return members.member(entry.path, blobs.read(entry.blob), limit)
    except git_cli.GitError as error:
        return dropped(entry.path, entry.size, "missing-blob", str(error))
