#!/bin/sh
# An engineer with own files: a catalogue, a click log and the answers of the engine that runs today, to the question whether
# a hybrid is better, where it loses and what it costs.
set -eu

intrex collection clicks clicks.csv clicks.qrels --min-impressions 3 --queries-output queries.jsonl \
    --columns query=query_id,text=query,document=sku,position=position,clicked=clicked
intrex collection import products.csv shop --id-field sku --text-fields title,description \
    --queries queries.jsonl --qrels test=clicks.qrels
intrex collection info shop
intrex check shop msearch.json --query-order requests.txt

intrex index bm25 shop idx/bm25
intrex index dense shop idx/static --encoder static:all-MiniLM-L6-v2
intrex search idx/bm25 shop:test -o bm25.run
intrex search idx/static shop:test -o static.run
intrex fuse bm25.run static.run -o hybrid.run --method rrf

intrex convert msearch.json today.run --query-order requests.txt --tag today
intrex evaluate shop:test today.run bm25.run static.run hybrid.run -m 'nDCG@10 RR@10' --scores scores.jsonl
intrex compare shop:test today.run hybrid.run -m nDCG@10 --gains 3 --losses 3 --texts
intrex compare shop:test today.run hybrid.run -m nDCG@10 --by length --format csv
intrex show idx/bm25 'red rope' -k 3
intrex show hybrid.run q3 --qrels shop:test -k 3
intrex leaderboard build scores.jsonl -o leaderboard.csv
