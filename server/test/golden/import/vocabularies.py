"""Makes vocabularies.json: what transformers converts small vocabularies without a tokenizer.json into.

    python vocabularies.py         (transformers 5.18, tokenizers)
"""
import json
import tempfile
from pathlib import Path

from transformers import BertTokenizer, RobertaTokenizer

HERE = Path(__file__).parent
TEXTS = ["The battery died, but support was lovely!", "café ÜBER 天气 don't", "  spaces  \t and\nlines ", "<mask> [MASK] x"]

words = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "the", "battery", "died", ",", "but", "support", "was", "love", "##ly",
         "!", "cafe", "uber", "天", "气", "don", "'", "t", "spaces", "and", "lines", "x"]
bytes_ = [chr(c) for c in list(range(33, 127)) + list(range(161, 173)) + list(range(174, 256))]
bytes_ += [chr(256 + n) for n in range(256 - len(bytes_))]
merges = ["t h", "h e", "Ġ t", "Ġt he", "b a", "ba t", "t e", "l o", "lo v", "e l", "Ġ s"]
pieces = ["<s>", "<pad>", "</s>", "<unk>"] + bytes_ + ["".join(m.split()) for m in merges] + ["<mask>"]
vocab = {piece: i for i, piece in enumerate(pieces)}


def converted(make, files):
    with tempfile.TemporaryDirectory() as folder:
        for name, text in files.items():
            (Path(folder) / name).write_text(text, encoding="utf-8")
        tokenizer = make(folder)
        tokenizer.save_pretrained(folder)
        return {
            "tokenizer": json.loads((Path(folder) / "tokenizer.json").read_text(encoding="utf-8")),
            "ids": [tokenizer(text)["input_ids"] for text in TEXTS],
        }


def main():
    vocab_txt = "\n".join(words) + "\n"
    roberta = {"vocab.json": json.dumps(vocab, ensure_ascii=False), "merges.txt": "#version: 0.2\n" + "\n".join(merges) + "\n"}
    result = {
        "texts": TEXTS,
        "vocabulary": {"words": words, "pieces": vocab, "merges": roberta["merges.txt"]},
        "uncased": converted(lambda f: BertTokenizer.from_pretrained(f), {"vocab.txt": vocab_txt, "tokenizer_config.json": json.dumps({"tokenizer_class": "BertTokenizer", "do_lower_case": True})}),
        "cased": converted(lambda f: BertTokenizer.from_pretrained(f), {"vocab.txt": vocab_txt, "tokenizer_config.json": json.dumps({"tokenizer_class": "BertTokenizer", "do_lower_case": False})}),
        "roberta": converted(lambda f: RobertaTokenizer.from_pretrained(f), roberta),
    }
    (HERE / "vocabularies.json").write_text(json.dumps(result, ensure_ascii=False) + "\n", encoding="utf-8")


main()
