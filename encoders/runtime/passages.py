"""Cutting of documents by the tokens of a model, so that it reads every passage to its end, with its title and prompt."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from intrex.data.arrays import Bools, Int64s
from intrex.data.builders.options import SplitOptions
from intrex.data.builders.records import DocumentRecord
from intrex.data.builders.split import Passage
from intrex.data.builders.units import words
from intrex.data.collection import Document
from intrex.data.errors import BadInput, UsageError
from intrex.encoders.options import DENSE, FAMILIES, EncoderOptions
from intrex.encoders.runtime.encoder import open_model
from intrex.encoders.runtime.transformer import choose_prompts, longest_input

_log = logging.getLogger("intrex")

LEAST = 8
"""Fewest tokens of text that a passage must have room for, beside special tokens and the prompt."""


@dataclass(frozen=True)
class _Text:
    """Text of a document as tokens.

    Attributes:
        title: that stands before it.
        text: the characters.
        begins: [n + 1] the character where each token begins, and the end of the text; ascending.
        starts: [n + 1] true where a passage may begin without cutting a word.
        title_size: tokens of the title.
    """

    title: str
    text: str
    begins: Int64s
    starts: Bools
    title_size: int


class TokenCutter:
    """Cutting by tokens: no passage has more than ``size``, special tokens, prompt and title included.

    A passage ends before a word that does not fit, unless that would leave less than half of it. A title of more than half
    the size is taken for the beginning of the text. Only a single character that has more tokens than there is room for
    is not cut any further.
    """

    def __init__(
        self, tokenizer: Any, size: int, stride: int, title: bool, prompt: str, identity: dict[str, Any]
    ) -> None:
        self.size, self.stride, self.identity = size, stride, identity
        self._tokenizer, self._title, self._prompt = tokenizer, title, prompt
        self._long_titles = 0
        self._fixed = int(self._lengths([prompt])[0])
        if size - self._fixed < LEAST:
            raise UsageError(
                f"--size {size} leaves no room for a text: special tokens and the prompt are {self._fixed} tokens",
                f"--size {self._fixed + LEAST} or more",
            )

    def cut(self, documents: Sequence[DocumentRecord]) -> list[list[Passage]]:
        """Return the passages of each document: of an empty one a single, empty one."""
        texts = self._tokenize(documents)
        cuts = [self._passages(text, 0) for text in texts]
        spare = [0] * len(texts)
        todo = list(range(len(texts)))
        while todo:  # the tokens of a part can be more than its part of the tokens
            passages = [Document("", *p).passage for at in todo for p in cuts[at]]
            lengths = self._lengths([self._prompt + p for p in passages])
            owners = np.repeat(np.arange(len(todo)), [len(cuts[at]) for at in todo])
            excess = np.zeros(len(todo), np.int64)
            np.maximum.at(excess, owners, lengths - self.size)
            over = [(at, int(more)) for at, more in zip(todo, excess, strict=True) if more > 0]
            todo = []
            for at, more in over:
                if spare[at] < self.size:
                    spare[at] += more
                    cuts[at] = self._passages(texts[at], spare[at])
                    todo.append(at)
        return cuts

    def remarks(self) -> list[str]:
        """Return how many titles were taken for text."""
        if not self._long_titles:
            return []
        return [
            f"{self._long_titles:,} titles of more than half the size were cut with the text that follows them"
        ]

    def _passages(self, text: _Text, spare: int) -> list[Passage]:
        found: list[Passage] = []
        first, n = 0, len(text.begins) - 1
        while True:
            titled = self._title or not found
            room = max(1, self.size - self._fixed - spare - titled * text.title_size)
            end = _end(text, first, room)
            piece = text.text[text.begins[first] if first else 0 : text.begins[end]].strip()
            if piece or not found:
                found.append(Passage(text.title if titled else "", piece))
            if end >= n:
                return found
            first = _next(text, first, end, self.stride)

    def _tokenize(self, documents: Sequence[DocumentRecord]) -> list[_Text]:
        pairs = [(d.title, d.text) for d in documents]
        sizes = self._lengths([title for title, _ in pairs], special=False)
        for at in np.flatnonzero(sizes > (self.size - self._fixed) // 2).tolist():
            pairs[at], sizes[at] = ("", Document("", *pairs[at]).contents), 0
            self._long_titles += 1
        encoded = self._tokenizer(
            [text for _, text in pairs], add_special_tokens=False, truncation=False, padding=False,
            return_offsets_mapping=True, return_attention_mask=False, verbose=False,
        )["offset_mapping"]  # fmt: skip
        return [
            _Text(title, text, *_places(text, offsets), int(size))
            for (title, text), offsets, size in zip(pairs, encoded, sizes, strict=True)
        ]

    def _lengths(self, texts: Sequence[str], special: bool = True) -> Int64s:
        """Count the tokens of texts."""
        ids = self._tokenizer(
            list(texts), add_special_tokens=special, truncation=False, padding=False,
            return_attention_mask=False, verbose=False,
        )["input_ids"]  # fmt: skip
        return np.array([len(row) for row in ids], np.int64)


def _places(text: str, offsets: list[tuple[int, int]]) -> tuple[Int64s, Bools]:
    """Return the beginning of each token and of the end, and where words begin."""
    begins = np.array([begin for begin, _ in offsets] + [len(text)], np.int64)
    begins = np.minimum(np.maximum.accumulate(begins), len(text))
    word_begins = [begin for begin, _ in words(text)]
    blanks = [begin - 1 for begin in word_begins if begin and text[begin - 1].isspace()]
    starts = np.isin(
        begins, np.array(word_begins + blanks, np.int64)
    )  # a token may have the blank before its word
    starts[-1] = True
    return begins, starts


def _end(text: _Text, first: int, room: int) -> int:
    """Return the token before which a passage of ``room`` tokens ends."""
    n = len(text.begins) - 1
    if n - first <= room:
        return n
    limit = first + room
    end = limit
    while end > first + room // 2 and not text.starts[end]:
        end -= 1
    end = end if text.starts[end] else limit
    while end < n and text.begins[end] == text.begins[first]:  # tokens of one character
        end += 1
    return end


def _next(text: _Text, first: int, end: int, stride: int) -> int:
    """Return the token with which the passage after that of tokens ``first`` to ``end`` begins: a word's, if they overlap."""
    if first + stride >= end:
        return end
    at = first + stride
    while at > first and not text.starts[at]:
        at -= 1
    at = at if at > first else first + stride
    return at if text.begins[at] > text.begins[first] else end


def token_cutter(options: SplitOptions) -> TokenCutter:
    """Return the cutter by the tokens of a model.

    Raises:
        UsageError: the encoder is no model with tokens, or the size or stride does not suit it.
        BadInput: the model is nowhere to be found, or its tokenizer does not say where tokens stand.
    """
    spelling = options.encoder or ""
    kind, name = FAMILIES["dense"].kind_of(spelling)
    if kind is not DENSE:
        raise UsageError(
            f"the {kind.name} encoder has no limit of tokens",
            "name a transformer: --encoder all-MiniLM-L6-v2",
        )
    chosen = EncoderOptions(revision=options.revision, document_prompt=options.document_prompt, device="cpu")
    hint = "is it a sentence-transformers model?"
    model, files = open_model(DENSE, "SentenceTransformer", name, chosen, hint)
    if not getattr(model.tokenizer, "is_fast", False):
        raise BadInput(f"the tokenizer of {files.name} does not say where tokens stand", "take another model")
    reads, most = int(min(model.max_seq_length or 1 << 30, longest_input(model))), longest_input(model)
    size = options.size or reads
    stride = options.stride or size
    if size > most:
        raise UsageError(
            f"--size {size} is more than the model takes, {most} tokens", f"--size {reads} or less"
        )
    if stride > size:
        raise UsageError(
            f"--stride {stride} is more than a passage has, {size} tokens", f"--stride is 1 to {size}"
        )
    if size > reads:
        _log.info("the model reads %d tokens of a text; index dense needs --max-length %d", reads, size)
    prompt = choose_prompts(model, chosen)["document"]
    identity = {"encoder": files.label, "revision": files.revision, "prompt": prompt}
    return TokenCutter(model.tokenizer, size, stride, options.title, prompt, identity)
