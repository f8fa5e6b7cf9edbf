"""BEIR's own data sets by name: the public zip files, fetched, checked and unpacked."""

from __future__ import annotations

import importlib.util
import os
from pathlib import Path

from intrex.data.cache import cache_dir
from intrex.data.errors import MissingExtra, nearest_name
from intrex.data.importers.beir_names import BEIR_MD5, beir_names, check_name
from intrex.data.io.download import download
from intrex.data.progress import Progress

BASE_URL = "https://public.ukp.informatik.tu-darmstadt.de/thakur/BEIR/datasets"


def fetch_beir(name: str, progress: Progress | None = None) -> Path:
    """Return the zip file of a BEIR data set, from the cache or from BEIR's server (``$INTREX_BEIR_URL``, if set).

    Names that BEIR's table does not have are tried too, without a checksum.

    Raises:
        IntrexError: it cannot be fetched; the hint says how to go on without a network.
    """
    check_name(name)
    # Only looked for: importing beir takes a second, and a missing network should show before that.
    if importlib.util.find_spec("beir") is None:
        raise MissingExtra("beir", "beir", f"the data set beir:{name}")
    zip_name = name.partition("/")[0]
    url = f"{os.environ.get('INTREX_BEIR_URL', BASE_URL).rstrip('/')}/{zip_name}.zip"
    hint = f"fetch {url} elsewhere, unpack it, then: intrex collection import FOLDER OUT"
    if zip_name not in BEIR_MD5:
        hint += f"; or a misspelt name: {nearest_name(zip_name, beir_names())}"
    target = cache_dir() / "beir" / f"{zip_name}.zip"
    return download(url, target, md5=BEIR_MD5.get(zip_name), progress=progress, hint=hint)


def unzip(zip_file: str, folder: str) -> None:
    """Unpack with BEIR's own tool."""
    from beir.util import unzip as beir_unzip

    beir_unzip(zip_file, folder)
