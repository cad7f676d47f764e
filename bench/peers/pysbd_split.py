"""pySBD's Persian rules on the texts of q5_split, once and by hand: its figures are kept in
experiments/q5_split_pysbd.tsv, so that nobody needs Python to see them.

    pip install pysbd
    python bench/peers/pysbd_split.py build/data/persian/gold/seraji > experiments/q5_split_pysbd.tsv

The texts are put together as q5_split does: sentences of a treebank joined by one space; each hard
case for itself. `units` has a sign for each true sentence: . its end was found, x it was missed
(the last one of a text has no end to find: -), and behind it the number of cuts within it, if any.
q5_split scores them as it scores its own, and refuses them when the text has changed since.
"""

import hashlib
import pathlib
import sys

import pysbd
import pysbd.about

SPACES = " \t\n\r\v\f\u00a0"


def visible(text):
    return sum(c not in SPACES for c in text)


def cuts_of(sentences):
    """Cuts as numbers of visible characters before them; the end of the text is none."""
    places, seen = [], 0
    for sentence in sentences:
        seen += visible(sentence)
        places.append(seen)
    return places[:-1]


def units_of(gold, found, out):
    found = sorted(set(found))
    at = 0
    for place in gold + [None]:
        wrong = 0
        while at < len(found) and (place is None or found[at] < place):
            wrong += 1
            at += 1
        if place is None:
            sign = "-"
        elif at < len(found) and found[at] == place:
            sign = "."
            at += 1
        else:
            sign = "x"
        out.append(sign + (str(wrong) if wrong else ""))


def treebank(path):
    lines = path.read_text(encoding="utf-8").split("\n")
    if path.suffix == ".conllu":
        lines = [line[len("# text = "):] for line in lines if line.startswith("# text = ")]
    return [[line.strip(SPACES) for line in lines if line.strip(SPACES)]]


def cases(path):
    texts = []
    for line in path.read_text(encoding="utf-8").split("\n"):
        if not line or line.startswith("#") or line.startswith("kind\t"):
            continue
        texts.append(line.split("\t")[1].replace("\\n", "\n").split("|"))
    return texts


def main():
    folder = pathlib.Path(sys.argv[1])
    golden = pathlib.Path(__file__).resolve().parents[2] / "tests" / "golden"
    sets = {
        "train": (treebank(folder / "fa_seraji-ud-train.txt"), " "),
        "dev": (treebank(folder / "fa_seraji-ud-dev.conllu"), " "),
        "test": (treebank(folder / "fa_seraji-ud-test.conllu"), " "),
        "hard": (cases(golden / "sentences_hard.tsv"), ""),
        "fresh": (cases(golden / "sentences_fresh.tsv"), ""),
    }
    segmenter = pysbd.Segmenter(language="fa", clean=False)
    print("set\tversion\ttext_sha256\tunits")
    for name, (texts, joint) in sets.items():
        out, digest = [], hashlib.sha256()
        for sentences in texts:
            text = joint.join(sentences)
            digest.update(text.encode("utf-8"))
            # Paragraph by paragraph, as the documentation of pySBD advises.
            found = []
            for line in text.split("\n"):
                found.extend(segmenter.segment(line) if line.strip(SPACES) else [])
            if visible("".join(found)) != visible(text):
                print(f"pysbd_split: {name}: {visible(text) - visible(''.join(found))} visible "
                      "characters were lost", file=sys.stderr)
            units_of(cuts_of(sentences), cuts_of(found), out)
        print(f"{name}\t{pysbd.about.__version__}\t"
              f"{digest.hexdigest()}\t{' '.join(out)}")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
