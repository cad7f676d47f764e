/* persian: one spelling for the many that Persian text is found in.
 *
 * The same Persian word is typed with other code points on every keyboard, and a model that counts
 * words sees a different word each time. Normalisation takes the choice away: rule by rule, each
 * counted, idempotent (a second pass changes nothing), and it never joins or cuts words.
 *
 *     PersianText out = {0};
 *     PersianReport report;
 *     STATUS_TRY(persian_normalise(text, size, NULL, &out, &report));
 *     if (report.words_before != report.words_after) ...      // a "word" had nothing visible
 *     fwrite(out.bytes, 1, out.size, stdout);
 *     persian_text_free(&out);
 *
 * A word is what stands between white space (Unicode's property White_Space). The rules work on one
 * word at a time, until it changes no more; the white space between words has a rule of its own.
 *
 * | rule         | what                                                              | becomes    |
 * | ---          | ---                                                               | ---        |
 * | INVALID      | bytes that are not UTF-8, where the options ask for it            | U+FFFD     |
 * | CONTROL      | control characters but tab and line ends; noncharacters           | nothing    |
 * | SPACE        | no-break and other spaces, tabs; several; at the ends of a line   | one U+0020 |
 * |              | CR LF, CR, U+0085, U+2028, U+2029                                 | LF         |
 * | FORM         | presentation forms U+FB50..FDFF, U+FE70..FEFC (but those of a     | letters    |
 * |              | whole phrase with spaces in it: U+FDFA, U+FDFB)                   |            |
 * | NFC          | what Unicode counts as the same (Unicode Annex 15; utf8proc)      | composed   |
 * | YEH          | Arabic yeh U+064A, alef maksura U+0649, U+06D2, U+06CD, U+06D0    | U+06CC ی   |
 * | KAF          | Arabic kaf U+0643, swash kaf U+06AA                               | U+06A9 ک   |
 * | HEH          | heh goal U+06C1, heh doachashmee U+06BE, ae U+06D5                | U+0647 ه   |
 * | HAMZA        | heh with hamza: U+06C0, U+06C2; or U+06D5, U+06C1 and U+0654      | U+0647     |
 * |              | (kept on request as U+0647 U+0654, ISIRI 6219)                    |            |
 * |              | yeh with U+0654, U+06D3                                           | U+0626 ئ   |
 * | DIGIT        | Arabic digits; Latin ones in words without Latin letters          | Persian    |
 * | DIACRITIC    | vowel signs, tanwin, tashdid, Koranic signs (kept on request)     | nothing    |
 * | TATWEEL      | U+0640 beside a letter; apart from letters it is used as a dash   | nothing; - |
 * | DIRECTION    | U+200E, U+200F, U+061C, U+202A..202E, U+2066..2069, U+200D,       | nothing    |
 * |              | U+FEFF, U+200B, U+00AD                                            |            |
 * | HALF_SPACE   | U+200F or U+00AC between letters (old half-spaces)                | U+200C     |
 * | ZWNJ         | U+200C doubled; not between two letters or digits                 | one; none  |
 *
 * Not touched: teh marbuta, hamza on other seats, punctuation, letter case, spelling.
 */
#ifndef TEXT_PERSIAN_H
#define TEXT_PERSIAN_H

#include "base/status.h"
#include <stddef.h>
#include <stdint.h>

typedef enum {
    PERSIAN_INVALID,
    PERSIAN_CONTROL,
    PERSIAN_SPACE,
    PERSIAN_FORM,
    PERSIAN_NFC,
    PERSIAN_YEH,
    PERSIAN_KAF,
    PERSIAN_HEH,
    PERSIAN_HAMZA,
    PERSIAN_DIGIT,
    PERSIAN_DIACRITIC,
    PERSIAN_TATWEEL,
    PERSIAN_DIRECTION,
    PERSIAN_HALF_SPACE,
    PERSIAN_ZWNJ,
    PERSIAN_RULES
} PersianRule;

typedef enum { PERSIAN_DIGITS_PERSIAN, PERSIAN_DIGITS_LATIN, PERSIAN_DIGITS_KEEP } PersianDigits;

/* All zero is what the experiments use. */
typedef struct {
    PersianDigits digits;
    int keep_diacritics;
    int keep_hamza;      /* on heh, as U+0647 U+0654 */
    int replace_invalid; /* U+FFFD for each broken sequence; else it is an error */
} PersianOptions;

typedef struct {
    size_t changes[PERSIAN_RULES];    /* code points changed, added or removed, by rule */
    size_t words_before, words_after; /* differ only where a word had no visible character */
} PersianReport;

/* Owned by the caller, who starts it at {0}; used again, its memory is kept. `bytes` ends in a NUL
 * that `size` does not count. */
typedef struct {
    char *bytes;
    size_t size, capacity;
} PersianText;

/* Normalises `size` bytes (lines, a document, anything: the result for a text is that of its lines)
 * and puts them in place of what `out` held. `text` must not be out->bytes. `options` NULL: all
 * zero. `report`, where not NULL, is filled, not added to. STATUS_FORMAT "byte N is not UTF-8 ..."
 * unless replace_invalid; STATUS_MEMORY. */
Status persian_normalise(const char *text, size_t size, const PersianOptions *options,
                         PersianText *out, PersianReport *report);

void persian_text_free(PersianText *text);

/* "yeh", "half_space", ...: for tables. */
const char *persian_rule_name(PersianRule rule);

/* 1 for a letter of the Arabic script (not a mark, not tatweel), by Unicode's category and block.
 */
int persian_is_letter(uint32_t code);

/* White_Space of Unicode: space, tab, line ends, no-break space, U+2000.. and the like. */
int persian_is_space(uint32_t code);

#endif
