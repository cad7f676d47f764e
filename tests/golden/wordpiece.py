#!/usr/bin/env python3
"""Makes what holds our WordPiece tokenizer to the reference, Hugging Face's fast BERT tokenizer.

    pip install transformers==5.23.0 tokenizers==0.23.3
    python tests/golden/wordpiece.py tables                  src/text/bert_tables.c
    python tests/golden/wordpiece.py hard                    wordpiece_vocab.txt, wordpiece_hard.tsv
    python tests/golden/wordpiece.py cola DATA               wordpiece_cola.tsv

Run by hand; the results are committed. DATA holds data/cola/{raw,tokenized}/*.tsv and
models/bert-base-uncased/vocab.txt; hashes go into the repository, sentences do not. `tables` asks
the reference about every code point, so that nothing rests on the version of a Unicode library;
it calls clang-format for the repository's style.
"""
import pathlib
import random
import subprocess
import sys
import unicodedata

from tokenizers import normalizers, pre_tokenizers
import tokenizers
import transformers
from transformers import BertTokenizerFast, MPNetTokenizer

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parent.parent
MADE_WITH = f"transformers {transformers.__version__}, tokenizers {tokenizers.__version__}"
CODES = [c for c in range(0x110000) if not 0xD800 <= c < 0xE000]

# Canonical decompositions that Unicode gained after the reference's tables (13.0 and 16.0).
DECOMPOSED_LATER = [0x11938, 0x105C9, 0x105E4, 0x11383, 0x11385, 0x1138E, 0x11391, 0x113C5,
                    0x113C7, 0x113C8, *range(0x16121, 0x16129), *range(0x16D68, 0x16D6B)]


def fnv(data, value=0xCBF29CE484222325):
    for byte in data:
        value = (value ^ byte) * 0x100000001B3 & 0xFFFFFFFFFFFFFFFF
    return value


def ids_bytes(ids):
    return b"".join(i.to_bytes(4, "little") for i in ids)


# --- tables ---------------------------------------------------------------------------------------

def ranges(codes):
    found = []
    for code in codes:
        if found and found[-1][1] == code - 1:
            found[-1][1] = code
        else:
            found.append([code, code])
    return found


def tables():
    off = dict(clean_text=False, handle_chinese_chars=False, strip_accents=False, lowercase=False)
    clean = normalizers.BertNormalizer(**{**off, "clean_text": True})
    strip = normalizers.BertNormalizer(**{**off, "strip_accents": True})
    lower = normalizers.BertNormalizer(**{**off, "lowercase": True})
    nfd, split = normalizers.NFD(), pre_tokenizers.BertPreTokenizer()
    upper = [c for c in CODES if c >= 0x80]
    control = [c for c in upper if c != 0xFFFD and clean.normalize_str(chr(c)) == ""]
    kept = sorted(set(upper) - set(control) - {0xFFFD})
    undecomposed = [c for c in kept if nfd.normalize_str(chr(c)) == chr(c)]
    nonspacing = [c for c in undecomposed if strip.normalize_str(chr(c)) == ""]
    alone = [c for c in kept if len(split.pre_tokenize_str("a" + chr(c) + "b")) == 3]

    def combines(char):  # moves before a mark of class 230, or lets one of class 1 before it
        after, before = "a\u0301" + char, "a" + char + "\u0334"
        return nfd.normalize_str(after) != after or nfd.normalize_str(before) != before

    combining = [c for c in undecomposed if c != 0x334 and combines(chr(c))] + [0x334]
    whole = [c for c in DECOMPOSED_LATER if nfd.normalize_str(chr(c)) == chr(c)]
    # Those alone that Python's tables do not know either: the rest is utf8proc's.
    cases = []
    for code in kept:
        low = lower.normalize_str(chr(code))
        if low != chr(code) and unicodedata.category(chr(code)) == "Cn":
            offset = ord(low) - code
            if cases and cases[-1][1] == code - 1 and cases[-1][2] == offset:
                cases[-1][1] = code
            else:
                cases.append([code, code, offset])

    lines = [f"/* Made by tests/golden/wordpiece.py from {MADE_WITH}. Do not edit. */",
             '#include "text/bert_tables.h"', ""]
    for name, codes in [("control", control), ("nonspacing", nonspacing), ("punctuation", alone),
                        ("combining", sorted(combining)), ("whole", sorted(whole))]:
        rows = ", ".join(f"{{0x{a:X}, 0x{b:X}}}" for a, b in ranges(codes))
        lines += [f"const BertRange bert_{name}[] = {{{rows}}};",
                  f"const size_t bert_{name}_count = sizeof bert_{name} / sizeof *bert_{name};", ""]
    rows = ", ".join(f"{{0x{a:X}, 0x{b:X}, {d}}}" for a, b, d in cases)
    lines += [f"const BertCase bert_case[] = {{{rows}}};",
              "const size_t bert_case_count = sizeof bert_case / sizeof *bert_case;"]
    path = ROOT / "src/text/bert_tables.c"
    path.write_text("\n".join(lines) + "\n")
    subprocess.run(["clang-format", "-i", path], check=True)


# --- hard strings ---------------------------------------------------------------------------------

def load(vocabulary, **options):
    # (vocab=, not vocab_file=: transformers 5 ignores the latter and makes five tokens of its own)
    tokenizer = BertTokenizerFast(vocab=str(vocabulary), **options)
    assert len(tokenizer) > 5
    return tokenizer


def small_vocabulary():
    pieces = ["[PAD]", "[unused0]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "<s>", "</s>", "<pad>",
              "<unk>", "<mask>"]
    ascii_signs = [chr(c) for c in range(0x21, 0x7F)]
    pieces += ascii_signs + ["##" + c for c in ascii_signs if c.isalnum()]
    pieces += "##! ##[ ##SEP ##_ ## ###".split()
    pieces += """the cat sat on mat un ##aff ##able want ##ed runn ##ing ##s ##ly hello world unwanted
        jean caf cafe resume naive ##ve strasse stra ##sse istanbul co ##oper ##ate http https www com
        example ##com org john saint petersburg do not ##n't can are is was who what book ##est
        in ##terna ##tion ##al ##ization ##iza the[ [CLS ##] 12 ##34 2024 3 ##d 1st mc ##do ##nald
        aa aaa ##aa ##aaa aaaa ##aaaa Cat The ÉCOLE""".split()
    pieces += list("éèüñçåøæœðþßıłđŋſαβγδεζηθικλμνξοπρσςτυφχψωабвгджзийклмнопрстуфхцчшщъыьэюяіїё")
    pieces += ["##" + c for c in "éøæßıłσςαоаяеиαω"]
    pieces += list("אבגדהוזחטיךכלمنسلاعبةتیکابپ") + ["##" + c for c in "ןםלامیک"]
    pieces += list("中国人日本語東京大学漢字一二三豈更ひらがなカタヲーﾞ、。「」！？") + ["##ら", "##タ", "##カ"]
    pieces += ["\u1112", "##\u1161", "##\u11ab", "\u1100", "##\u1173", "##\u11af", "ﬁ", "##ﬁ", "½",
               "№", "€", "£", "²", "×", "÷", "ª", "µ", "ʼ", "’", "‘", "“", "”", "–", "—", "…", "«",
               "»", "¿", "¡", "·", "§", "¶", "•", "‹", "›", "°", "©", "\U0001f600", "##\U0001f600",
               "\U0001f468", "##\U0001f469", "\U0001f44d", "##\U0001f3fd", "\U0001f1ee",
               "##\U0001f1f7", "\u2764", "\u0e01", "##\u0e32", "\u0e33", "\u0915", "##\u0930",
               "##\u093f", "\u093f", "\u302e", "##\u302e", "##\u302f", "##\U0001d165", "\ud55c",
               "\U00020000", "\u1df6", "##\u1df6", "\U00011938", "\U0001e943", "a\u0301", "##\u0338",
               "\u0378", "##\u0378", "ﷺ", "\u2029x", "x\u00a0y"]
    lines, seen = [], set()
    for piece in pieces:
        if piece not in seen:
            seen.add(piece)
            lines.append(piece)
    # As a file may have them: an empty line, a line that occurs again, white space at the end.
    return lines + ["", "mat", "dog \t", "bird\u00a0"]


HARD = r"""
The cat sat on the mat.
UNAFFABLE
unwanted running
Hello, World!
Hello,World!!!...???
   leading and trailing   
don't can't won't they're
John's book-ish co-operate co–operate co—operate
http://www.example.com/path?q=1&r=[2]#top
https://user:pass@example.org:8080/~john/index.html
a.b,c;d:e!f?g/h\i|j
(((nested [brackets] {and} <angles>)))
$100 + 5% = €105 or £90?
"double" 'single' `back` ^caret~ _under_score_
2024-01-31 12:34:56 1,234.56 3D 1st
1234 12 34 1 2
John McDonald in Saint-Petersburg
internationalization internationalizations
[CLS] [SEP] [PAD] [UNK] [MASK]
[CLS][SEP]a[MASK]b
[cls] [Mask] [ MASK ] [MASK [[MASK]] MASK]
<s> </s> <pad> <unk> <mask>
<S></S> <PAD> <Unk> <MASK> [unk] [Unk] a<mask>b  <mask>. [UN\u{301}K] <\u{200B}s>
the[ the [ the[CLS
[unused0] [unused1]
## #### ##ing the##ing # # the ##
café CAFÉ cafe\u{301} CAFE\u{301} résumé naïve
École ÉCOLE E\u{301}cole
Straße STRASSE STRA\u{1E9E}E stra\u{DF}e
\u{130}stanbul \u{131}stanbul I\u{307}stanbul ISTANBUL i\u{307}
Ελληνικά ΕΛΛΗΝΙΚΑ Σίσυφος ΣΙΣΥΦΟΣ ς σ Σ
ά\u{3B1}\u{301} \u{1F00}\u{1FB3} \u{390} \u{37E} \u{387}
Русский язык ЁЖИК йод Й и\u{306} їжак
łódź Łódź Đorđe Øre ÆON Þór ŋ ſ
\u{5E9}\u{5C1}\u{5B8}\u{5DC}\u{5D5}\u{5B9}\u{5DD} אבג
سلام دنیا کتاب\u{200C}ها عَرَبِيّ ۱۲۳ ؟ ،
می\u{200C}روم \u{644}\u{627} \u{FEFB} ﷺ
हिन्दी क्षि \u{915}\u{93C} \u{958}
กา กำ ไทย
中国人
日本語とEnglish混ぜる
東京大学hello漢字world
\u{F900}\u{F901} \u{2F800} \u{FA0E}
\u{20000}a\u{2A6D6}b\u{2B740} \u{2B820}\u{2CEB0}
\u{3400}\u{4DB5}\u{4DC0}\u{9FFF}\u{A000}
ひらがな カタカナ ｶﾀｶﾅ ガ か\u{3099} ー
한국어 \u{1112}\u{1161}\u{11AB} \u{AE00}
「引用」、。！？
fullwidth ＡＢＣ １２３ ！（）
\u{1F600}\u{1F600} a\u{1F600}b
\u{1F468}\u{200D}\u{1F469}\u{200D}\u{1F467}
\u{1F44D}\u{1F3FD} \u{1F1EE}\u{1F1F7} \u{2764}\u{FE0F}
zero\u{200B}width\u{200C}non\u{200D}joiner\u{FEFF}s
soft\u{AD}hyphen \u{2060}word\u{2061}join
left\u{200E}right\u{200F}marks \u{202A}embed\u{202C} \u{2066}iso\u{2069}
nbsp\u{A0}here narrow\u{202F}nbsp thin\u{2009}sp ideo\u{3000}graphic ogham\u{1680}sp
line\u{2028}sep para\u{2029}sep next\u{85}line
the\u{9}cat\u{A}sat\u{D}on\u{D}\u{A}mat
the\u{B}cat\u{C}sat\u{1C}on\u{1F}the\u{7F}mat
\u{0}the\u{0}cat\u{0}
the\u{FFFD}cat \u{FFFE}\u{FFFF} \u{1FFFE}
the\u{8} cat\u{8}
\u{1}\u{2}\u{3}
private\u{E000}use \u{F8FF} \u{F0000}x \u{10FFFD}
unassigned\u{378} \u{378}\u{378} \u{E0080}
tag\u{E0041}s variation\u{FE0E} \u{E0100}x
\u{180E}mongolian\u{180E}vowel
\u{61C}arabic\u{61C}letter
a\u{300}\u{301}\u{302}\u{303} z\u{335}\u{301}a\u{327}lgo
\u{301}starts with a mark
. \u{301} \u{301}. a\u{301}.\u{301}
\u{302E}a a\u{302E}\u{302F} \u{302F}\u{302E}
b\u{1D165}\u{302E} b\u{302E}\u{1D165} b\u{1D165}\u{301}\u{302E} b\u{1D165}\u{34F}\u{302E}
b\u{302E}\u{34F}\u{1D165} b\u{302E}\u{200B}\u{1D165} b\u{302E}\u{301}\u{1D165} b\u{302E}\u{FE0F}\u{1D165}
b\u{1D165} \u{302E} b\u{1D165}\u{200B}\u{302E} b\u{1D165}\u{1DF6}\u{302E}
b\u{1DF6}\u{301} \u{1DF6} a\u{1ABF} \u{11938}
\u{1E943} \u{10400} \u{10D50} \u{1C89} \u{A7CB} \u{A7DC}
≠ = ≮ < ≯ \u{2260} a≠b \u{226E}a
\u{1FEF} \u{1FFD} \u{340} \u{344} \u{374}
ﬁne ﬁ ﬀ ĳ Ǆ ǅ ǆ ½ ² ª µ № ™ Å \u{212A} \u{2126}
\u{2019}tis \u{2018}twas “quoted” «guillemets» ‹x› …
¿que? ¡ole! a·b §1 ¶2 • item ° © × ÷
emdash—between–ranges‐hyphen‑nonbreaking−minus
the.cat.sat...mat..
a-b_c+d=e~f^g`h|i
$+<=>^`|~
\u{2E3A}\u{2E43}\u{2E52} \u{61D} \u{166D} \u{111C9}x
\u{55B}\u{589}\u{964}\u{E4F}\u{E5A}\u{F04}\u{1361}
x\u{A0}y x\u{2029}x
dog bird mat
Cat The cat the
aaaaaaa aaaaaaaaaaaaaaaaaaaa
"""


def escape(text):
    return "".join(c if " " <= c <= "~" and c not in "\\#" else f"\\u{{{ord(c):X}}}" for c in text)


def unescape(line):
    parts = line.split("\\u{")
    return parts[0] + "".join(chr(int(p.split("}", 1)[0], 16)) + p.split("}", 1)[1]
                              for p in parts[1:])


def hard_strings():
    texts = [unescape(line) for line in HARD.strip("\n").split("\n")]
    texts += ["", " ", "\t\n\r ", "\u3000", "\u0301", "\x00"]
    for n in (99, 100, 101, 102, 103, 104, 150, 300):
        texts += ["a" * n, "the " + "a" * n + " cat", "é" * n]
    texts += ["q" * 100 + "é", "a\u0301" * 100, "a\u0301" * 101, "\U0001f600" * 100,
              "\U0001f600" * 101, "a\u302e" * 50, "a\u302e" * 51, "中" * 120, "." * 120,
              "b" + "\u302e\U0001d165" * 49, "b" + "\u302e\U0001d165" * 60,
              "a" * 60 + "-" + "a" * 60, "한" * 33, "한" * 34, "the " * 200]
    # Seeded mixtures of everything that has ever been a special case.
    rng = random.Random(7)
    atoms = [unescape(a) for t in HARD.split("\n") for a in t.split(" ") if a] + [
        " ", "\t", "\u200b", "\u0301", "\u0327", "\u302e", "\U0001d165", "中", "a", "I", "İ", ".",
        "[MASK]", "##", "é", "\u00a0", "\ufffd", "\x07", "\u1df6", "\u0344"]
    texts += ["".join(rng.choice(atoms) for _ in range(rng.randrange(2, 14))) for _ in range(60)]
    chars = [c for c in range(0x20, 0x3200) if c != 0xFFFD]
    texts += ["".join(chr(rng.choice(chars)) for _ in range(20)) for _ in range(30)]
    return texts


def write_table(path, about, columns, rows):
    with open(path, "w", encoding="ascii", newline="\n") as out:
        out.write(f"# Made by tests/golden/wordpiece.py from {MADE_WITH}. {about}\n")
        out.write("\t".join(columns) + "\n")
        for row in rows:
            out.write("\t".join(map(str, row)) + "\n")


def hard():
    vocabulary = HERE / "wordpiece_vocab.txt"
    vocabulary.write_text("\n".join(small_vocabulary()) + "\n", encoding="utf-8", newline="\n")
    uncased, cased = load(vocabulary), load(vocabulary, do_lower_case=False)
    mpnet = MPNetTokenizer(vocab=str(vocabulary))
    rows = []
    for text in hard_strings():
        lists = [tokenizer(text)["input_ids"] for tokenizer in (uncased, cased, mpnet)]
        rows.append([escape(text)] + [" ".join(map(str, ids)) for ids in lists])
    write_table(HERE / "wordpiece_hard.tsv",
                "Vocabulary: wordpiece_vocab.txt. \\u{HEX} is a code point.",
                ["text", "ids_bert", "ids_bert_cased", "ids_mpnet"], rows)
    rows = []
    split = pre_tokenizers.BertPreTokenizer()
    for name, lower in (("uncased", True), ("cased", False)):
        normalizer = normalizers.BertNormalizer(lowercase=lower)
        value, words = fnv(b""), 0
        for code in CODES:
            found = split.pre_tokenize_str(normalizer.normalize_str("A" + chr(code) + "b"))
            words += len(found)
            value = fnv("".join(word + "\n" for word, _ in found).encode(), value)
        rows.append([name, words, f"{value:016x}"])
    write_table(HERE / "wordpiece_words.tsv",
                "Words of A?b for every code point ?, each ended by a newline, hashed by FNV-1a.",
                ["case", "words", "hash"], rows)


# --- CoLA -----------------------------------------------------------------------------------------

def cola(data):
    data = pathlib.Path(data)
    tokenizer = load(data / "models/bert-base-uncased/vocab.txt")
    rows = []
    for form in ("raw", "tokenized"):
        for part in ("in_domain_train", "in_domain_dev", "out_of_domain_dev"):
            lines = (data / f"data/cola/{form}/{part}.tsv").read_bytes().decode().split("\n")
            sentences = [line.split("\t")[3] for line in lines if line]
            ids = [tokenizer(sentence)["input_ids"] for sentence in sentences]
            value = fnv(b"".join(map(ids_bytes, ids)))
            rows.append([form, part, len(ids), sum(map(len, ids)), f"{value:016x}"])
    write_table(HERE / "wordpiece_cola.tsv",
                "FNV-1a, 64 bits, over the ids (int32, little-endian, specials included).",
                ["form", "part", "sentences", "tokens", "hash"], rows)


if __name__ == "__main__":
    if sys.argv[1:] == ["tables"]:
        tables()
    elif sys.argv[1:] == ["hard"]:
        hard()
    elif len(sys.argv) == 3 and sys.argv[1] == "cola":
        cola(sys.argv[2])
    else:
        sys.exit(__doc__)
