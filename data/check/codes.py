"""Codes of ``intrex check``: the one registry that severities, messages and docs/checks.md come from.

F any file · I identifiers · C corpora · T topics · Q judgements · R runs · X across files
"""

from __future__ import annotations

from typing import NamedTuple

ERROR, WARNING, NOTE = "error", "warning", "note"
SEVERITIES = (ERROR, WARNING, NOTE)


class Code(NamedTuple):
    """One kind of finding: an error stops or falsifies an evaluation, a warning does so in some tool."""

    severity: str
    title: str
    meaning: str
    mended: str = ""


CODES: dict[str, Code] = {
    "F001": Code(ERROR, "not UTF-8", "The line cannot be decoded; Python tools stop at it or change the id."),
    "F002": Code(WARNING, "byte order mark", "trec_eval and pytrec_eval read it as part of the first query id, whose rows are lost; Python's JSON reader stops.", "removed"),
    "F003": Code(NOTE, "CRLF line ends", "Harmless in columns; tools that cut at TABs keep the carriage return in the last column.", "LF"),
    "F004": Code(ERROR, "control character", "Most often NUL, at which trec_eval takes the file for finished; the file is damaged or no text."),
    "F005": Code(ERROR, "broken compression", "The file ends early or is damaged. What could be read of it was checked."),
    "F006": Code(ERROR, "empty file", "There is nothing in the file but blank lines and comments: what wrote it failed."),
    "F007": Code(NOTE, "no newline at the end", "`cat a b` would glue two lines together; perhaps the file was cut off.", "added"),
    "F008": Code(ERROR, "cut off in the last line", "The last line has no newline and too few columns: the file was not written or copied whole."),
    "F009": Code(WARNING, "blank line", "trec_eval stops at one in judgements, pytrec_eval and BEIR at one in any file.", "dropped"),
    "F010": Code(WARNING, "comment line", "trec_eval 10 skips lines that begin with `#`; pytrec_eval and ranx stop at them.", "dropped"),
    "F011": Code(WARNING, "a comment that reads like data", "The line begins with `#` and has the columns of a row: is `#` part of a query id? trec_eval 10 drops the row."),
    "F012": Code(ERROR, "header row", "A header where none belongs is read as one more query.", "dropped"),
    "F013": Code(ERROR, "wrong number of columns", "trec_eval takes what stands in the place of each column, or stops; the others stop."),
    "F014": Code(ERROR, "unknown kind of file", "The content is neither a corpus, topics, judgements nor a run; `--as KIND` names the kind."),
    "F015": Code(WARNING, "control character in a text", "Tools that split lines at every control character (Python's `splitlines`) see more lines than there are."),
    "I001": Code(ERROR, "white space in an id", "The columns stand between TABs and an id has a blank: every tool that splits at blanks reads other columns."),
    "I002": Code(WARNING, "unusual character in an id", "White space or a leading quote, in a corpus, topics or judgements beside them: pytrec_eval splits at U+00A0, BEIR reads the quote as CSV; `collection import` percent-encodes both."),
    "I003": Code(WARNING, "invisible character in an id", "A zero-width character, soft hyphen or inner byte order mark: two ids look the same and are not."),
    "I004": Code(NOTE, "ids that differ only by case", "Meant, or one document under two names? Ids are compared byte by byte."),
    "I005": Code(WARNING, "ids that differ only by leading zeros", "`7` and `007` are two ids; a spreadsheet or pandas turns one into the other."),
    "I006": Code(WARNING, "ids that differ only by Unicode form", "The same letters, composed differently or with invisible characters: two ids."),
    "I007": Code(ERROR, "impossible id", "Empty, longer than 512 bytes, not a string, or with a control character; of queries, judgements and runs that are read as they are, with white space (U+00A0 too) or a leading quote."),
    "I008": Code(WARNING, "an id that reads like a missing value", "`NA`, `null`, `nan`, `None` and the like: pandas, and with it pyserini's fusion and trectools, drops such ids or turns a whole column into numbers."),
    "I009": Code(NOTE, "ids of digits with a leading zero", "pandas reads `007` as the number 7 unless told otherwise; the ids no longer match."),
    "C001": Code(ERROR, "broken document", "The line is no JSON object, has a key twice, lacks its id or text, or its metadata have NaN or infinity; some tools skip it and shift the rows."),
    "C002": Code(ERROR, "two texts under one document id", "Which of them is indexed depends on the tool."),
    "C003": Code(ERROR, "document twice", "The same id and text: BEIR keeps one, an indexer may count two, `collection import` refuses.", "dropped"),
    "C004": Code(NOTE, "empty document", "Neither title nor text. intrex keeps its row; some indexers leave it out and count fewer documents."),
    "C005": Code(ERROR, "the text is not a string", "`title` and `text` are strings or null."),
    "C006": Code(NOTE, "keys that are not read", "Nothing is read from them; `collection import --text-fields` names others."),
    "C007": Code(WARNING, "fields that look quoted", "A tab-separated corpus has the quotes of CSV; they stay in the text unless `--layout dpr` (or `table`) reads them."),
    "T001": Code(ERROR, "broken query", "The line is no JSON object, has a key twice or the wrong columns, or lacks its id or text."),
    "T002": Code(ERROR, "two texts under one query id", "BEIR keeps the last; other readers keep the first, or both."),
    "T003": Code(ERROR, "query twice", "The same id and text; it may be searched twice.", "dropped"),
    "T004": Code(WARNING, "empty query", "No retriever finds anything for it; dense ones return noise."),
    "T005": Code(ERROR, "the text is not a string", "The text of a query is a string."),
    "T006": Code(NOTE, "leading zeros of a topic number", "`collection import` leaves them out where the judgements do (`051` is `51`), and says so; a search keeps them unless `--strip-zeros` is given."),
    "T007": Code(NOTE, "unknown tag in topics", "A tag that begins a line ends the field before it. The text of an unknown one, or of a title in a further language, is read with `--topic-field` only."),
    "Q001": Code(ERROR, "the grade is not a number", "trec_eval reads it as 0 without a word."),
    "Q002": Code(ERROR, "whole grade written as a float", "trec_eval reads `1.0` as 1; pytrec_eval, BEIR and intrex stop.", "rewritten"),
    "Q003": Code(ERROR, "fractional grade", "trec_eval cuts `0.5` to 0 without a word; grades are integers."),
    "Q004": Code(ERROR, "judged twice with two grades", "trec_eval, pytrec_eval and intrex stop; BEIR keeps the last grade."),
    "Q005": Code(ERROR, "judged twice alike", "The same pair with the same grade: trec_eval, pytrec_eval and intrex stop, BEIR keeps one.", "dropped"),
    "Q006": Code(NOTE, "negative grade", "Never relevant, no gain; trec_eval and intrex take it for pooled and not judged, ir_measures and BEIR for judged."),
    "Q007": Code(NOTE, "query without a relevant document", "It scores 0 for every system; pytrec_eval and ranx count it, some papers leave it out."),
    "Q008": Code(WARNING, "no relevant document at all", "Every grade is 0 or negative: every system scores 0."),
    "Q009": Code(WARNING, "three columns without a header", "BEIR drops the first line of its judgements unread: here, a judgement.", "added"),
    "Q010": Code(WARNING, "judged once for each iteration", "A pair is judged several times, with another second column: subtopics? intrex takes the highest grade; tools that ignore that column see a pair judged twice."),
    "Q011": Code(NOTE, "several iterations", "The second column is ignored by trec_eval, but here it is not constant: subtopics, or another column order?"),
    "Q012": Code(WARNING, "a comment that trips trec_eval 10", "In judgements it skips single comments only: two in a row, an indented one or one on the last line stop it.", "dropped"),
    "Q013": Code(NOTE, "relevant documents only", "No document is judged not relevant: Judged@k is precision, and bpref, infAP and condensed values say nothing of the pool."),
    "R001": Code(ERROR, "the score is not a number", "trec_eval reads it as 0 without a word."),
    "R002": Code(ERROR, "the score is not finite", "NaN, infinity, or too large for float32: the order of such rows is up to the sorting."),
    "R003": Code(ERROR, "document twice with two scores", "trec_eval, pytrec_eval and intrex stop."),
    "R004": Code(ERROR, "document twice with one score", "trec_eval, pytrec_eval and intrex stop.", "dropped"),
    "R005": Code(WARNING, "rank and score disagree", "trec_eval, ranx and intrex rank by score; pyserini's fusion and MS MARCO's script go by rank.", "ranks rewritten"),
    "R006": Code(NOTE, "unusual ranks", "They do not start at 0 or 1, have gaps, are constant or no integers; pyserini's fusion uses them.", "ranks rewritten"),
    "R007": Code(WARNING, "rank twice in a query", "Tools that go by rank (MS MARCO's script, pyserini's fusion) lose a row or count both.", "ranks rewritten"),
    "R008": Code(ERROR, "scores grow with the rank", "By the ranks, the smallest score is the best: distances? Every tool would turn the ranking round."),
    "R009": Code(WARNING, "scores grow down the file", "Each query's rows come with growing scores and its ranks say nothing: distances, or only written upside down?"),
    "R010": Code(NOTE, "ties", "Equal scores in a query: trec_eval and intrex order them by document id, descending; others by id ascending, rank or file."),
    "R011": Code(NOTE, "ties in float32 only", "trec_eval up to version 9 and pytrec_eval compare scores as float32, and so does intrex: a tie, where trec_eval 10 sees none."),
    "R012": Code(WARNING, "all scores equal", "In every query: the order is that of the document ids, whatever the ranks say."),
    "R013": Code(NOTE, "rows of a query in several places", "Readers that stream query by query see two queries.", "regrouped"),
    "R014": Code(WARNING, "more than one tag", "Two runs glued together? trec_eval names the run after its last line."),
    "R015": Code(NOTE, "second column is not Q0", "Nobody reads it; but are the columns in order?"),
    "R016": Code(ERROR, "text after the tag", "trec_eval ignores it; pytrec_eval and intrex stop at a seventh column.", "dropped"),
    "R017": Code(ERROR, "the rank is no number", "In a run of three columns (query, document, rank or score) there is nothing else to rank by."),
    "R018": Code(ERROR, "broken JSON run", "A JSON run reads `{query: {document: score}}`, each name once."),
    "R019": Code(WARNING, "a document is its query", "Rows whose document id is the query id. BEIR drops them by default (`ignore_identical_ids`), trec_eval keeps them."),
    "R020": Code(WARNING, "padded row", "The document id is -1, or the score the end of float32: with such rows libraries of vectors (faiss) fill up lists that are too short. They count as documents retrieved."),
    "R021": Code(ERROR, "no ranks in a run of three columns", "The third column of a query is not 1, 2, 3 ... (or 0, 1, 2 ...) in some order: is it a score? `--columns query,document,score` or `query,document,rank` says what it is; it is not guessed."),
    "R022": Code(ERROR, "run that cannot be read", "`evaluate` says the same of the file: lists of candidates, answers of search engines, tables and what else docs/formats.md names as forms of runs."),
    "X001": Code(NOTE, "queries without judgements", "trec_eval and intrex leave them out of the mean."),
    "X002": Code(WARNING, "judged queries that a run lacks", "They count 0 in intrex and `trec_eval -c`, and not at all in pytrec_eval; trec_eval 10 without `-c` and ranx stop."),
    "X003": Code(ERROR, "no query in common", "The files do not belong together, or their ids are spelled differently."),
    "X004": Code(ERROR, "retrieved documents that the corpus lacks", "The run is of another corpus, or its ids are spelled differently."),
    "X005": Code(WARNING, "judged documents that the corpus lacks", "They can never be found: recall stays below 1. `collection import` asks for `--allow-unknown`, which keeps them, or `--drop-unknown`."),
    "X006": Code(ERROR, "no judged document in the corpus", "The files do not belong together, or their ids are spelled differently."),
    "X007": Code(WARNING, "queries that the topics lack", "They are judged or retrieved for and cannot be searched."),
    "X008": Code(ERROR, "ids that would match if spelled alike", "Without zeros, case, Unicode form or prefix they are the same: scores are too low for no visible reason."),
    "X009": Code(NOTE, "query ids that are document ids", "BEIR drops, by default, a retrieved document whose id is the query's, related or not."),
    "X010": Code(WARNING, "runs with one tag", "Tables and leaderboards that go by the tag mix them up."),
    "X011": Code(WARNING, "runs with the same ranking", "The same documents in the same order for every query: one file twice?"),
    "X012": Code(WARNING, "no judged document retrieved", "Run and judgements share queries and no document: ids of two kinds, or a very poor run."),
    "X013": Code(ERROR, "one id in two files", "Of a folder's corpus or queries: which text is meant depends on the order of reading."),
}  # fmt: skip
