"""Names that options declare as plain data are those of the code that they stand for."""

from intrex.cli.common.output import Format
from intrex.data.importers.documents import READERS
from intrex.data.importers.options import LAYOUTS
from intrex.eval.compare import corrections, options
from intrex.eval.dialects.tools import TOOLS
from intrex.eval.evaluate.options import FORMATS, TIES
from intrex.eval.evaluate.options import TOOLS as TOOL_NAMES
from intrex.eval.scoring.rules import Ties


def test_tools_and_ties_and_formats_of_evaluate() -> None:
    assert set(TOOL_NAMES) == set(TOOLS)
    orders = {tie.removeprefix("f32-").removeprefix("f64-") for tie in TIES}
    assert orders == {ties.value for ties in Ties} - {"quicksort"}, "ranx's own order is no option"
    assert (*Format, "trec") == FORMATS


def test_corrections_and_layouts() -> None:
    assert set(options.CORRECTIONS) == set(corrections.CORRECTIONS)
    assert set(LAYOUTS) == {"auto", *READERS}
