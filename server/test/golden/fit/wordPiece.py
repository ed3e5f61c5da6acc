"""A WordPiece vocabulary by huggingface/tokenizers' own trainer, of counted words. Writes wordPiece.json beside itself.

Made with tokenizers 0.23.2. Random words, so that hardly any pairs occur equally often.
"""
import json
import pathlib
import random

import tokenizers
from tokenizers import Tokenizer, models, pre_tokenizers, trainers

random.seed(3)
words = {"".join(random.choices("abcdefgh", weights=[8, 5, 4, 3, 2, 2, 1, 1], k=random.randint(2, 7))): random.randint(1, 2999) for _ in range(260)}
tokenizer = Tokenizer(models.WordPiece(unk_token="[UNK]"))
tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
special = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
trainer = trainers.WordPieceTrainer(vocab_size=120, min_frequency=2, special_tokens=special, show_progress=False)
tokenizer.train_from_iterator([" ".join([word] * count) for word, count in words.items()], trainer)
tokens = [token for token, _ in sorted(tokenizer.get_vocab().items(), key=lambda one: one[1])]
out = {"tokenizers": tokenizers.__version__, "words": words, "tokens": tokens}
(pathlib.Path(__file__).parent / "wordPiece.json").write_text(json.dumps(out, ensure_ascii=False))
