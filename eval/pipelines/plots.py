"""matplotlib for the plots of reports: imported when one is drawn, into files alone."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from intrex.data.errors import MissingExtra
from intrex.data.io.files import writing


def pyplot(noun: str) -> Any:
    """Import ``matplotlib.pyplot`` without a screen.

    Raises:
        MissingExtra: matplotlib is not installed; the message says that ``what`` need it.
    """
    try:
        import matplotlib as mpl
    except ImportError as error:
        raise MissingExtra("matplotlib", "report", noun) from error
    mpl.use("Agg")
    from matplotlib import pyplot as plt

    return plt


def save(figure: Any, path: Path) -> None:
    """Write a PNG, whole or not at all and the same bytes for the same figure, and close what is open."""
    figure.tight_layout()
    with writing(path, overwrite=True) as stream:
        figure.savefig(stream, format="png", dpi=110, metadata={"Software": None})
    pyplot("plots").close("all")
