"""What libraries say of a full disk becomes one error with the folder's name; what is no matter of the disk stays."""

import errno
from pathlib import Path

import pytest

from intrex.data.errors import BadInput
from intrex.data.io.disk import disk_errors

SAID = [
    (OSError("1070 requested and 496 written"), errno.ENOSPC),  # numpy.ndarray.tofile
    (RuntimeError("SafetensorError: Error while serializing: IoError(No space left on device (os error 28))"), errno.ENOSPC),
    (RuntimeError("[enforce fail at inline_container.cc:603] . unexpected pos 64 vs 0"), errno.EIO),  # torch.save
    (RuntimeError("Error in void faiss::write_index: could not write: Disk quota exceeded"), errno.EDQUOT),
    (OSError(errno.ENOSPC, "No space left on device"), errno.ENOSPC),  # a write, which knows no name
]  # fmt: skip


@pytest.mark.parametrize(("error", "code"), SAID, ids=["numpy", "safetensors", "torch", "faiss", "write"])
def test_an_error_of_a_disk_names_the_folder(error: Exception, code: int, tmp_path: Path) -> None:
    with pytest.raises(OSError, match=r".") as caught, disk_errors(tmp_path):
        raise error
    assert caught.value.errno == code and caught.value.filename == str(tmp_path)
    assert caught.value.__cause__ is error


@pytest.mark.parametrize(
    "error",
    [
        BadInput("No space left on device"),
        OSError(errno.ENOSPC, "No space left on device", "a file of its own"),
        ValueError("10 rows requested, 9 written"),
        RuntimeError("os error"),
    ],
)
def test_other_errors_stay_as_they_are(error: Exception, tmp_path: Path) -> None:
    with pytest.raises(type(error)) as caught, disk_errors(tmp_path):
        raise error
    assert caught.value is error
