"""What a kind of source finds when it lists: the units of work before they are items."""

from dataclasses import dataclass

UNKNOWN = 8 * 2**20  # bytes that a unit counts for when nobody says how large it is


@dataclass(frozen=True)
class Found:
    """An object, a part of one, or a repository elsewhere."""

    repository: str  # of its files, where they name none
    key: str  # object key or address
    size: int = UNKNOWN  # bytes
    etag: str = ""  # changes with the content
    part: str = ""  # of the object, as the kind of source numbers them; "" for all
    ignored: bool = False  # its name says that this kind of source does not read it
