"""The golden cases: files to lay out, then command lines (or small actions between them)."""

import gzip
import json
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path


@dataclass(frozen=True)
class Case:
    steps: list[str | Callable[[], None]]
    files: dict[str, bytes] = field(default_factory=dict)
    shows_files: bool = False


def lines(*rows: object) -> bytes:
    return "".join(
        (r if isinstance(r, str) else json.dumps(r, ensure_ascii=False)) + "\n" for r in rows
    ).encode()


CORPUS = lines(
    {"_id": "d1", "title": "Wings", "text": "the lift of a wing in a slipstream"},
    {"_id": "d2", "title": "", "text": "boundary layers on a flat plate"},
    {"_id": "d3", "title": "Heat", "text": "heat transfer through a boundary layer"},
)
QUERIES = lines({"_id": "q1", "text": "lift of wings"}, {"_id": "q2", "text": "flat boundary layers"})
QRELS = lines("query-id\tcorpus-id\tscore", "q1\td1\t2", "q2\td2\t1", "q2\td3\t1")
BEIR = {"src/corpus.jsonl": CORPUS, "src/queries.jsonl": QUERIES, "src/qrels/test.tsv": QRELS}
IMPORT = "collection import src c"
MADE = [IMPORT, "index bm25 c i"]
RUN = b"q1 Q0 d1 1 2.0 mine\nq1 Q0 d2 2 1.0 mine\nq2 Q0 d3 1 2.0 mine\nq2 Q0 d2 2 1.5 mine\n"
OTHER = b"q1 Q0 d2 1 9 other\nq1 Q0 d1 2 8 other\n"
THIRD = b"q1 Q0 d3 1 3 third\nq1 Q0 d1 2 2 third\nq2 Q0 d1 1 2 third\nq2 Q0 d2 2 1 third\n"
COMPARED = {"q.tsv": QRELS, "a.txt": RUN, "b.txt": OTHER, "c.txt": THIRD}


WEIGHTS = lines(
    {"id": "d1", "contents": "", "vector": {"wing": 3, "lift": 2}},
    {"id": "d2", "contents": "", "vector": {"layer": 2, "plate": 4}},
    {"id": "d3", "contents": "", "vector": {"heat": 5, "layer": 2}},
)
VECTORS = lines({"id": "q1", "vector": {"wing": 0.5, "heat": 0.1}}, {"id": "q2", "vector": {"layer": 1}})

MORE = {
    **BEIR,
    "new/corpus.jsonl": lines({"_id": "d4", "title": "Stall", "text": "wings stall"}, {"_id": "d2", "title": "", "text": "a flat plate"}),
    "new/queries.jsonl": QUERIES,
    "new/qrels/test.tsv": lines("query-id\tcorpus-id\tscore", "q1\td4\t1"),
}  # fmt: skip

RECIPE = b'name="x"\nqueries="test"\nmeasures=["AP"]\n[collection]\nimport="src"\n'


# the worked example of our reference: ties, a self match, an unjudged document, a missing query
WORKED = {
    "q": b"q1 0 a 2\nq1 0 b 0\nq1 0 c 1\nq1 0 d 3\nq1 0 x 1\nq2 0 e 1\nq2 0 f 0\nq3 0 g 1\n",
    "r": b"q1 Q0 a 1 5 t\nq1 Q0 b 2 5 t\nq1 Q0 c 3 5 t\nq1 Q0 u 4 4 t\nq1 Q0 d 5 3 t\nq2 Q0 f 1 2 t\nq2 Q0 q2 2 1.5 t\nq2 Q0 e 3 1 t\n",
}


def beir(**changes: bytes) -> dict[str, bytes]:
    """The BEIR folder with some files replaced; ``_`` in a key stands for nothing but a name."""
    names = {"corpus": "src/corpus.jsonl", "queries": "src/queries.jsonl", "qrels": "src/qrels/test.tsv"}
    return {**BEIR, **{names[k]: v for k, v in changes.items()}}


def refused(**changes: bytes) -> Case:
    return Case([IMPORT], beir(**changes), shows_files=True)


def flip() -> None:
    """one byte of the manifest is flipped"""
    path = Path("i/manifest.json")
    raw = bytearray(path.read_bytes())
    raw[raw.index(b'"k1"') + 2] ^= 1
    path.write_bytes(bytes(raw))


def flip_data() -> None:
    """one byte of the postings is flipped"""
    path = next(p for p in sorted(Path("i").rglob("postings*")) if p.stat().st_size > 130)
    raw = bytearray(path.read_bytes())
    raw[-1] ^= 1
    path.write_bytes(bytes(raw))


def cut_tokens() -> None:
    """the token vectors are cut off"""
    path = Path("i/tokens.npy")
    path.write_bytes(path.read_bytes()[:-100])


def cut() -> None:
    """the vector file is cut off"""
    path = Path("i/vectors.npy")
    path.write_bytes(path.read_bytes()[:-100])


CASES: dict[str, Case] = {
    # the walk: import, index, search, fuse, evaluate, leaderboard
    "collection-import": Case([IMPORT, "collection info c --format csv", "collection verify c"], BEIR),
    "collection-import-bom-and-crlf": Case(
        [IMPORT, "collection import crlf c2", "collection info c --format jsonl", "collection info c2 --format jsonl"],
        {**BEIR, **{k.replace("src", "crlf"): b"\xef\xbb\xbf" + v.replace(b"\n", b"\r\n") for k, v in BEIR.items()}},
    ),
    "collection-import-qrels-by-other-names": Case(
        [IMPORT, "collection info c --format csv"],
        {**BEIR, "src/qrels/dev.qrels": b"q1 0 d1 1\n", "src/qrels/train.trec": b"q2 0 d2 1\n"},
    ),
    "collection-split-sample": Case(
        [IMPORT, "collection split c p --size 2 --stride 1", "collection info p --format csv", "index bm25 p i", "search i p:test -o r.txt", "search i p:test --max-passage -o m.txt", "evaluate p:test m.txt -m nDCG@10", "collection sample c s --documents 2", "collection info s --brief --format csv", "collection sample c t --queries 1", "collection info t --format jsonl"],
        BEIR, shows_files=True,
    ),
    "index-search-evaluate": Case(
        [*MADE, "search i c:test", "search i c:test --k 1 --tag best -o r.txt", "evaluate c:test r.txt", "evaluate c:test r.txt --format table -m nDCG@10 -m P@1"],
        BEIR,
    ),
    "show": Case(
        [*MADE, "search i c:test -o r.txt", "show i 'wings of a plate' -k 2", "show i 'plate' --document d1 --no-parts", "show i wings --format md", "show i wings --format json", "show r.txt q2 --qrels c:test -k 1", "show r.txt q2 --format jsonl", "show r.txt q9"],
        BEIR,
    ),
    "search-pyserini-spelling": Case([*MADE, "search --index i --topics c:test --hits 1 --output r.txt --threads 1 --batch-size 1"], BEIR),
    "search-vector-feedback": Case(
        [*MADE, "index dense c d --encoder hashing:64", "search d c:test --prf-depth 2 --k 2", "search d c:test --prf-depth 2 --prf-method rocchio --rocchio-alpha 0.4 --rocchio-bottomk 1 --k 2", "search d c:test --prf-depth 2 --interpolate both --with i --alpha 0.3 --k 2", "search d c:test --prf-depth 1 --rounds 2 --k 2", "search d c:test --prf-depth 0 --rounds 2 --k 1", "search d c:test --prf-method avg", "search d c:test --rocchio-alpha 1", "search d c:test --prf-depth 2 --interpolate both", "search d c:test --prf-depth 2 --interpolate both --with i --rounds 2", "search d c:test --prf-depth 2 --interpolate both --with none", "search i c:test --prf-depth 2", "index multivector c t --encoder hashing:32", "search t c:test --prf-depth 1 --colbert-terms 3 --k 2", "search t c:test --prf-depth 1 --prf-method avg"],
        BEIR,
    ),
    "index-dense-hashing": Case([IMPORT, "index dense c i --encoder hashing:64", "search i c:test --k 2", "index verify i"], BEIR),
    "index-fields": Case(
        [IMPORT, "index bm25 c i --fields title", "search i c:test", "search i c:test --fields contents=1.0 title=0.5", "search --index i --topics c:test --fields title=2", "search i c:test --fields body=1", "search i c:test --fields title=high", "index bm25 c j --fields body"],
        BEIR,
    ),
    "index-change": Case(
        [*MADE, "collection import new n", "index add i n", "index add i n --replace", "search i n:test", "index remove i d1", "search i c:test", "index remove i d1 d9", "index remove i --ids gone.txt", "index remove i", "index merge i", "index verify i", "index add c n", "index add nowhere n"],
        {**MORE, "gone.txt": b"d3\n"},
    ),
    "index-sparse-hashing": Case(
        [IMPORT, "index sparse c i --encoder hashing:1000 --quantize 16", "search i c:test --k 2", "index verify i", "search i c:test --encoder splade-tiny"],
        BEIR,
    ),
    "index-impact": Case(
        [IMPORT, "index impact c i --weights w.jsonl", "search i c:test", "search i v.jsonl --k 2 --tag v", "search i t.tsv --tie-order anserini", "search i c:test --encoder hashing"],
        {**BEIR, "w.jsonl": WEIGHTS, "v.jsonl": VECTORS, "t.tsv": b"q1\tlayer layer heat\nq2\tlayer\nq3\tnone\n"},
    ),
    "bad-impact-weights": Case(
        [IMPORT, "index impact c i --weights w.jsonl", "index impact c i --weights nowhere", "index impact c i --weights w.jsonl --quantize 9", "index impact c i --weights src/qrels"],
        {**BEIR, "w.jsonl": lines({"id": "d1", "vector": {"a": -1, "b": "x"}}, {"id": "d1", "vector": {}}, {"id": "d7", "vector": {}}, {"id": "d2"}, "{")},
        shows_files=True,
    ),
    "bad-impact-queries": Case(
        [*MADE, "search i v.jsonl", "search i bad.jsonl", "index impact c j --weights w.jsonl", "search j big.jsonl", "search j v.jsonl --rm3"],
        {
            **BEIR,
            "w.jsonl": WEIGHTS,
            "v.jsonl": VECTORS,
            "bad.jsonl": lines({"id": "q1", "vector": {"a": -1}}, {"id": "q1", "vector": {}}, {"id": "q2", "text": "x"}),
            "big.jsonl": lines({"id": "q1", "vector": {"wing": 3e38}}),
        },
    ),
    "fuse": Case(
        ["fuse a.txt b.txt", "fuse a.txt b.txt --method wsum --weights 0.25,0.75 --k 1", "fuse a.txt b.txt --method wsum --weights 1", "fuse a.txt b.txt --method mnz --norm zmuv --k 2", "fuse --runs a.txt b.txt --method interpolation --alpha 0.3 --k 1", "normalize a.txt --norm max"],
        {"a.txt": RUN, "b.txt": OTHER},
    ),
    "bad-fuse-options": Case(
        ["fuse a b --method wsum --rrf-k 60", "fuse a b --method isr --engine ranx --rrf-k 60", "fuse a b --weights 1,2", "fuse a b --method iso", "fuse a b --engine anserini", "fuse a b --engine ranx --method copeland", "fuse a b --norm max", "fuse a b --method sum --norm tmm", "fuse a b --method posfuse", "fuse a", "fuse a b c --method cc"],
    ),
    "bad-fuse-runs": Case(
        ["fuse a b", "fuse a wide --method average", "fuse a below --method sum --norm max", "fuse a below --method sum --norm tmm --infima 0,-0.25", "fuse a a --method posfuse --train-on other.qrels", "fuse --runs a ranks"],
        {"a": RUN, "b": b"p9 Q0 d1 1 2.0 b\n", "wide": b"q1 Q0 d1 1 900 wide\nq1 Q0 d2 2 3 wide\n", "below": b"q1 Q0 d1 1 -0.1 below\nq1 Q0 d2 2 -0.5 below\n", "other.qrels": b"p9 0 d1 1\n", "ranks": b"q1 Q0 d1 first 2.0 ranks\n"},
        shows_files=True,
    ),
    "leaderboard": Case(
        [
            IMPORT,
            "evaluate c:test a.txt b.txt -m nDCG@10 -m RR@10 --scores s.jsonl --format table",
            "leaderboard build s.jsonl -o l.csv",
            "leaderboard build s.jsonl --format csv --sort-by RR@10",
        ],
        {**BEIR, "a.txt": RUN, "b.txt": OTHER},
    ),
    "leaderboard-judged-alone": Case(
        ["evaluate q.tsv b.txt -m Judged@10 --scores s.jsonl", "leaderboard build s.jsonl -o l.csv", "leaderboard build s.jsonl --format csv"],
        {"q.tsv": QRELS, "b.txt": RUN},
    ),
    "evaluate-formats": Case(
        [IMPORT]
        + [f"evaluate c:test a.txt b.txt -m nDCG@10 -m P(rel=2)@1 --format {f}" for f in ("csv", "jsonl", "md", "latex", "table")],
        {**BEIR, "a.txt": RUN, "b.txt": OTHER},
    ),
    "sets": Case(
        [
            "collection import src g", "collection info g --format table", "index bm25 g i", "evaluate g:test r --format table",
            "evaluate '{set}.qrels' '{set}.run' -m RR --scores s.jsonl", "leaderboard build s.jsonl --mean sets --mean queries",
            "evaluate g 'r/{set}.run' 'p/{set}.run' -m nDCG@10 --scores g.jsonl --format md", "leaderboard build g.jsonl -o l.csv", "leaderboard build g.jsonl --mean sets --over sets --format csv",
            "compare g:test r p --format table", "compare g:test r p --format csv", "compare g:test r p --format md --test t",
            "compare g:test r p --format latex", "evaluate g:test r/one.run", "evaluate g:test r --sets one",
        ],
        {
            **{f"src/{name}/{file.removeprefix('src/')}": content for name in ("one", "two") for file, content in BEIR.items()},
            "r/one.run": RUN, "r/two.run": RUN.replace(b"d1 1 2.0", b"d3 1 2.0"), "p/one.run": OTHER, "p/two.run": OTHER,
            "s1.qrels": b"a 0 d1 1\n", "s2.qrels": b"b 0 d1 1\nc 0 d2 1\n", "s1.run": b"a Q0 d1 1 3 x\n",
            "s2.run": b"b Q0 d2 1 3 x\nc Q0 d2 1 3 x\n",
        },
        shows_files=True,
    ),
    "evaluate-by-query": Case(["evaluate q.tsv a.txt -q -m RR@10 -m R@1", "evaluate q.tsv a.txt -q -m RR --format table"], {"q.tsv": QRELS, "a.txt": RUN}),
    "evaluate-as-trec_eval": Case(
        ["evaluate q r --format trec", "evaluate q r --format trec -q -n -m ndcg_cut.1,3 -m P.1 -m relstring.4", "evaluate q r -q -J -M 3 -l 2 -m all_trec --format csv", "evaluate q r r --format trec", "evaluate q r -m prefs_simp -m map_avgjg"],
        WORKED,
    ),
    "evaluate-as-tools": Case(
        [f"evaluate q r -m nDCG@5 -m MAP@5 -m mrr@5 --as {tool} --format table" for tool in ("trec_eval9", "trec_eval10", "pytrec_eval", "ranx", "beir", "mteb", "sentence_transformers", "torchmetrics")]
        + ["evaluate q r --as torchmetrics -m ndcg@5 --format csv", "evaluate q r --as trec_eval10 -c -m ndcg -m iprec_at_recall.0.3 --format csv", "evaluate q r --as bier", "evaluate q r --as beir -m ERR@5", "evaluate q r --as ranx --no-complete"],
        WORKED,
    ),
    "evaluate-explain-diff": Case(
        [f"evaluate q r -m nDCG@5 -m MAP@5 -m MRR@5 --explain-diff {tool} --format table" for tool in ("trec_eval9", "ranx", "beir", "sentence_transformers")]
        + ["evaluate q r -m nDCG@5 --explain-diff torchmetrics --format table"]
        + ["evaluate q r -m ndcg_cut_5 --explain-diff trec_eval9 --theirs good", "evaluate q r -m ndcg_cut_5 --explain-diff trec_eval9 --theirs bad --format table"],
        {**WORKED, "good": b"ndcg_cut_5\tq1\t0.6087\nndcg_cut_5\tq2\t0.5000\nndcg_cut_5\tall\t0.5543\n", "bad": b"ndcg_cut_5\tq1\t0.6987\nndcg_cut_5\tq2\t0.5000\n"},
    ),
    "evaluate-rules": Case(
        ["evaluate q r -m nDCG@5 -m RR", "evaluate q r -m nDCG@5 -m RR --drop-self", "evaluate q r -m nDCG@5 --ties f64-file", "evaluate q r -m nDCG@5 --ties f32-docid-asc -J", "evaluate q r -m nDCG@5 --pool-bias --format table", "evaluate q r -m RR --pool-bias", "evaluate none r -m nDCG@5"]
        + [f"evaluate q r --ties expected {options}" for options in ("", "-q -m AP_cap@2 -m Success@1 --format table", "-m nDCG -m Bpref -m NumRelRet@3", "-M 3", "-m nDCG --pool-bias", "-m relstring -m AP --format trec", "-m map -m P.1,2 --format trec")],
        {**WORKED, "none": WORKED["q"] + b"q4 0 a 0\nq5 0 b -1\n"},
    ),
    "evaluate-missing-queries": Case(
        ["evaluate q.tsv b.txt -m RR@10", "evaluate q.tsv b.txt -m RR@10 -c", "evaluate q.tsv b.txt -m RR@10 --no-complete"],
        {"q.tsv": QRELS, "b.txt": OTHER},
    ),
    "compare": Case(
        [f"compare q.tsv a.txt b.txt c.txt -m nDCG@3 -m RR --format {f}" for f in ("table", "csv", "md", "latex", "jsonl")],
        COMPARED,
    ),
    "compare-baseline": Case(
        [IMPORT, "compare c:test b.txt c.txt --baseline a.txt --movers 2 --ranking --format table", "compare c:test b.txt --baseline a.txt --movers 2 --format csv", "compare c:test a.txt b.txt --baseline other --ranking --format csv"],
        {**BEIR, **COMPARED},
    ),
    "compare-tests": Case(
        [f"compare q.tsv a.txt c.txt --test {t} --samples 99 --format table" for t in ("t", "wilcoxon", "bootstrap", "tukey")]
        + ["compare q.tsv a.txt b.txt c.txt -m RR -m P@1 --correction bh --family all --alpha 0.1 --format md"],
        COMPARED,
    ),
    "compare-missing-queries": Case(["compare q.tsv a.txt b.txt -m RR --format table", "compare q.tsv a.txt b.txt -m RR --no-complete --format table"], COMPARED),
    "compare-reproduction": Case(["compare q.tsv a.txt c.txt -m RR --reproduction b.txt d.txt --ranking --format table", "compare q.tsv a.txt c.txt -m RR --reproduction b.txt d.txt --format csv", "compare q.tsv a.txt c.txt -m RR --reproduction a.txt d.txt --format csv"], {**COMPARED, "d.txt": RUN.replace(b"mine", b"again")}),
    "compare-scores": Case(["evaluate q.tsv a.txt b.txt -m RR --scores s.jsonl --format csv", "compare q.tsv s.jsonl c.txt -m RR --format table", "compare q.tsv s.jsonl -m P@1", "compare q.tsv s.jsonl -m RR --movers 3", "compare other.tsv s.jsonl -m RR"], {**COMPARED, "other.tsv": QRELS.replace(b"d3", b"d4")}),
    "bad-compare": Case(
        ["compare q.tsv a.txt", "compare q.tsv a.txt a.txt", "compare q.tsv a.txt b.txt --baseline mien", "compare q.tsv a.txt b.txt --movers 2 --ranking --format csv", "compare q.tsv a.txt b.txt --alpha 2", "compare q.tsv a.txt b.txt c.txt --reproduction a.txt b.txt", "compare q.tsv a.txt nowhere.txt", "compare q.tsv a.txt b.txt --test students"],
        COMPARED,
    ),
    "multivector": Case(
        [IMPORT, "index multivector c i --encoder hashing:32", "search i c:test", "search i c:test --scoring xtr --token-top-k 2", "search i none", "index multivector c j --encoder hashing:32 --store float32", "search j c:test"],
        {**BEIR, "none": b"q1\t...\nq2\theat\n"},
    ),
    "multivector-reduced": Case(
        [IMPORT, "index multivector c i --encoder hashing:32 --whole-words --pool-factor 2 --protected-tokens 0", "search i c:test", "search i c:test --gamma 1", "index multivector c j --encoder hashing:32 --single cls", "index multivector c j --encoder hashing:32 --pool-factor 0.5", "index multivector c j --encoder hashing:32 --pool-factor inf", "index multivector c j --encoder hashing:32 --query-length 8", "index dense c d --encoder hashing:32", "search d c:test --gamma 1"],
        BEIR,
    ),
    "fde": Case(
        [IMPORT, "index multivector c t --encoder hashing:32", "index fde t i --reps 4 --k-sim 2 --d-proj 8 --seed 1", "search i c:test -o r.txt", "search i c:test --candidates 2", "search t c:test --k 2", "search i c:test --candidates 2 --ball-carving 0.7 --engine faiss", "search i none -o n.txt", "index fde c j --encoder hashing:32 --ksim 2 --dprojections 8 --repetitions 4 --seed 1", "index fde t h --reps 4 --hnsw --M 8 --final-dim 64 --no-fill-empty", "search h c:test --ef-search 20 --candidates 3 --k 1"],
        {**BEIR, "none": b"q1\t...\nq2\theat\n"},
    ),
    "bad-fde": Case(
        [IMPORT, "index fde c i", "index multivector c t --encoder hashing:32", "index fde t i --k-sim 21", "index fde t i --d-proj 33", "index fde t i --final-dim 99999", "index fde t i --projection sparse", "index fde t i --encoder hashing", "index fde t i --pq", "index fde t i --hnsw --pq", "index fde t i --M 4", "index fde none i", "index bm25 c b", "index fde b i", "index fde c i --encoder hashing:32", "search i c:test --candidates 3", "search i c:test --ball-carving 0.7", "search i c:test --nprobe 3", "search b c:test --candidates 3", "search t c:test --ball-carving 0.7", "index dense c d --encoder hashing --engine tree"],
        BEIR,
    ),
    "cur": Case(
        [IMPORT, "index cur c i --scorer hashing:32 --anchors 2", "index bm25 c b", "search i c:test", "search i c:test --budget 2", "search i c:test --budget 2 --anchor-documents 2 --rounds 2 --first-stage b -o r.txt", "search i q.tsv --within ids --k 2", "rerank r.txt c:test --index i", "index verify i", "index cur c j --scorer hashing:32 --anchor-queries q.tsv --seed 1", "search j none --k 1"],
        {**BEIR, "none": b"q1\t...\nq2\theat\n", "q.tsv": b"a\theat\nb\twings\n", "ids": b"d1\nd3\n"},
    ),
    "bad-cur": Case(
        [IMPORT, "index cur c i", "index cur c i --scorer hashing:32 --anchors 4", "index cur c i --scorer hashing:32 --anchor-queries trian", "index cur c i --scorer hashing:32 --anchor-queries test --anchors 3", "index cur c i --scorer hashing:32 --anchors 0", "index cur c i --scorer hashing:32 --max-length 8", "index cur none i --scorer hashing", "index cur c i --scorer hashing:32", "index cur c i --scorer hashing:64", "index cur i j --scorer hashing", "search i c:test --budget 2 --anchor-documents 3", "search i c:test --budget 2 --rounds 2", "search i c:test --tolerance 0", "search i c:test --scorer hashing:64", "search i c:test --first-stage c", "search i c:test --first-stage none", "search i c:test --candidates 3", "search i c:test --anchors 3", "search i c:test --encoder hashing", "index add i c", "index bm25 c b", "search b c:test --budget 3"],
        BEIR,
    ),
    "rerank": Case(
        [IMPORT, "index multivector c i --encoder hashing:32", "rerank a.txt c:test --index i", "rerank a.txt c:test --index i --depth 1 --tag t -o r.txt", "index dense c d --encoder hashing:32", "rerank a.txt c:test --index d -o r.txt", "rerank a.txt c:test --index d -o r.txt --overwrite", "index bm25 c b", "rerank a.txt c:test --with bm25:b", "rerank a.txt c:test --with hashing:32 --cache s", "rerank a.txt c:test --with hashing:32 --cache s -o r.txt --overwrite"],
        {**BEIR, "a.txt": RUN},
    ),
    "context": Case(
        [IMPORT, "context a.txt c", "context a.txt c:test -k 2 --threshold 1.5 --tokens 9 --order ends", "context a.txt c --gap --qrels c:test -o x.jsonl --format table", "context a.txt c --min-probability 0.5 --fit c:test", "context a.txt c --min-probability 0.5 --fit c:test --fit-on-itself", "context a.txt c --gap --threshold 1"],
        {**BEIR, "a.txt": RUN},
    ),
    "bad-rerank": Case(
        [*MADE, "index fde c f --encoder hashing:32", "rerank a.txt c:test --index f", "index multivector c m --encoder hashing:32", "rerank b.txt c:test --index m", "rerank a.txt c:test", "rerank a.txt c:test --index m --with hashing", "rerank a.txt c:test --index m --dtype bfloat16", "rerank b.txt c:test --with hashing", "rerank a.txt q --with hashing", "rerank a.txt c:test --index m --tag 'a b'", "rerank nowhere c:test --index m"],
        {**BEIR, "q": b"q1\theat\nq2\tflat\n", "a.txt": RUN, "b.txt": RUN + b"q1 Q0 d9 3 0.5 mine\nq3 Q0 d1 1 1 mine\n"},
    ),
    "bad-multivector": Case(
        [IMPORT, "index multivector c i --encoder hashing:32 --store float8", "index multivector c i --encoder static:x", "index multivector c i --encoder hashing --dtype int8", "index multivector c i --encoder hashing:32", cut_tokens, "search i c:test", "index multivector c i --encoder hashing:32 --overwrite", "search i c:test --scoring xrt", "search i c:test --token-top-k 3", "search i c:test --engine faiss", "index dense c d --encoder hashing:32", "search d c:test --scoring xtr", "collection import e f", "index multivector f g --encoder hashing:32"],
        {**BEIR, "e/corpus.jsonl": lines({"_id": "d1", "title": "", "text": "..."}), "e/queries.jsonl": QUERIES, "e/qrels/test.tsv": b"query-id\tcorpus-id\tscore\nq1\td1\t1\n"},
    ),
    "convert": Case(
        ["convert a.txt a.json --to json", "convert a.json b.tsv --to msmarco", "convert b.tsv c.txt --tag back", "convert a.txt x --to xml"],
        {"a.txt": RUN},
    ),
    "convert-format-by-name": Case(
        ["convert a.txt a.json", "convert a.json b.tsv.gz", "convert b.tsv.gz c.run", "convert a.json d.json --to trec", "evaluate q.tsv d.json -m RR", "convert nowhere a.json", "convert nowhere x --to jsn"],
        {"a.txt": RUN, "q.tsv": QRELS},
    ),
    "collection-clicks": Case(
        ["collection clicks log.tsv a.qrels", "collection clicks log.tsv b.qrels --model ctr --grades 3 --min-impressions 2 --queries-output q.jsonl", "collection clicks log.tsv c.qrels --model ctr --examination x", "collection clicks clicked.tsv d.tsv", "collection clicks clicked.tsv d.tsv --model count", "collection clicks apart.tsv e.qrels", "collection clicks log.tsv e.qrels --examination gamma.txt", "collection clicks log.tsv f.qrels --columns term,sku"],
        {
            "log.tsv": lines("query_id\tquery\tdocument\tposition\tclicked", *("q1\tlift of wings\td1\t1\t1", "q1\tlift of wings\td2\t2\t0") * 3, "q1\tlift of wings\td2\t1\t1", "q1\tlift of wings\td1\t2\t0", "q2\tplates\td3\t1\t0"),
            "clicked.tsv": lines("query\tdocument", "q1\td1", "q1\td1", "q1\td2"),
            "apart.tsv": lines("query\tdocument\tposition\tclicked", "q1\td1\t1\t1", "q1\td2\t2\t0"),
            "gamma.txt": lines("1 1.0", "2 0.5"),
        },
        shows_files=True,
    ),
    "collection-list": Case([IMPORT, "collection list --format csv"], BEIR),
    "experiment-plan": Case(["experiment plan r.toml --format csv"], {"r.toml": b'name="x"\nqueries="test"\nmeasures=["AP"]\n[collection]\nimport="src"\n[[system]]\nname="a"\nindex="bm25"\n'}),
    # check: one file of each kind, files together, a mended copy
    "check-clean": Case(["check a.txt q.tsv", "check src", "check a.txt src --format table"], {**BEIR, "src/qrels/test.tsv": QRELS + b"q1\td3\t0\n", "q.tsv": QRELS + b"q1\td3\t0\n", "a.txt": b"q1 Q0 d1 1 2.0 mine\nq1 Q0 d2 2 1.0 mine\nq2 Q0 d2 1 1.5 mine\n"}),
    "check-run": Case(
        ["check r", "check r --format table", "check r --all --format jsonl", "check r --format md", "check nowhere", "check r --as nothing"],
        {"r": b"\xef\xbb\xbf# from a notebook\nq1 Q0 d1 1 2.0 mine\nq1 Q0 d2 2 3.0 mine\nq1 Q0 d3 3 nan mine\nq1 Q0 d1 4 0.5 mine\nq2 Q0 d1 1 1.0 my tag\n\nq2 Q0 d"},
    ),
    "check-qrels": Case(["check q", "check q --strict", "check w --strict"], {"q": b"q1 0 d1 1.0\nq1 0 d2 0.5\n# a\n# b\nq1 0 d1 2\nq2 0 d3 -1\n", "w": b"q1 0 d1 1\n\nq2 0 d1 1\n"}),
    "check-topics-and-corpus": Case(
        ["check corpus.jsonl queries.tsv"],
        {"corpus.jsonl": CORPUS + b'{"_id": "d1", "text": "other"}\n{"_id": "d9", "text": ""}\n{"_id": "d8"\n', "queries.tsv": b"q1\tone\nq2\t\nq1\tone\n"},
    ),
    "check-across": Case(
        ["check r q.tsv corpus.jsonl queries.jsonl", "check r s"],
        {"r": b"q1 Q0 d01 1 2.0 mine\nq1 Q0 q1 2 1.0 mine\nq3 Q0 d2 1 2.0 mine\n", "s": b"q1 Q0 d01 1 4.0 mine\nq1 Q0 q1 2 3.0 mine\nq3 Q0 d2 1 2.0 mine\n", "q.tsv": QRELS, "corpus.jsonl": CORPUS, "queries.jsonl": QUERIES},
    ),
    "check-fix": Case(
        ["check r --fix s", "check s", "check r --fix s", "check q --fix p", "convert s -", "check r q --fix x"],
        {"r": b"\xef\xbb\xbf# from a notebook\r\nq1  Q0 d2 1 1.0 mine\r\nq2 Q0 d1 1 1.0 mine\r\n\r\nq1 Q0 d1 2 2.0 mine\r\nq1 Q0 d1 2 2.0 mine", "q": b"q1\td1\t1.0\nq1\td2\t0\nq1\td1\t1\n"},
        shows_files=True,
    ),
    "check-fix-refused": Case(["check r --fix s", "check g --fix s"], {"r": RUN + b"q1 Q0 d1 3 0.5 mine\nq1 Q0 d9 4 nan mine\n", "g": b"q1 0 d1 0.5\n"}, shows_files=True),
    # bad input: each with file, line, a hint, and nothing written
    "bad-json": refused(corpus=CORPUS + b'{"_id": "d4", "text": "x"\n'),
    "bad-missing-id": refused(corpus=CORPUS + b'{"text": "x"}\n'),
    "bad-id-type": refused(corpus=CORPUS + b'{"_id": 7, "text": "x"}\n{"_id": "d8", "text": 7}\n'),
    "bad-duplicate-document": refused(corpus=CORPUS + CORPUS[: CORPUS.index(b"\n") + 1]),
    "bad-duplicate-query": refused(queries=QUERIES + b'{"_id": "q1", "text": "again"}\n'),
    "bad-empty-id": refused(corpus=CORPUS + b'{"_id": "", "text": "x"}\n'),
    "bad-empty-corpus": refused(corpus=b""),
    "bad-not-utf8": refused(corpus=CORPUS + b'{"_id": "d4", "text": "caf\xe9"}\n'),
    "bad-many-problems": refused(corpus=b"".join(b'{"_id": "d%d"\n' % i for i in range(9))),
    "bad-qrels-grade": refused(qrels=QRELS + b"q1\td2\t0.5\n"),
    "bad-qrels-unknown": Case([IMPORT, IMPORT + " --allow-unknown", IMPORT.replace(" c", " left") + " --drop-unknown", "collection info left --format csv"], beir(qrels=QRELS + b"q1\td9\t1\nq9\td1\t1\n"), shows_files=True),
    "ids-with-white-space": Case([IMPORT, "index bm25 c i", "search i c:test"], {
        "src/corpus.jsonl": lines({"_id": "Ann Lee", "text": "likes owls"}, {"_id": "100% Bo", "text": "likes ants"}),
        "src/queries.jsonl": lines({"_id": "q 1", "text": "owls"}), "src/qrels/test.tsv": lines("query-id\tcorpus-id\tscore", "q 1\tAnn Lee\t1"),
    }),  # fmt: skip
    "bad-source": Case(["collection import nowhere c", "collection import beir:scifcat c"]),
    "bad-split-sample": Case(
        [IMPORT, "collection split c p --size 2 --stride 3", "collection split c p --unit tokens", "collection split c p --delimiter d", "collection split c p --unit letters", "collection split c p", "collection split p pp", "collection sample p s --documents 1", "collection pool c p b", "collection sample c s", "collection sample c s --documents 3", "collection sample c s --documents 1 --keep-judged"],
        BEIR,
    ),
    "bad-builder": Case(["collection build stdlb c", "collection build stdlib c --sample 0"]),
    "bad-limit": Case(
        [
            "collection build limit c --pattern ring", "collection build limit c --sample 5", "collection build stdlib c --pattern dense",
            "collection build limit c --documents 45", "collection build limit c --documents 50 --queries 3 --relevant 3 --pattern cycle",
            "collection build limit c --queries 1804", "collection build limit c --items things.txt", "collection build limit c --items nowhere.txt",
        ],
        {"things.txt": lines("tea", "green tea", "Tea", "!")},
    ),
    "build-limit": Case(
        ["collection build limit c --documents 6 --queries 4 --likes 3 --pattern dense --items things.txt", "collection info c --brief --format csv"],
        {"things.txt": lines("# mine", "tea", "cakes", "snow", "old trains", "kites", "maps", "rain")},
        shows_files=True,
    ),
    "bad-output-exists": Case([IMPORT, IMPORT, IMPORT + " --overwrite"], BEIR),
    "bad-query-set": Case([*MADE, "search i c:dev", "evaluate c:dev a.txt", "search i nothing"], {**BEIR, "a.txt": RUN}),
    "bad-collection": Case(["index bm25 src i", "index bm25 nowhere i", "collection info src"], BEIR),
    "bad-other-collection": Case(
        [*MADE, "collection import other o", "search i o:test", "search i c:test --encoder all-MiniLM-L6-v2"],
        {**BEIR, **{k.replace("src", "other"): v.replace(b"lift", b"drag") for k, v in BEIR.items()}},
    ),
    "bad-other-encoder": Case([IMPORT, "index dense c i --encoder hashing", "search i c:test --encoder all-MiniLM-L6-v2"], BEIR),
    "bad-model": Case([IMPORT, "index dense c i --encoder no/such-model", "index dense c i --encoder hashing:x", "index dense c i --encoder hashing --dtype float16"], BEIR, shows_files=True),
    "bad-bm25-parameters": Case([IMPORT, "index bm25 c i --b 1.5", "index bm25 c i --k1 -1", "index bm25 c i --k1 nan"], BEIR),
    "bad-manifest-flipped-byte": Case([*MADE, flip, "search i c:test", "index verify i"], BEIR),
    "bad-index-is-a-collection": Case([IMPORT, "index verify c", "index info c", "collection verify c"], BEIR),
    "bad-index-flipped-byte": Case([*MADE, "index verify i", flip_data, "index verify i"], BEIR),
    "bad-index-cut-off": Case([IMPORT, "index dense c i --encoder hashing", cut, "search i c:test"], BEIR),
    "bad-query-file": Case([*MADE, "search i a.tsv", "search i b.jsonl", "search i empty"], {**BEIR, "a.tsv": b"q1\tfine\nno tab\nq1\tagain\n\tno id\n", "b.jsonl": b'{"_id": "q1"}\n{"id": 3, "text": "x"}\n', "empty": b""}),
    "bad-run-score": Case(["evaluate q.tsv r"], {"q.tsv": QRELS, "r": RUN + b"q1 Q0 x 3 nan t\nq1 Q0 y 4 inf t\nq1 Q0 z 5 high t\nq1 Q0 w 6 1_000 t\n"}),
    "bad-run-columns": Case(["evaluate q.tsv r"], {"q.tsv": QRELS, "r": RUN + b"q1 Q0 x 3 0.5\nq1 Q0 y 3 0.5 my tag\n"}),
    "bad-run-duplicate": Case(["evaluate q.tsv r"], {"q.tsv": QRELS, "r": RUN + b"q1 Q0 d1 3 0.5 t\n"}),
    "bad-run-not-utf8": Case(["evaluate q.tsv r"], {"q.tsv": QRELS, "r": RUN + b"q1 Q0 caf\xe9 3 0.5 t\nq1 Q0 a\x00b 3 0.5 t\n"}),
    "bad-run-empty": Case(["evaluate q.tsv r", "evaluate q.tsv nowhere", "evaluate q.tsv src"], {"q.tsv": QRELS, "r": b"", "src/x": b""}),
    "bad-run-json": Case(
        [f"evaluate q.tsv {name}.json" for name in ("twice", "kinds", "digits", "deep", "cut", "latin", "empty")],
        {
            "q.tsv": QRELS,
            "twice.json": b'{"q1": {"d1": 1, "d1": 2, "d2": 1},\n "q1": {"d1": 3}}\n',
            "kinds.json": '{"q 1": {"d1": 1}, "q2": [1], "q3": {"d1": "x", "d2": true, "d\u00a03": 1, "d4": NaN, "d5": {}}}'.encode(),
            "digits.json": b'{"q1": {"d1": 1' + b"0" * 400 + b', "d2": 1' + b"0" * 5000 + b', "d3": 1e39}}\n',
            "deep.json": b'{"q1": ' * 100_000,
            "cut.json": b'{"q1": {"d1": 1},\n "q2": {"d1"',
            "latin.json": b'{"q1": {"caf\xe9": 1}}',
            "empty.json": b'{"q1": {}}',
        },
    ),
    "bad-run-other-queries": Case(["evaluate q.tsv r"], {"q.tsv": QRELS, "r": b"101 Q0 d1 1 1 t\n"}),
    "comments-and-headers": Case(
        ["evaluate q.txt r.txt -m nDCG@10", "evaluate q.txt bad.txt", "evaluate bad.q r.txt"],
        {
            "q.txt": b"# trec_eval 10 has comments\nquery-id 0 doc rel\nq1 0 d1 2\nq1 0 d#2 1\n#q1 0 d3 1\n# caf\xe9\n",
            "r.txt": b"# run\n  # after blanks\nqid Q0 docno rank score run\nq1 Q0 d#2 1 2 t\nq1 Q0 d1 2 1 t\n",
            "bad.txt": b"# run\nq1 Q0 d1 1 2\n#\nq1 Q0 d2 1 x t\nqid Q0 docno rank score run\n",
            "bad.q": b"#\n # not at the line's beginning\nq1 0 d1 1\n#\nq1 0 d2 x\n",
        },
    ),
    "bad-run-many-problems": Case(
        [f"{command} {name}" for name in ("r", "r.tsv", "r.json", "r.gz") for command in ("evaluate q.tsv",)],
        {
            "q.tsv": QRELS,
            "r": RUN + b"q1 Q0 x 3 nan t\nq1 Q0 y 4\n" + "q1 Q0 a\u00a0b 3 1 t\n".encode() + b'"q1" Q0 z 3 1 t\nq1 Q0 d1 3 1 t\nq1 Q0 ' + b"z" * 513 + b" 3 1 t\nq1 Q0 w 3 1e39 t\n",
            "r.tsv": b"q1\td1\t1\nq1\td2\t0\nq1\td3\n" + b"".join(b"q1\td%d\tx\n" % i for i in range(7)),
            "r.json": b'{"q1": {' + b", ".join(b'"d%d": "x"' % i for i in range(7)) + b"}}",
            "r.gz": gzip.compress(RUN * 50, mtime=0)[:-20],
        },
    ),
    "bad-qrels-many-problems": Case(
        [f"evaluate {name} r" for name in ("trec", "beir.tsv", "plain", "empty", "cut.gz", "flipped.gz", "header", "comments", "wide")],
        {
            "r": RUN,
            "trec": b"q1 0 d1 1\nq1 0 d2 1.0\nq1 0 d3 one\nq1 0 d4 \nq1 d5 1\nq1 0 d6 9999999999\nq1 0 d7 1_0\nq1 0 d8 1 x\nq1 0 d1 0\n",
            "beir.tsv": QRELS + b"q1\td4\t0.5\nq1\td5\nq1\td6\t\nq1\t0\td7\t1\nq1\td8\tnan\nq1\td9\t+\nq2\td2\t1\n",
            "plain": b"q1 d1 1\nq1 d2 1e0\nq1 d3 0x1\n",
            "empty": b"",
            "cut.gz": gzip.compress(QRELS * 50, mtime=0)[:-20],
            "flipped.gz": gzip.compress(QRELS, mtime=0)[:12] + b"\xff\xff" + gzip.compress(QRELS, mtime=0)[14:],
            "header": b"query-id\tcorpus-id\tscore\n",
            "comments": b"# nothing\n# else\n",
            "wide": "q1 0 d1 1\nq\u30001 0 d2 1\n".encode() + b'q1 0 "d3" 1\nq1 0 caf\xe9 1\nq1 0 d\x01 1\n',
        },
    ),
    "bad-qrels-file": Case(["evaluate q.tsv r"], {"q.tsv": QRELS + b"q1\td3\tone\nq1\td1\t1\nq1\n", "r": RUN}),
    "bad-measure": Case(["evaluate q.tsv r -m nDGC@10 -m Foo -m AP@0"], {"q.tsv": QRELS, "r": RUN}),
    "bad-recipe": Case(
        ["experiment run r.toml", "experiment run nowhere", "experiment run broken.toml"],
        {"r.toml": b'name="x"\nmeasures=["AP"]\ncolour=1\n[collection]\nbuild="stdlib"\nimport="x"\n[[system]]\nname="a b"\nindex="bm25"\nk2=3\n[[system]]\nname="f"\nfuse=["a","b"]\n[[system]]\nname="d"\nindex="dense"\n', "broken.toml": b"name = \n"},
    ),
    "bad-recipe-values": Case(
        [f"experiment plan {name}.toml" for name in ("top", "origin", "index", "fuse")],
        {
            "top.toml": b'name="../x"\nqueries=""\nmeasures=[1, "nDGC@10"]\nk=0\nsystem=["a"]\n[collection]\nbuild="stdlbi"\n',
            "origin.toml": b'name="x"\nqueries="test"\nmeasures=[]\nsystem=[]\n[collection]\nimport="src"\nsample=10\nseed=1\n',
            "index.toml": RECIPE + b'[[system]]\nname=".."\nindex="bm52"\n[[system]]\nname="a/b"\nindex="bm25"\nk1=nan\nb=2\n[[system]]\nname="h"\nindex="dense"\nencoder="hashing:x"\ndtype="int8"\nbatch_size=0\n',
            "fuse.toml": RECIPE + b'[[system]]\nname="a"\nindex="bm25"\n[[system]]\nname="f"\nfuse=["a","b"]\nmethod="rff"\ndepth=0\n[[system]]\nname="g"\nfuse=["a","f"]\nmethod="wsum"\nrrf_k=9\nweights=[nan,1,0]\n',
        },
    ),
    "bad-scores": Case(["leaderboard build s.jsonl", "leaderboard build nowhere"], {"s.jsonl": b'{"query": "q1"}\n'}),
    "usage": Case(["serch i q", "search", "search i", "index dense c i", "evaluate q.tsv", "index bm25 c i --b x"]),
}  # fmt: skip
