#include "text/words.h"

#include "text/persian.h"
#include "text/utf8.h"

#include <utf8proc.h>

typedef enum { SPACE, LETTER, FOREIGN, DIGIT, JOINER, SIGN } Class;

/* Bytes that are no character count as foreign letters, one by one. */
static size_t next_class(const char *at, const char *end, Class *class, uint32_t *code) {
    size_t length = utf8_decode(at, (size_t)(end - at), code);
    if (length == 0) {
        *class = FOREIGN;
        *code = 0;
        return 1;
    }
    if (persian_is_space(*code))
        *class = SPACE;
    else if (persian_is_letter(*code))
        *class = LETTER;
    else if (*code == 0x200C || *code == 0x640)
        *class = JOINER;
    else
        switch (utf8proc_category((utf8proc_int32_t)*code)) {
        case UTF8PROC_CATEGORY_LU:
        case UTF8PROC_CATEGORY_LL:
        case UTF8PROC_CATEGORY_LT:
        case UTF8PROC_CATEGORY_LM:
        case UTF8PROC_CATEGORY_LO:
            *class = FOREIGN;
            break;
        case UTF8PROC_CATEGORY_ND:
        case UTF8PROC_CATEGORY_NL:
        case UTF8PROC_CATEGORY_NO:
            *class = DIGIT;
            break;
        case UTF8PROC_CATEGORY_MN:
        case UTF8PROC_CATEGORY_MC:
        case UTF8PROC_CATEGORY_ME:
        case UTF8PROC_CATEGORY_CF:
            *class = JOINER;
            break;
        default:
            *class = SIGN;
        }
    return length;
}

void words_begin(Words *words, const char *sentence, size_t size) {
    *words = (Words){.at = sentence, .end = sentence + size};
    words->word = sentence;
}

/* Whether the sign `code` between two such characters holds them together. */
static int holds(uint32_t code, Class before, Class after) {
    int latin = before == FOREIGN || after == FOREIGN;
    switch (code) {
    case '.':
    case ':':
    case '/':
    case ',':
        return (before == DIGIT && after == DIGIT) ||
               (latin && before != LETTER && after != LETTER && code != ',');
    case 0x66B: /* Arabic decimal separator */
    case 0x66C: /* Arabic thousands separator */
        return before == DIGIT && after == DIGIT;
    case '\'':
    case 0x2019:
    case '-':
    case '_':
    case '@':
    case '&':
    case '?':
    case '=':
    case '#':
    case '+':
    case '~':
        return latin && before != LETTER && after != LETTER;
    default:
        return 0;
    }
}

int words_next(Words *words) {
    const char *at = words->at, *end = words->end;
    Class class = SPACE;
    uint32_t code = 0;
    size_t length = 0;
    while (at < end) {
        length = next_class(at, end, &class, &code);
        if (class != SPACE) break;
        at += length;
    }
    if (at == end) {
        words->at = end;
        return 0;
    }
    words->glued = at == words->at && words->chunk_end != NULL;
    words->word = at;
    if (class == SIGN) {
        /* A run of one sign: "..." or "--". */
        uint32_t first = code;
        do {
            at += length;
            if (at == end) break;
            length = next_class(at, end, &class, &code);
        } while (class == SIGN && code == first);
        words->kind = WORD_SIGN;
    } else {
        int letters = 0, foreign = 0, digits = 0;
        Class before = class;
        while (at < end) {
            length = next_class(at, end, &class, &code);
            if (class == SPACE) break;
            if (class == SIGN) {
                /* Signs such as the two of "://" hold where what follows them does. */
                const char *ahead = at + length;
                Class after = SPACE;
                uint32_t sign = code, next;
                int all = 1, signs = 1;
                while (ahead < end) {
                    size_t step = next_class(ahead, end, &after, &next);
                    if (after != SIGN) break;
                    signs++;
                    if (signs > 3) break;
                    if (!holds(next, FOREIGN, FOREIGN)) all = 0;
                    ahead += step;
                }
                if (ahead == end) after = SPACE;
                if (after == SPACE || after == SIGN || !all || !holds(sign, before, after)) break;
                if (signs > 1 && (before != FOREIGN || after == LETTER)) break;
                at = ahead;
                before = SIGN;
                continue;
            }
            letters += class == LETTER;
            foreign += class == FOREIGN;
            digits += class == DIGIT;
            if (class != JOINER) before = class;
            at += length;
        }
        words->kind = letters   ? WORD_PERSIAN
                      : foreign ? WORD_FOREIGN
                      : digits  ? WORD_NUMBER
                                : WORD_SIGN;
    }
    words->at = at;
    words->chunk_end = at;
    words->bytes = (size_t)(at - words->word);
    return 1;
}
