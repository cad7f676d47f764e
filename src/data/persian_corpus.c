#include "data/persian_corpus.h"
#include "base/hash.h"
#include "data/conllu.h"
#include "data/persian_sentence.h"
#include "data/text_file.h"
#include "text/sentences.h"
#include "text/utf8.h"
#include "text/words.h"

#include <stdlib.h>
#include <string.h>

#define DOCS "persian/docs/"
#define GOLD "persian/gold/"

const PersianCorpus persian_corpora[] = {
    {"perdt_train", GOLD "perdt/fa_perdt-ud-train.txt", PERSIAN_SENTENCES, 0, 1, 1, "CC BY-SA 4.0",
     "UD_Persian-PerDT"},
    {"perdt_dev", GOLD "perdt/fa_perdt-ud-dev.conllu", PERSIAN_TREEBANK, 0, 1, 1, "CC BY-SA 4.0",
     "UD_Persian-PerDT"},
    {"perdt_test", GOLD "perdt/fa_perdt-ud-test.conllu", PERSIAN_TREEBANK, 0, 1, 1, "CC BY-SA 4.0",
     "UD_Persian-PerDT"},
    {"seraji_test", GOLD "seraji/fa_seraji-ud-test.conllu", PERSIAN_TREEBANK, 0, 1, 1,
     "CC BY-SA 4.0", "UD_Persian-Seraji"},
    {"tatoeba", DOCS "tatoeba.txt", PERSIAN_LINES, 0, 1, 1, "CC BY 2.0 FR", "Tatoeba"},
    {"wiki_pquad", DOCS "wiki_pquad.txt", PERSIAN_DOCUMENTS, PERSIAN_NOTES, 1, 1, "CC BY-SA 4.0",
     "PQuAD"},
    {"wiki_bio", DOCS "wiki_bio.txt", PERSIAN_DOCUMENTS, PERSIAN_NOTES, 1, 1, "CC BY-SA",
     "Wikipedia"},
    {"assembly1979_1989", DOCS "assembly1979_1989.txt", PERSIAN_DOCUMENTS, PERSIAN_SPEAKERS, 1, 0,
     "official", "Assembly of Experts"},
    {"news_fars", DOCS "news_fars.txt", PERSIAN_DOCUMENTS, 0, 1, 0, "said CC BY", "Fars"},
    {"sport_varzesh3", DOCS "sport_varzesh3.txt", PERSIAN_DOCUMENTS, 0, 1, 0, "of the repository",
     "Varzesh3"},
    {"health_namnak", DOCS "health_namnak.txt", PERSIAN_DOCUMENTS, 0, 1, 1, "of the repository",
     "Namnak"},
    {"news_isna", DOCS "news_isna.txt", PERSIAN_DOCUMENTS, 0, 0, 0, "none stated", "ISNA"},
    {"news_hamshahri", DOCS "news_hamshahri.txt", PERSIAN_DOCUMENTS, PERSIAN_WRAPPED, 0, 0,
     "none stated", "Hamshahri"},
    {"news_autir4k", DOCS "news_autir4k.txt", PERSIAN_DOCUMENTS, PERSIAN_BACKSLASHES, 0, 0,
     "none stated", "AUTIR"},
    {"news_khabaryaab", DOCS "news_khabaryaab.txt", PERSIAN_DOCUMENTS, 0, 0, 0, "none stated",
     "KhabarYaab"},
};
const size_t persian_corpora_count = sizeof persian_corpora / sizeof *persian_corpora;

const PersianCorpus *persian_corpus_find(const char *name) {
    for (size_t i = 0; i < persian_corpora_count; i++)
        if (strcmp(persian_corpora[i].name, name) == 0) return &persian_corpora[i];
    return NULL;
}

static const char *const filter_names[PERSIAN_FILTERS] = {
    "colon", "no_end", "short", "long", "foreign", "arabic", "signs", "long_word", "repeated"};

const char *persian_filter_name(PersianFilter filter) {
    return (unsigned)filter < PERSIAN_FILTERS ? filter_names[filter] : "?";
}

/* --- the pool --------------------------------------------------------------------------------- */

static Status no_memory(const PersianPool *pool) {
    return status_fail(STATUS_MEMORY, "no memory for more than %zu sentences", pool->sentences);
}

static int grow(void *array, size_t size, size_t room) {
    void *grown = realloc(*(void **)array, size * room);
    if (grown) *(void **)array = grown;
    return grown != NULL;
}

static Status add_document(PersianPool *pool, int number, uint64_t hash) {
    if (pool->documents == pool->room_documents) {
        size_t room = 2 * pool->room_documents + 1024;
        if (!grow(&pool->hash, sizeof *pool->hash, room) || !grow(&pool->of, 1, room))
            return no_memory(pool);
        pool->room_documents = room;
    }
    pool->hash[pool->documents] = hash;
    pool->of[pool->documents++] = (uint8_t)number;
    return STATUS_OK;
}

/* Adds a sentence to the last document. */
static Status add_sentence(PersianPool *pool, int number, const PersianSentence *sentence) {
    if (pool->sentences + 2 > pool->room_sentences) {
        size_t room = 2 * pool->room_sentences + 4096;
        if (!grow(&pool->start, sizeof *pool->start, room) ||
            !grow(&pool->document, sizeof *pool->document, room) || !grow(&pool->corpus, 1, room))
            return no_memory(pool);
        if (pool->room_sentences == 0) pool->start[0] = 0;
        pool->room_sentences = room;
    }
    size_t at = pool->start[pool->sentences];
    if (at + REORDER_LENGTH_HIGH > pool->room_words) {
        size_t room = 2 * pool->room_words + 65536;
        if (!grow(&pool->word, sizeof *pool->word, room)) return no_memory(pool);
        pool->room_words = room;
    }
    for (int i = 0; i < sentence->words; i++)
        STATUS_TRY(reorder_words_add(&pool->words, sentence->word[i], sentence->bytes[i],
                                     &pool->word[at + (size_t)i]));
    pool->document[pool->sentences] = (uint32_t)(pool->documents - 1);
    pool->corpus[pool->sentences++] = (uint8_t)number;
    pool->start[pool->sentences] = at + (size_t)sentence->words;
    return STATUS_OK;
}

void persian_pool_free(PersianPool *pool) {
    reorder_words_free(&pool->words);
    free(pool->start);
    free(pool->word);
    free(pool->document);
    free(pool->corpus);
    free(pool->hash);
    free(pool->of);
    *pool = (PersianPool){0};
}

/* --- one document ------------------------------------------------------------------------------
 */

typedef struct {
    const PersianCorpus *corpus;
    int number;
    PersianPool *pool;
    PersianCounts *counts;
    PersianText text;
    SentenceList list;
} Reader;

static int how_to_take(const PersianCorpus *corpus) {
    int how = corpus->oddities & PERSIAN_SPEAKERS ? PERSIAN_TAKE_SPEAKERS : 0;
    if (corpus->form == PERSIAN_LINES) how |= PERSIAN_TAKE_UNENDED;
    if (corpus->form == PERSIAN_SENTENCES) how |= PERSIAN_TAKE_GIVEN;
    return how;
}

static Status take_sentence(Reader *reader, const char *text, size_t size) {
    PersianSentence sentence;
    PersianCounts *counts = reader->counts;
    int filter = persian_sentence_take(text, size, how_to_take(reader->corpus), &sentence);
    counts->sentences++;
    counts->speakers += (size_t)sentence.speaker;
    counts->list_numbers += (size_t)sentence.list_number;
    if (filter >= 0) {
        counts->dropped[filter]++;
        return STATUS_OK;
    }
    counts->kept++;
    return add_sentence(reader->pool, reader->number, &sentence);
}

static Status normalise(Reader *reader, const char *text, size_t size) {
    PersianReport report;
    STATUS_TRY(persian_normalise(text, size, NULL, &reader->text, &report));
    for (int rule = 0; rule < PERSIAN_RULES; rule++)
        reader->counts->changes[rule] += report.changes[rule];
    reader->counts->words_changed += report.words_before - report.words_after;
    return STATUS_OK;
}

/* A document's text, or one line of a list of sentences. */
static Status take_document(Reader *reader, const char *text, size_t size) {
    STATUS_TRY(normalise(reader, text, size));
    const PersianText *clean = &reader->text;
    if (clean->size == 0) return STATUS_OK;
    reader->counts->documents++;
    STATUS_TRY(add_document(reader->pool, reader->number,
                            hash_bytes(HASH_BEGIN, clean->bytes, clean->size)));
    if (reader->corpus->form == PERSIAN_SENTENCES)
        return take_sentence(reader, clean->bytes, clean->size);
    STATUS_TRY(sentences_split(clean->bytes, clean->size, NULL, &reader->list));
    for (size_t i = 0; i < reader->list.count; i++)
        STATUS_TRY(take_sentence(reader, clean->bytes + reader->list.start[i],
                                 reader->list.end[i] - reader->list.start[i]));
    return STATUS_OK;
}

/* --- what is odd ------------------------------------------------------------------------------ */

#define WRAP_LETTERS 60

size_t persian_unwrap(char *text, size_t size, size_t *joined) {
    size_t letters = 0, count = 0;
    for (size_t i = 0; i < size; i++) {
        if (text[i] != '\n') {
            letters += ((unsigned char)text[i] & 0xC0) != 0x80;
            continue;
        }
        size_t last = i;
        while (last > 0 && (text[last - 1] == ' ' || text[last - 1] == '\r')) last--;
        int ends = last > 0 && (strchr(".!?:", text[last - 1]) != NULL ||
                                (last > 1 && memcmp(text + last - 2, "؟", 2) == 0));
        if (letters >= WRAP_LETTERS && !ends && i + 1 < size) {
            text[i] = ' ';
            count++;
        }
        letters = 0;
    }
    if (joined) *joined += count;
    return size;
}

/* Removes backslashes before a sign of ASCII, in place. */
static size_t remove_backslashes(char *text, size_t size, size_t *removed) {
    size_t kept = 0;
    for (size_t i = 0; i < size; i++) {
        if (text[i] == '\\' && i + 1 < size && strchr(".-()[]*_#+!", text[i + 1]) && text[i + 1]) {
            (*removed)++;
            continue;
        }
        text[kept++] = text[i];
    }
    return kept;
}

/* Whether what a bracket holds is a note of the encyclopedia's: a number, "citation needed", "note
 * 7". */
static int is_note(const char *text, size_t size) {
    static const char *const begins[] = {"نیازمند", "یادداشت", "پانویس", "مدرک"};
    size_t digits = 0;
    for (size_t i = 0; i < sizeof begins / sizeof *begins; i++)
        if (size >= strlen(begins[i]) && memcmp(text, begins[i], strlen(begins[i])) == 0) return 1;
    while (digits < size) {
        uint32_t code;
        size_t length = utf8_decode(text + digits, size - digits, &code);
        int digit = (code >= '0' && code <= '9') || (code >= 0x6F0 && code <= 0x6F9);
        if (length == 0 || !digit) return 0;
        digits += length;
    }
    return size > 0;
}

size_t persian_remove_notes(char *text, size_t size, size_t *removed) {
    enum { NOTE_BYTES_MAX = 80 };
    size_t kept = 0;
    for (size_t i = 0; i < size; i++) {
        if (text[i] == '[') {
            size_t near = size - i < NOTE_BYTES_MAX ? size - i : NOTE_BYTES_MAX;
            const char *close = memchr(text + i, ']', near);
            if (close && is_note(text + i + 1, (size_t)(close - text) - i - 1)) {
                (*removed)++;
                i = (size_t)(close - text);
                continue;
            }
        }
        text[kept++] = text[i];
    }
    return kept;
}

/* --- whole files ------------------------------------------------------------------------------ */

/* The end of the line that starts at `at`, without its newline; *next is where another may start.
 */
static size_t line_end(const char *text, size_t size, size_t at, size_t *next) {
    const char *newline = memchr(text + at, '\n', size - at);
    size_t end = newline ? (size_t)(newline - text) : size;
    *next = newline ? end + 1 : size;
    return end;
}

static int is_blank(const char *text, size_t size) {
    for (size_t i = 0; i < size; i++)
        if (text[i] != ' ' && text[i] != '\r' && text[i] != '\t') return 0;
    return 1;
}

/* Changes `text` where the corpus is odd. */
static Status read_text(Reader *reader, char *text, size_t size) {
    int oddities = reader->corpus->oddities, by_line = reader->corpus->form != PERSIAN_DOCUMENTS;
    size_t begin = 0, next;
    for (size_t at = 0; at < size; at = next) {
        size_t end = line_end(text, size, at, &next);
        int blank = is_blank(text + at, end - at);
        reader->counts->paragraphs += !blank;
        if (!by_line && !blank && next < size) continue;
        size_t length = (by_line || !blank ? end : at) - begin;
        if (oddities & PERSIAN_BACKSLASHES)
            length = remove_backslashes(text + begin, length, &reader->counts->backslashes);
        if (oddities & PERSIAN_NOTES)
            length = persian_remove_notes(text + begin, length, &reader->counts->notes);
        if (oddities & PERSIAN_WRAPPED)
            length = persian_unwrap(text + begin, length, &reader->counts->lines_joined);
        STATUS_TRY(take_document(reader, text + begin, length));
        begin = next;
    }
    return STATUS_OK;
}

/* The words of a treebank's sentence that are no punctuation, with a space between. */
static Status join_words(const ConlluSentence *sentence, char **line, size_t *room, size_t *size) {
    *size = 0;
    for (size_t w = 0; w < sentence->words; w++) {
        if (sentence->word[w].punctuation) continue;
        size_t length = strlen(sentence->word[w].form);
        if (*size + length + 1 > *room) {
            size_t larger = 2 * *room + length + 256;
            if (!grow(line, 1, larger))
                return status_fail(STATUS_MEMORY, "no memory for a sentence of %zu words",
                                   sentence->words);
            *room = larger;
        }
        if (*size) (*line)[(*size)++] = ' ';
        memcpy(*line + *size, sentence->word[w].form, length);
        *size += length;
    }
    return STATUS_OK;
}

/* Whether the words found in the sentence's own text are those of the last sentence of the pool. */
static Status compare_words(Reader *reader, const char *text) {
    PersianPool *pool = reader->pool;
    size_t first = pool->start[pool->sentences - 1];
    size_t count = pool->start[pool->sentences] - first, words = 0;
    int same = 1;
    Words token;
    STATUS_TRY(normalise(reader, text, strlen(text)));
    words_begin(&token, reader->text.bytes, reader->text.size);
    while (words_next(&token)) {
        if (token.kind == WORD_SIGN) continue;
        same =
            same && words < count &&
            reorder_words_find(&pool->words, token.word, token.bytes) == pool->word[first + words];
        words++;
    }
    reader->counts->other_words += !same || words != count;
    return STATUS_OK;
}

static Status read_treebank(Reader *reader, const Conllu *treebank) {
    char *line = NULL;
    size_t room = 0, size;
    Status status = STATUS_OK;
    for (size_t s = 0; status == STATUS_OK && s < treebank->sentences; s++) {
        const ConlluSentence *sentence = &treebank->sentence[s];
        size_t kept = reader->counts->kept;
        reader->counts->paragraphs++;
        status = join_words(sentence, &line, &room, &size);
        if (status == STATUS_OK) status = take_document(reader, line ? line : "", size);
        if (status == STATUS_OK && reader->counts->kept > kept && *sentence->text)
            status = compare_words(reader, sentence->text);
    }
    free(line);
    return status;
}

static void reader_free(Reader *reader) {
    persian_text_free(&reader->text);
    sentence_list_free(&reader->list);
}

static Status parse(const PersianCorpus *corpus, const char *path, char *text, size_t size,
                    int number, PersianPool *pool, PersianCounts *counts) {
    Reader reader = {.corpus = corpus, .number = number, .pool = pool, .counts = counts};
    *counts = (PersianCounts){.bytes = size};
    STATUS_TRY(text_file_check(path, text, size));
    size_t mark = size >= 3 && memcmp(text, "\xEF\xBB\xBF", 3) == 0 ? 3 : 0;
    Status status = read_text(&reader, text + mark, size - mark);
    reader_free(&reader);
    return status == STATUS_OK ? status : status_prefix(status, "%s", path);
}

Status persian_corpus_parse(const PersianCorpus *corpus, const char *path, const char *bytes,
                            size_t size, int number, PersianPool *pool, PersianCounts *counts) {
    char *text = malloc(size + 1);
    if (!text) return status_fail(STATUS_MEMORY, "%s: %zu bytes asked", path, size);
    if (size) memcpy(text, bytes, size);
    Status status = parse(corpus, path, text, size, number, pool, counts);
    free(text);
    return status;
}

Status persian_corpus_read(const PersianCorpus *corpus, const char *path, int number,
                           PersianPool *pool, PersianCounts *counts) {
    if (corpus->form != PERSIAN_TREEBANK) {
        TextFile file;
        STATUS_TRY(text_file_read(path, &file));
        Status status = parse(corpus, path, file.bytes, file.size, number, pool, counts);
        text_file_free(&file);
        return status;
    }
    Conllu *treebank;
    PersianCorpus lines = *corpus;
    lines.form = PERSIAN_SENTENCES; /* its sentences are given, not found */
    Reader reader = {.corpus = &lines, .number = number, .pool = pool, .counts = counts};
    *counts = (PersianCounts){0};
    STATUS_TRY(conllu_load(path, &treebank));
    Status status = read_treebank(&reader, treebank);
    conllu_free(treebank);
    reader_free(&reader);
    return status == STATUS_OK ? status : status_prefix(status, "%s", path);
}
