#include "text/sentences_rules.h"

#include "text/persian.h"
#include "text/sentences_lists.h"
#include "text/sentences_word.h"

#include <string.h>

/* A run of signs longer than this is looked at as if it ended here. */
#define RUN_BYTES_MAX 64

/* A note such as [12] or [source needed] that follows a stop without a space. */
#define NOTE_BYTES_MAX 64

typedef enum { NONE, STOP, QUESTION, ELLIPSIS, COLON } Sign;

static Sign sign_of(uint32_t code) {
    switch (code) {
    case '.':
    case 0x6D4:
        return STOP;
    case '!':
    case '?':
    case 0x61F:
        return QUESTION;
    case 0x2026:
        return ELLIPSIS;
    case ':':
        return COLON;
    default:
        return NONE;
    }
}

static int is_opener(uint32_t code) {
    return code == 0xAB || code == 0x201C || code == '(' || code == '[' || code == '{';
}

static int is_closer(uint32_t code) {
    return code == 0xBB || code == 0x201D || code == ')' || code == ']' || code == '}';
}

size_t sentence_rules_run(const SentencePlace *place) {
    size_t at = place->sign, stop = place->sign + RUN_BYTES_MAX;
    if (stop > place->end) stop = place->end;
    while (at < stop) {
        uint32_t code;
        size_t length = sentence_code_at(place->text, at, stop, &code);
        if (sign_of(code) == NONE) break;
        at += length;
    }
    return at > place->sign ? at : place->sign + 1;
}

/* What the rules ask about, found once. */
typedef struct {
    const SentencePlace *place;
    size_t back;                       /* nothing before it is looked at */
    size_t after;                      /* behind the signs */
    size_t closed;                     /* behind what closes after them */
    int quoted;                        /* a quotation closes there */
    int bracketed;                     /* brackets that close there */
    int dots, strong, colon, ellipsis; /* the signs */
    SentenceWord before, next;
} Look;

static size_t skip_spaces(const SentencePlace *place, size_t at) {
    uint32_t code;
    size_t length;
    while ((length = sentence_code_at(place->text, at, place->end, &code)) > 0 &&
           persian_is_space(code))
        at += length;
    return at;
}

/* Passes over what closes after the signs: quotes, brackets, notes like [12], and marks that
 * nobody sees. Some write a space before the closing quote. Text that was stored as it looks on
 * the page has its brackets the wrong way round: there, one that opens after the stop closes. */
static void find_closed(Look *look) {
    const SentencePlace *place = look->place;
    size_t at = look->after;
    int quotes = place->quotes, brackets = place->brackets, straight = place->straight;
    for (;;) {
        uint32_t code, inner;
        size_t length = sentence_code_at(place->text, at, place->end, &code);
        if (length == 0) break;
        if (sentence_is_invisible(code)) {
            at += length;
            if (at == look->closed + length) look->closed = at;
            continue;
        }
        size_t from = at;
        if (persian_is_space(code)) {
            from = skip_spaces(place, at);
            length = sentence_code_at(place->text, from, place->end, &code);
            if (length == 0) break;
            int closes = place->reversed                  ? 0
                         : code == 0xBB || code == 0x201D ? quotes > 0
                         : code == '"'                    ? straight
                                                          : is_closer(code) && brackets > 0;
            if (!closes && is_opener(code) && place->reversed) {
                sentence_code_at(place->text, from + length, place->end, &inner);
                closes = persian_is_space(inner) || from + length == place->end;
            }
            if (!closes) break;
        } else if (code == '[') {
            size_t note = from + length, far = note + NOTE_BYTES_MAX;
            if (far > place->end) far = place->end;
            while (note < far && place->text[note] != ']' && place->text[note] != '.') note++;
            if (note >= far || place->text[note] != ']') break;
            at = look->closed = note + 1;
            continue;
        } else if (code == '"' && !straight) {
            /* Opened in a sentence before, or opening now: a space or a sign follows the former. */
            size_t far = sentence_code_at(place->text, from + length, place->end, &inner);
            if (far && !persian_is_space(inner) && !is_closer(inner) && sign_of(inner) == NONE)
                break;
        } else if (!is_closer(code) && code != '"') {
            break;
        }
        if (code == 0xBB || code == 0x201D)
            look->quoted = 1, quotes--;
        else if (code == '"')
            look->quoted = 1, straight = 0;
        else
            look->bracketed++, brackets--;
        at = look->closed = from + length;
    }
}

static void look_around(Look *look, const SentencePlace *place) {
    *look = (Look){.place = place};
    look->back = place->sign > place->start + SENTENCE_LOOK_BACK ? place->sign - SENTENCE_LOOK_BACK
                                                                 : place->start;
    look->after = look->closed = sentence_rules_run(place);
    for (size_t at = place->sign; at < look->after;) {
        uint32_t code;
        at += sentence_code_at(place->text, at, look->after, &code);
        Sign sign = sign_of(code);
        look->dots += sign == STOP;
        look->ellipsis += sign == ELLIPSIS;
        look->strong += sign == QUESTION;
        look->colon += sign == COLON;
    }
    if (look->dots > 1) look->ellipsis++;
    look->before = sentence_word_before(place->text, look->back, place->sign);
    find_closed(look);
    look->next = sentence_word_after(place->text, look->closed, place->end);
}

/* "Tehran - Irna:" at the head of a dispatch: a place, a dash, an agency, a colon, nothing else.
 * Other colons announce what follows and end nothing. */
static int is_dateline(const Look *look) {
    const SentencePlace *place = look->place;
    if (look->back > place->start) return 0;
    int words = 0, dashes = 0;
    for (size_t at = place->start; at < place->sign;) {
        uint32_t code;
        SentenceWord word = sentence_word_after(place->text, at, place->sign);
        if (word.to > word.from) {
            if (word.digits || ++words > 8) return 0;
            at = word.to;
            continue;
        }
        size_t length = sentence_code_at(place->text, word.from, place->sign, &code);
        if (length == 0) break;
        if ((code != '-' && code != 0x2013 && code != 0x2014) || !word.spaced) return 0;
        dashes++;
        at = word.from + length;
    }
    static const char agency[] = "واحد مرکزی خبر";
    size_t size = place->sign - place->start;
    if (size == sizeof agency - 1 && memcmp(place->text + place->start, agency, size) == 0)
        return look->next.spaced;
    return dashes == 1 && words >= 2 && look->next.spaced;
}

/* (!) and [...]: a sign alone between brackets or quotes is a remark. */
static int is_remark(const Look *look) {
    const SentencePlace *place = look->place;
    uint32_t before, after;
    sentence_code_before(place->text, look->back, place->sign, &before);
    sentence_code_at(place->text, look->after, place->end, &after);
    return is_opener(before) && is_closer(after);
}

/* Inside of a bracket that was opened within the sentence and is closed at once or soon. */
static int is_inside_bracket(const Look *look) {
    const SentencePlace *place = look->place;
    if (place->brackets == 0 || place->bracket_first || place->reversed) return 0;
    if (look->bracketed > 0) return 1;
    for (size_t at = look->after; at < place->end; at++) {
        if (place->text[at] == ')' || place->text[at] == ']') return 1;
        if (place->text[at] == '(' || place->text[at] == '[') return 0;
    }
    return 0;
}

/* The film "Are you here?": a name in quotes. */
static int is_title(const Look *look) {
    const SentencePlace *place = look->place;
    uint32_t code;
    size_t length;
    for (size_t at = place->sign;
         (length = sentence_code_before(place->text, look->back, at, &code)) > 0; at -= length)
        if (code == 0xAB || code == 0x201C || code == '"') {
            SentenceWord word = sentence_word_before(place->text, look->back, at - length);
            return sentence_list_has(SENTENCE_TITLED, word.folded);
        }
    return 0;
}

/* Whether a word such as "said" goes on with the sentence that a quotation seemed to end. */
static int goes_on_after_quote(const Look *look) {
    const char *next = look->next.folded;
    if (sentence_list_has(SENTENCE_REPORTING, next) || sentence_list_has(SENTENCE_ATTACHED, next))
        return 1;
    if (look->next.letters == 0) return 0;
    if (strcmp(next, "و") == 0) return 1;
    SentenceWord second = sentence_word_after(look->place->text, look->next.to, look->place->end);
    return look->strong && second.spaced && sentence_list_has(SENTENCE_REPORTING, second.folded);
}

/* Letters with stops between them that end at the sign, without the stops: "قم" for ق.م. or ق. م.
 */
static int dotted_letters(const Look *look, char *letters, size_t capacity) {
    const SentencePlace *place = look->place;
    SentenceWord word = look->before;
    size_t at[4];
    int count = 0;
    while (count < 4 && word.letters == 1 && word.digits == 0) {
        at[count++] = word.from;
        uint32_t code;
        size_t from = word.from, length;
        while ((length = sentence_code_before(place->text, look->back, from, &code)) > 0 &&
               persian_is_space(code))
            from -= length;
        if (sentence_code_before(place->text, look->back, from, &code) == 0 || code != '.') break;
        word = sentence_word_before(place->text, look->back, from - 1);
    }
    letters[0] = '\0';
    for (int i = count; i-- > 0;) {
        word = sentence_word_after(place->text, at[i], place->sign);
        if (strlen(letters) + strlen(word.folded) < capacity) strcat(letters, word.folded);
    }
    return count;
}

/* Nothing but numbers, stops and spaces, or the name of a part, stands before the word: "2.1.",
 * "section 2". */
static int is_first(const Look *look) {
    const SentencePlace *place = look->place;
    if (look->back > place->start) return 0;
    size_t at = place->start;
    SentenceWord first = sentence_word_after(place->text, at, look->before.from);
    if (sentence_list_has(SENTENCE_PART, first.folded)) at = first.to;
    while (at < look->before.from) {
        uint32_t code;
        size_t length = sentence_code_at(place->text, at, look->before.from, &code);
        if (!sentence_is_digit(code) && !persian_is_space(code) && code != '.' &&
            !sentence_is_invisible(code))
            return 0;
        at += length;
    }
    return 1;
}

static int value_of(const char *text, const SentenceWord *word) {
    int value = 0;
    for (size_t at = word->from; at < word->to;) {
        uint32_t code;
        at += sentence_code_at(text, at, word->to, &code);
        if (sentence_is_digit(code) && value < 10000)
            value = 10 * value + (int)(code <= '9' ? code - '0' : code & 0xF);
    }
    return value;
}

/* "2. Second" at the head of a sentence; "three: 1. red 2. green 3. blue" within one. */
static int is_list_number(const Look *look) {
    const SentencePlace *place = look->place;
    if (is_first(look)) return 1;
    if (look->next.letters == 0) return 0;
    int value = value_of(place->text, &look->before);
    uint32_t code;
    size_t at = look->before.from, length;
    while ((length = sentence_code_before(place->text, look->back, at, &code)) > 0 &&
           persian_is_space(code))
        at -= length;
    if (value == 1) return code == ':';
    while ((length = sentence_code_before(place->text, look->back, at, &code)) > 0) {
        at -= length;
        if (code != '.') continue;
        SentenceWord word = sentence_word_before(place->text, look->back, at);
        if (word.digits > 0 && word.letters == 0 && !word.spaced)
            return value_of(place->text, &word) == value - 1;
    }
    return 0;
}

/* A stop after a word: abbreviation, initial or number of a list. */
static int is_abbreviation(const Look *look) {
    const SentenceWord *before = &look->before;
    const SentencePlace *place = look->place;
    int first = is_first(look);
    if (before->letters == 0 && before->digits) return before->digits <= 3 && is_list_number(look);
    if (before->letters > 1) {
        /* D. C., letter by letter in Persian: دی. سی. */
        if (sentence_list_has(SENTENCE_SPELLED, before->folded) &&
            sentence_list_has(SENTENCE_SPELLED, look->next.folded)) {
            uint32_t code;
            sentence_code_at(place->text, look->next.to, place->end, &code);
            return code == '.' || !look->next.spaced ||
                   (before->from > look->back && place->text[before->from - 1] == '.');
        }
        if (!sentence_list_has(SENTENCE_ABBREVIATION, before->folded)) return 0;
        if (strcmp(before->folded, "الف") == 0)
            return first || (before->from > look->back + 1 && place->text[before->from - 2] == '.');
        if (strcmp(before->folded, "no") == 0) return look->next.digits > 0;
        return 1;
    }
    if (before->letters == 0) return 0;
    if (before->digits) return 0;
    char letters[SENTENCE_FOLDED_BYTES];
    int count = dotted_letters(look, letters, sizeof letters);
    if (sentence_list_has(SENTENCE_REFERRING, letters)) return 1;
    SentenceWord prior = sentence_word_before(place->text, look->back, before->from);
    if (count == 1) {
        if (sentence_list_has(SENTENCE_BEFORE_LETTER, prior.folded)) return 0;
        if (strcmp(before->folded, "و") == 0) return 0;
    }
    if (sentence_list_has(SENTENCE_ERA, letters) && (count > 1 || prior.digits))
        return !sentence_list_has(SENTENCE_STARTER, look->next.folded);
    return 1;
}

/* No space after the sign. */
static int ends_without_space(const Look *look, uint32_t code) {
    const SentenceWord *before = &look->before, *next = &look->next;
    if (is_opener(code) || code == '"') return look->strong || before->persian > 1;
    if (next->to == next->from) return 0;
    if (look->strong) return next->persian > 0 && (before->letters > 0 || look->quoted);
    if (before->spaced) return before->persian > 1 && next->persian > 1; /* went .He */
    if (look->ellipsis) return before->persian > 1 && next->persian > 1;
    int left = before->persian > 1 && !before->latin && !is_abbreviation(look);
    if (next->latin) return 0;
    if (next->persian == 0)
        return left && !sentence_list_has(SENTENCE_ABBREVIATION, before->folded);
    if (look->closed > look->after) return next->persian > 1;
    if (before->latin) return next->persian > 1;
    if (before->letters == 0)
        return before->digits > 0 && next->persian > 1 && !is_abbreviation(look);
    return left && next->persian > 1;
}

static int ends_at_ellipsis(const Look *look) {
    const char *next = look->next.folded;
    if (look->dots == 1) return 1;           /* an ellipsis with a stop of its own */
    if (look->before.letters == 1) return 0; /* "and ...", or a word broken off */
    return !sentence_list_has(SENTENCE_ATTACHED, next) && strcmp(next, "و") != 0 &&
           strcmp(next, "یا") != 0;
}

/* Whether a letter or digit stands between the sentence's start and the sign. */
static int has_said(const Look *look) {
    const SentencePlace *place = look->place;
    if (look->back > place->start || look->before.letters || look->before.digits) return 1;
    for (size_t at = place->start; at < place->sign;) {
        uint32_t code;
        at += sentence_code_at(place->text, at, place->sign, &code);
        if (persian_is_letter(code) || sentence_is_digit(code) || (code | 0x20) - 'a' < 26)
            return 1;
    }
    return 0;
}

static int ends(const Look *look) {
    const SentencePlace *place = look->place;
    if (look->colon && !look->strong && !look->dots && !look->ellipsis) return is_dateline(look);
    if (!has_said(look)) return 0;
    if (is_remark(look)) return 0;
    uint32_t code;
    if (sentence_code_at(place->text, look->closed, place->end, &code) == 0) return 1;
    if (is_inside_bracket(look)) return 0;
    if (!persian_is_space(code) && !sentence_is_invisible(code))
        return ends_without_space(look, code);
    size_t beyond = skip_spaces(place, look->closed);
    if (beyond == place->end && place->final) return 1;
    if (beyond < place->end && (place->text[beyond] == '/' || place->text[beyond] == '*')) return 0;
    if (look->quoted && (goes_on_after_quote(look) || is_title(look))) return 0;
    if (look->strong) return 1;
    if (look->ellipsis) return ends_at_ellipsis(look);
    if (is_abbreviation(look)) return 0;
    return !(look->before.latin && look->next.lower);
}

size_t sentence_rules_end(const SentencePlace *place) {
    Look look;
    look_around(&look, place);
    return ends(&look) ? look.closed : 0;
}
