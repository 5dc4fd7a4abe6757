"""How this machine reaches the Python package index: what pip knows, for uv and for builds too."""

from __future__ import annotations

import configparser
import os
from pathlib import Path

# As pip reads them; the later wins.
_PIP_FILES = ("/etc/pip.conf", "~/.pip/pip.conf", "~/.config/pip/pip.conf")
_SYSTEM_BUNDLE = Path("/etc/ssl/certs/ca-certificates.crt")  # Debian's, with what root added to it


def certificates() -> Path | None:
    """The bundle of certificate authorities that this machine trusts."""
    path = Path(os.environ.get("SSL_CERT_FILE") or os.environ.get("PIP_CERT") or _SYSTEM_BUNDLE)
    return path if path.is_file() else None


def index_url() -> str | None:
    """The package index that pip was told to use; None for the public one."""
    return os.environ.get("PIP_INDEX_URL") or _from_files("index-url")


def uv_environment() -> dict[str, str]:
    """The same for uv, which reads none of pip's settings."""
    env = {}
    if bundle := certificates():
        env["SSL_CERT_FILE"] = str(bundle)
    if url := index_url():
        env["UV_DEFAULT_INDEX"] = url
    return env


def _from_files(option: str) -> str | None:
    parser = configparser.ConfigParser(interpolation=None)
    parser.read(Path(name).expanduser() for name in _PIP_FILES)
    return parser.get("global", option, fallback=None)
