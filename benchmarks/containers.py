"""Images without a daemon: Buildah makes them, and their own command runs in a chroot.

It needs root, and for a base of one's own mmdebstrap.
"""

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final

import msgspec

DEBIAN: Final = "Debian 12 (mmdebstrap, as in its slim images) with python3-venv"
_RELEASE: Final = "bookworm"
_PACKAGES: Final = "python3,python3-venv,ca-certificates"
# What Debian's own slim images leave out. They keep the licences, and so does this.
_UNREAD: Final = ("doc", "info", "lintian", "locale", "man")
_LICENCES: Final = "--dpkgopt=path-include=/usr/share/doc/*/copyright"
# As debootstrap does; else the package usrmerge comes, and with it all of Perl, 47 MB.
_MERGED_USR: Final = "--hook-dir=/usr/share/mmdebstrap/hooks/merged-usr"

_BUILDAH: Final = ("buildah", "--storage-driver", "vfs")
_MEGABYTE: Final = 1e6

# With a mount namespace of its own, whose root nobody can write to.
_READ_ONLY: Final = """
mount --make-rprivate / && mount --bind "$1" "$1" && mount --rbind /proc "$1/proc" &&
mount --rbind /dev "$1/dev" && mount -o remount,bind,ro "$1" || exit
root="$1"; user="$2"; shift 2
exec chroot --userspec="$user:$user" "$root" "$@"
"""


@dataclass(frozen=True, slots=True)
class Unpacked:
    """An image's files, and what it says about running them."""

    files: Path
    config: dict[str, Any]

    @property
    def megabytes(self) -> float:
        """The size of all files."""
        total = _run("du", "--bytes", "--summarize", "--one-file-system", str(self.files))
        return int(total.split()[0]) / _MEGABYTE

    @property
    def environment(self) -> dict[str, str]:
        """The variables that its command finds."""
        return dict(each.split("=", 1) for each in self.config["Env"])

    @property
    def command(self) -> tuple[str, ...]:
        """Its own command, as `inside` runs one."""
        return self.inside(*self.config["Entrypoint"], *self.config["Cmd"])

    def inside(self, *command: str) -> tuple[str, ...]:
        """Return a command run as the image's own user, on its files, read-only."""
        entering = ("unshare", "--mount", "sh", "-c", _READ_ONLY, "sh")
        return (*entering, str(self.files), self.config["User"], *command)

    def says(self, *command: str) -> str:
        """Return what a command prints inside."""
        return _run(*self.inside(*command)).strip()


def make_debian(name: str) -> None:
    """Make the image `name`, a small Debian with Python."""
    made = _buildah("from", "scratch")
    files = _buildah("mount", made)
    unread = (f"--dpkgopt=path-exclude=/usr/share/{each}/*" for each in _UNREAD)
    debian = ("mmdebstrap", "--variant=minbase", _MERGED_USR, f"--include={_PACKAGES}")
    with TemporaryDirectory() as folder:
        archive = str(Path(folder) / "base.tar")
        _run(*debian, *unread, _LICENCES, "--format=tar", _RELEASE, archive)
        _run("tar", "--extract", "--directory", files, "--file", archive)
    _buildah("commit", "--rm", made, name)


def build(name: str, context: Path, volumes: list[str], **arguments: str) -> None:
    """Build the image `name` from the Dockerfile in `context`."""
    _buildah(
        *("build", "--isolation", "chroot", "--layers=false"),
        *(f"--volume={each}" for each in volumes),
        *(f"--build-arg={key}={value}" for key, value in arguments.items()),
        *("--tag", name, str(context)),
    )


@contextmanager
def unpacked(image: str) -> Iterator[Unpacked]:
    """Mount an image's files for as long as the block lasts."""
    name = _buildah("from", "--pull-never", image)
    try:
        document = msgspec.json.decode(_buildah("inspect", name))
        yield Unpacked(Path(_buildah("mount", name)), document["OCIv1"]["config"])
    finally:
        _buildah("rm", name)


def _buildah(*arguments: str) -> str:
    return _run(*_BUILDAH, *arguments).strip()


def _run(*command: str) -> str:
    """Return what a command prints; its errors go to the terminal."""
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)  # noqa: S603 - ours
    return done.stdout
