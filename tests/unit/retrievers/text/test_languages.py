"""Analyzers of other languages: terms that Anserini 1.7.1's analyzers gave, and the batch path."""

import numpy as np
import pytest

from intrex.data.errors import UsageError
from intrex.retrievers.inverted.native import INDEXING, WORTH_COMPILING
from intrex.retrievers.text.analyzer import ANALYZERS, Analyzer, analyzer_of
from intrex.retrievers.text.batch import BatchAnalyzer
from intrex.retrievers.text.languages import SNOWBALL

RECORDED = [
    (
        "de",
        [
            "Die Häuser der größten Mädchen waren schönste Queere Neue",
            "Überraschungen: Straßenbahnen und Maße",
        ],
        [["haus", "grosst", "madch", "schon", "que", "neu"], ["uberraschung", "strassenbahn", "mass"]],
    ),
    (
        "fr",
        [
            "L'avion qu’ils requirent jusqu'aux chevaux, ses créatrices nationales",
            "Les essoufflements heureuses de la mobilisation",
        ],
        [["avion", "requirent", "cheval", "crer", "national"], ["esoufl", "heureu", "mobil"]],
    ),
    (
        "es",
        ["Las canciones felices y los intereses de España", "niños pequeños"],
        [["cancion", "feliz", "interes", "españ"], ["niñ", "pequeñ"]],
    ),
    (
        "it",
        ["Dell'università nell’amicizia dei fuochi e le città", "Gli spaghi sono belli"],
        [["universit", "amiciz", "fuoc", "città"], ["spag", "belli"]],
    ),
    (
        "pt",
        ["As canções portuguesas dos irmãos e os animais azuis", "rapidamente nações lições francesa"],
        [["canca", "portugues", "irma", "animal", "azuil"], ["rapid", "naca", "lica", "frances"]],
    ),
    (
        "ru",
        ["Красивые города и бегающие люди говорили о новостях"],
        [["красив", "город", "бега", "люд", "говор", "новост"]],
    ),
    (
        "ar",
        ["والكتاب في المدينة الجميلة ـ ٣ كتب", "أنّ المسلمون"],
        [["كتاب", "مدين", "جميل", "", "3", "كتب"], ["ان", "مسلم"]],
    ),
    ("fa", ["کتاب\u200cهای فارسی را می\u200cخوانم ۴"], [["كتاب", "فارسي", "خوانم", "4"]]),
    (
        "zh",
        ["我是中国人。ｶﾞ１２ABC あ the", "ソニー テスト"],
        [["我是", "是中", "中国", "国人", "ガ", "12abc", "あ"], ["ソニ", "ニー", "テス", "スト"]],
    ),
    ("ko", ["안녕하세요 한글 가"], [["안녕", "녕하", "하세", "세요", "한글", "가"]]),
    ("hu", ["A házakban és az emberekkel"], [["ház", "ember"]]),
    ("nl", ["De kinderen lopen naar mogelijkheden fiets"], [["kinder", "lop", "mogelijk", "fiets"]]),
    ("tr", ["İstanbul'da IĞDIR evlerinden"], [["istanbul", "ık", "ev"]]),
]
TEXTS = [text for _, texts, _ in RECORDED for text in texts] + [
    "",
    "The cats' café’s naïve 3.5 U.S.A. snake_case " + "x" * 600,
    "\ud800 lone 👩\u200d❤\ufe0f\u200d👩 🇺🇸🇺🇸 \U00010400" + "\U00010400" * 130,
    "_" * 600 + "a",
]


def analyzer(name: str) -> Analyzer:
    if name in SNOWBALL:
        pytest.importorskip("Stemmer")
    return Analyzer(name)


@pytest.mark.parametrize(("language", "texts", "terms"), RECORDED, ids=[r[0] for r in RECORDED])
def test_recorded(language: str, texts: list[str], terms: list[list[str]]) -> None:
    assert list(map(analyzer(language), texts)) == terms


def test_languages_that_only_lucene_serves() -> None:
    with pytest.raises(UsageError, match="--engine lucene only") as caught:
        Analyzer("ja")
    assert "bigrams" in str(caught.value.hint)
    assert Analyzer("bigrams")("日本語です") == ["日本", "本語", "語で", "です"]


def test_the_manifest_brings_the_analyzer_back() -> None:
    for name in ("english", "de", "zh"):
        assert analyzer_of(Analyzer(name).spec()).spec() == Analyzer(name).spec()
    assert analyzer_of({"name": "older"}).name == "english"


@pytest.mark.parametrize("name", sorted(ANALYZERS))
@pytest.mark.parametrize("compiled", [False, True])
def test_batches_equal_the_simple_way(name: str, compiled: bool) -> None:
    if compiled and INDEXING.kernels() is None:
        pytest.skip("no kernels here")
    simple = analyzer(name)
    many = BatchAnalyzer(simple, WORTH_COMPILING if compiled else 0)
    texts = TEXTS + [f"w{i} " * 3 for i in range(9000)]  # the arrays grow
    for part in (texts[:5], texts[5:], texts):
        ids, offsets = many.add(part)
        assert ids.dtype == np.int32 and offsets.dtype == np.int64 and len(offsets) == len(part) + 1
        terms = many.names().to_list()
        for i, text in enumerate(part):
            assert [terms[t] for t in ids[offsets[i] : offsets[i + 1]]] == simple(text)
    assert len(set(terms)) == len(terms)
