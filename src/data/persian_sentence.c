#include "data/persian_sentence.h"
#include "text/utf8.h"
#include "text/words.h"

#include <string.h>

#define SPEAKER_WORDS_MAX 7
#define WORD_LETTERS_MAX  25

/* What is counted over all tokens, also those beyond the longest sentence. */
typedef struct {
    size_t words, signs, persian, arabic;
    int long_word;
    uint32_t last_sign; /* code point of the last sign that is no closing bracket or quotation mark,
                           where nothing but those follows it; 0: a word comes last */
} Tally;

static size_t count_letters(const char *word, size_t bytes) {
    size_t letters = 0;
    for (size_t i = 0; i < bytes; i++) letters += ((unsigned char)word[i] & 0xC0) != 0x80;
    return letters;
}

/* The Arabic article and three letters more: no Persian word but a few (البته, الان) begins so. */
static int has_article(const char *word, size_t bytes) {
    return bytes >= 10 && memcmp(word, "ال", 4) == 0 && memcmp(word, "البته", 10) != 0;
}

static int is_closing(uint32_t code) {
    switch (code) {
    case ')':
    case ']':
    case '"':
    case '\'':
    case 0xBB:   /* » */
    case 0x201D: /* ” */
    case 0x2019: /* ’ */
    case 0x203A: /* › */
        return 1;
    default:
        return 0;
    }
}

static int is_end(uint32_t code) {
    switch (code) {
    case '.':
    case '!':
    case '?':
    case 0x61F:  /* ؟ */
    case 0x2026: /* … */
    case 0x6D4:  /* ۔ */
        return 1;
    default:
        return 0;
    }
}

static uint32_t code_of(const Words *token) {
    uint32_t code = 0;
    utf8_decode(token->word, token->bytes, &code);
    return code;
}

static void tally(const Words *token, Tally *all) {
    if (token->kind == WORD_SIGN) {
        uint32_t code = code_of(token);
        all->signs++;
        if (!is_closing(code) || !all->last_sign) all->last_sign = code;
        return;
    }
    all->words++;
    all->last_sign = 0;
    all->persian += token->kind == WORD_PERSIAN;
    all->arabic += token->kind == WORD_PERSIAN && has_article(token->word, token->bytes);
    all->long_word = all->long_word || count_letters(token->word, token->bytes) > WORD_LETTERS_MAX;
}

/* The most frequent word's share of the words kept. */
static int is_repetitive(const PersianSentence *sentence) {
    if (sentence->words < 9) return 0;
    for (int i = 0; i < sentence->words; i++) {
        int same = 0;
        for (int k = i; k < sentence->words; k++)
            same += sentence->bytes[k] == sentence->bytes[i] &&
                    memcmp(sentence->word[k], sentence->word[i], sentence->bytes[i]) == 0;
        if (3 * same > sentence->words) return 1;
    }
    return 0;
}

static int is_dash(const Words *token) {
    if (token->kind != WORD_SIGN) return 0;
    uint32_t code = code_of(token);
    return code == '-' || code == 0x2013 || code == 0x2014;
}

/* Where the sentence proper begins: behind "رئیس- " (some words, a dash that stands at the last of
 * them and away from what follows), behind "3- " or "3. " or "3) ". */
static const char *begin_of(const char *text, size_t size, int speakers, PersianSentence *out) {
    Words token;
    const char *begin = text;
    int words = 0, only_number = 0;
    words_begin(&token, text, size);
    for (int i = 0; words_next(&token) && i < 2 * SPEAKER_WORDS_MAX; i++) {
        const char *behind = token.word + token.bytes;
        int away = behind < text + size && *behind == ' ';
        if (only_number && token.kind == WORD_SIGN && token.glued &&
            (is_dash(&token) || (away && (*token.word == '.' || *token.word == ')')))) {
            out->list_number = 1;
            begin = behind;
        } else if (speakers && words > 0 && words <= SPEAKER_WORDS_MAX && is_dash(&token) &&
                   token.glued && away) {
            out->speaker = 1;
            begin = behind;
        }
        words += token.kind != WORD_SIGN;
        only_number = words == 1 && token.kind == WORD_NUMBER;
        if (!speakers && !only_number) break;
    }
    return begin;
}

int persian_sentence_take(const char *text, size_t size, int how, PersianSentence *out) {
    Words token;
    Tally all = {0};
    *out = (PersianSentence){0};
    int given = how & PERSIAN_TAKE_GIVEN;
    const char *begin = given ? text : begin_of(text, size, how & PERSIAN_TAKE_SPEAKERS, out);
    words_begin(&token, begin, size - (size_t)(begin - text));
    while (words_next(&token)) {
        if (token.kind != WORD_SIGN && all.words < REORDER_LENGTH_HIGH) {
            out->word[out->words] = token.word;
            out->bytes[out->words++] = token.bytes;
        }
        tally(&token, &all);
    }
    int ends = given || how & PERSIAN_TAKE_UNENDED || is_end(all.last_sign);
    if (!given && all.last_sign == ':') return PERSIAN_COLON;
    if (!ends) return PERSIAN_NO_END;
    if (all.words < REORDER_LENGTH_LOW) return PERSIAN_SHORT;
    if (all.words > REORDER_LENGTH_HIGH) return PERSIAN_LONG;
    if (given) return -1;
    if (10 * all.persian < 7 * all.words) return PERSIAN_FOREIGN;
    if (10 * all.arabic >= 3 * all.words) return PERSIAN_ARABIC;
    if (all.signs > all.words) return PERSIAN_SIGNS;
    if (all.long_word) return PERSIAN_LONG_WORD;
    if (is_repetitive(out)) return PERSIAN_REPEATED;
    return -1;
}
