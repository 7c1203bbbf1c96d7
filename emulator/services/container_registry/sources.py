"""The build context that a client uploads: a .tar.gz from outside, unpacked with suspicion."""

from __future__ import annotations

import tarfile
import zlib
from pathlib import Path

LARGEST_CONTEXT = 4 * 1024**3  # bytes, unpacked
MOST_FILES = 100_000


class InvalidSource(Exception):  # noqa: N818 - what is wrong with what was uploaded
    """The archive cannot be used; the message says why."""


def unpack(archive: Path, target: Path) -> None:
    """Unpack a tar, compressed or not, into the new folder `target`.

    Nothing is written outside of `target`: absolute names, "..", links that lead out, devices and
    set-user-id bits are refused or dropped (tarfile's "data" filter, PEP 706). Raises
    InvalidSource for these, for what is no tar, and for more than LARGEST_CONTEXT bytes or
    MOST_FILES files.
    """
    target.mkdir(parents=True)
    size = count = 0
    try:
        with tarfile.open(archive, "r:*") as tar:
            # Member by member: the sizes in the headers are known before any of it is written.
            for member in tar:
                size += member.size
                count += 1
                if size > LARGEST_CONTEXT or count > MOST_FILES:
                    raise InvalidSource(
                        f"The source has more than {LARGEST_CONTEXT // 1024**3} GiB or "
                        f"{MOST_FILES} files. Leave out what the image does not need, "
                        "with a .dockerignore file."
                    )
                tar.extract(member, target, filter="data")
    except (tarfile.FilterError, OSError) as error:
        raise InvalidSource(f"The source cannot be unpacked: {error}.") from None
    except (tarfile.TarError, EOFError, zlib.error) as error:
        raise InvalidSource(f"The source is not a tar archive: {error}.") from None
