#!/bin/sh
# A researcher with a new collection that has training queries: how do BM25, a static model and their fusion do on it, on queries like
# those of training and on others, and is any difference more than chance?
set -eu
source=$1

intrex check "$source"
intrex collection import "$source" coll
intrex collection info coll --brief
intrex collection verify coll

intrex index bm25 coll idx/bm25
intrex index dense coll idx/static --encoder static:all-MiniLM-L6-v2
intrex search idx/bm25 coll:test -o bm25.run.gz
intrex search idx/bm25 coll:test --rm3 -o rm3.run.gz
intrex search idx/static coll:test -o static.run.gz
intrex fuse bm25.run.gz static.run.gz -o fused.run.gz

intrex evaluate coll:test ./*.run.gz -m 'nDCG@10 RR@10 R@100' --scores scores.jsonl
intrex compare coll:test ./*.run.gz -m nDCG@10 --baseline bm25 --groups documents --format md
intrex compare coll:test bm25.run.gz fused.run.gz -m nDCG@10 --losses 5 --texts
intrex show fused.run.gz "$(cut -f1 coll/qrels/test.tsv | sed -n 2p)" --qrels coll:test -k 3
intrex leaderboard build scores.jsonl -o leaderboard.csv

intrex overlap coll:train coll:test -o flags.jsonl --flag exact --flag ngram
intrex experiment generalize coll --systems bm25,static,bm25+static --encoder bm25 --quick -o study
intrex experiment run study/recipe.toml -o study
