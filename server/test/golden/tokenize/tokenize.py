"""Golden tokens: three small tokenizers of our own and what huggingface/tokenizers makes of nasty texts with them.

usage: python tokenize.py OUT     (tokenizers 0.23)
Writes OUT/{wordpiece,bpe,unigram}.json, tokenizer files, and OUT/cases.json: {kind: [{text, ids, offsets}]}; offsets are in
UTF-16 code units, start and end of each token in turn. The vocabularies are learnt from the sentences below.
"""
import json
import os
import random
import sys

from tokenizers import Tokenizer, decoders, models, normalizers, pre_tokenizers, processors, trainers

OUT = sys.argv[1]
os.makedirs(OUT, exist_ok=True)

SENTENCES = """
The battery died after two days, but support was lovely and sent another one.
I would not recommend this film to anyone who can still walk out of the cinema.
An unbelievably careful performance; the ending, however, is disappointing.
Caf\u00e9 na\u00efve r\u00e9sum\u00e9 jalape\u00f1o \u00fcber stra\u00dfe \u00c5ngstr\u00f6m.
The router at 10.0.0.1 dropped 12,345 packets in 3.5 seconds (again!).
Being kind, seeing things, walking, talking, playing, trying, working: all of it unhelpful.
\u65e5\u672c\u8a9e \u4e2d\u6587 \ud55c\uad6d\uc5b4 \u0440\u0443\u0441\u0441\u043a\u0438\u0439 \u03b5\u03bb\u03bb\u03b7\u03bd\u03b9\u03ba\u03ac \u05e2\u05d1\u05e8\u05d9\u05ea
Don't you think it's the worst? No, they're fine, we've seen much worse, haven't we.
""".strip().split("\n") * 8

NASTY = [
    "Caf\u00e9 na\u00efve CAF\u00c9", "\u65e5\u672c\u8a9e\u306e\u30c6\u30ad\u30b9\u30c8\u4e2d\u6587\u5b57 mixed", "\ud55c\uad6d\uc5b4 \ud14d\uc2a4\ud2b8\uc785\ub2c8\ub2e4",
    "\U0001f600\U0001f603 emoji\U0001f44d\U0001f3fd family\U0001f468\u200d\U0001f469\u200d\U0001f467!", "tab\tnew\nline\r\n\x0bvt\x85nel\xa0nbsp\u2028ls\u3000ideo",
    "ctrl\x00\x01\x7fa\u200bzw\u200dj\ufeffbom\u00adsoft\ufffdrepl", "\u0130stanbul ISTANBUL \u0131I \u1e9e\u00df \u03a3\u0391\u03a3", "a" * 99, "a" * 100, "a" * 101, "walking" * 40,
    "b\u0301" * 120, "[CLS] hello [SEP][MASK]x[mask] [UNK]", "\u00bd \u00b2 \ufb01 \ufb00 \u212b \u2121 \u338f \u2460", "it\u2019s \u201cquoted\u201d \u2014 dash\u2026 $5.00 \u20ac9 #tag @user http://x.y/z?q=1",
    "e\u0301\u0327 o\u0327\u0301 combining", "\u0928\u092e\u0938\u094d\u0924\u0947", "\u2260 \u037e \u1fef", "\U0001d518\U0001d52b\U0001d526 \U00020000\U0001d7d8", "", "   ", "\n", "##ing ing## ##",
    "x\u0130i\u0130", "unbelievably unhelpful", "  leading and trailing  ", "\u2e52 \u1885 \u1734 \U000111c9", "a\U0001f600b", "walk\u00a0out",
]
ALPHABET = list("abcdefgh ABC  .,!?'-\u00e9\u00c9\u00f1\u00fc\u00df\u4e2d\u6587\u65e5\ud55c\U0001f600\u0301\u0327\u200b\u00ad\t\n\u0130\u0131\u03a3\u00bd\ufb01[]#@_") + ["[SEP]", "walk", "ing ", "un", "the "]


def wordpiece() -> Tokenizer:
    tok = Tokenizer(models.WordPiece(unk_token="[UNK]"))
    tok.normalizer = normalizers.BertNormalizer()
    tok.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    tok.train_from_iterator(SENTENCES, trainers.WordPieceTrainer(vocab_size=420, special_tokens=["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]))
    tok.post_processor = processors.TemplateProcessing(single="[CLS] $A [SEP]", pair="[CLS] $A [SEP] $B:1 [SEP]:1", special_tokens=[("[CLS]", 2), ("[SEP]", 3)])
    return tok


def bpe() -> Tokenizer:
    """As RoBERTa's: bytes, no normaliser."""
    tok = Tokenizer(models.BPE(unk_token=None))
    tok.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tok.decoder = decoders.ByteLevel()
    tok.train_from_iterator(SENTENCES, trainers.BpeTrainer(vocab_size=520, initial_alphabet=pre_tokenizers.ByteLevel.alphabet(), special_tokens=["<s>", "<pad>", "</s>", "<unk>"]))
    tok.post_processor = processors.RobertaProcessing(("</s>", 2), ("<s>", 0), trim_offsets=True, add_prefix_space=False)
    return tok


def unigram() -> Tokenizer:
    """As XLM-R's, with NFKC for its compiled character map."""
    tok = Tokenizer(models.Unigram())
    tok.normalizer = normalizers.NFKC()
    tok.pre_tokenizer = pre_tokenizers.Sequence([pre_tokenizers.WhitespaceSplit(), pre_tokenizers.Metaspace()])
    tok.train_from_iterator(SENTENCES, trainers.UnigramTrainer(vocab_size=320, unk_token="<unk>", special_tokens=["<s>", "<pad>", "</s>", "<unk>"]))
    tok.post_processor = processors.TemplateProcessing(single="<s> $A </s>", special_tokens=[("<s>", 0), ("</s>", 2)])
    return tok


def utf16(text: str) -> list[int]:
    places = [0]
    for one in text:
        places.append(places[-1] + (2 if ord(one) > 0xFFFF else 1))
    return places


def case(tok: Tokenizer, text: str) -> dict:
    encoding = tok.encode(text)
    places = utf16(text)
    return {"text": text, "ids": encoding.ids, "offsets": [places[at] for pair in encoding.offsets for at in pair]}


random.seed(7)
texts = NASTY + SENTENCES[:8] + ["".join(random.choices(ALPHABET, k=random.randint(1, 30))) for _ in range(150)]
cases = {}
for name, make in (("wordpiece", wordpiece), ("bpe", bpe), ("unigram", unigram)):
    tokenizer = make()
    with open(os.path.join(OUT, f"{name}.json"), "w") as file:
        json.dump(json.loads(tokenizer.to_str()), file, ensure_ascii=False, separators=(",", ":"))
    cases[name] = [case(tokenizer, text) for text in texts]
with open(os.path.join(OUT, "cases.json"), "w") as file:
    json.dump(cases, file, separators=(",", ":"))
