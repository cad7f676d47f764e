#include "text/persian_word.h"

#include <stdlib.h>
#include <string.h>
#include <utf8proc.h>

enum {
    ZWNJ = 0x200C,
    RLM = 0x200F,
    NOT_SIGN = 0xAC, /* the half-space of some old encodings */
    TATWEEL = 0x640,
    HEH = 0x647,
    YEH = 0x6CC,
    KAF = 0x6A9,
    YEH_HAMZA = 0x626,
    HAMZA_ABOVE = 0x654
};

/* A word that still changes after so many passes would be a mistake in the rules; the tests look
 * for one. */
#define PASSES_MAX 16

static int in(uint32_t code, uint32_t low, uint32_t high) {
    return code >= low && code <= high;
}

int persian_is_space(uint32_t code) {
    return in(code, 9, 13) || code == ' ' || code == 0x85 || code == 0xA0 || code == 0x1680 ||
           in(code, 0x2000, 0x200A) || in(code, 0x2028, 0x2029) || code == 0x202F ||
           code == 0x205F || code == 0x3000;
}

static int is_arabic_block(uint32_t code) {
    return in(code, 0x600, 0x6FF) || in(code, 0x750, 0x77F) || in(code, 0x870, 0x8FF) ||
           in(code, 0xFB50, 0xFDFF) || in(code, 0xFE70, 0xFEFC);
}

int persian_is_letter(uint32_t code) {
    if (in(code, 0x621, 0x64A)) return code != TATWEEL;
    return is_arabic_block(code) &&
           utf8proc_category((utf8proc_int32_t)code) == UTF8PROC_CATEGORY_LO;
}

static int is_mark(uint32_t code) {
    utf8proc_category_t category = utf8proc_category((utf8proc_int32_t)code);
    return category == UTF8PROC_CATEGORY_MN || category == UTF8PROC_CATEGORY_ME;
}

/* Letters and digits of any script: what a half-space may stand between. */
static int is_joinable(uint32_t code) {
    utf8proc_category_t category = utf8proc_category((utf8proc_int32_t)code);
    return (category >= UTF8PROC_CATEGORY_LU && category <= UTF8PROC_CATEGORY_LO) ||
           category == UTF8PROC_CATEGORY_ND;
}

static int is_diacritic(uint32_t code) {
    return in(code, 0x64B, 0x652) || in(code, 0x656, 0x65F) || code == 0x670 ||
           in(code, 0x610, 0x61A) || in(code, 0x6D6, 0x6DC) || in(code, 0x6DF, 0x6E4) ||
           in(code, 0x6E7, 0x6E8) || in(code, 0x6EA, 0x6ED) || in(code, 0x8D3, 0x8E1) ||
           in(code, 0x8E3, 0x8FF);
}

static int is_direction(uint32_t code) {
    return in(code, 0x200D, RLM) || code == 0x61C || in(code, 0x202A, 0x202E) ||
           in(code, 0x2066, 0x2069) || code == 0xFEFF || code == 0x200B || code == 0xAD;
}

static int is_control(uint32_t code) {
    return code < 0x20 || in(code, 0x7F, 0x9F) || in(code, 0xFDD0, 0xFDEF) ||
           (code & 0xFFFE) == 0xFFFE;
}

static int is_form(uint32_t code) {
    return (in(code, 0xFB50, 0xFDFF) || in(code, 0xFE70, 0xFEFC)) && code != 0xFDFA &&
           code != 0xFDFB;
}

/* The letters of Persian, and those of Arabic that every rule leaves alone. */
static int is_plain_letter(uint32_t code) {
    return (in(code, 0x621, 0x63A) || in(code, 0x641, 0x648))
               ? code != 0x643
               : code == YEH || code == KAF || code == 0x67E || code == 0x686 || code == 0x698 ||
                     code == 0x6AF;
}

int persian_is_plain(uint32_t code, uint32_t before, PersianDigits digits) {
    if (is_plain_letter(code)) return 1;
    if (before == ZWNJ) return 0;
    if (in(code, 0x21, 0x7E)) return !in(code, '0', '9');
    if (code == ZWNJ) return is_plain_letter(before);
    return code == 0x60C || code == 0x61B || code == 0x61F ||
           (in(code, 0x6F0, 0x6F9) && digits != PERSIAN_DIGITS_LATIN) || code == 0xAB ||
           code == 0xBB || code == 0x2026 || in(code, 0x2013, 0x2014);
}

int persian_may_end(uint32_t code) {
    return code != ZWNJ;
}

size_t persian_broken_length(const char *bytes, size_t size) {
    const unsigned char *byte = (const unsigned char *)bytes;
    size_t whole = byte[0] >= 0xF0 ? 4 : byte[0] >= 0xE0 ? 3 : byte[0] >= 0xC0 ? 2 : 1;
    size_t length = 1;
    while (length < whole && length < size && (byte[length] & 0xC0) == 0x80) length++;
    return length;
}

static Status word_reserve(PersianWord *word, size_t count) {
    if (count <= word->capacity) return STATUS_OK;
    size_t capacity = word->capacity ? word->capacity : 64;
    while (capacity < count) capacity *= 2;
    uint32_t *code = realloc(word->code, capacity * sizeof *code);
    if (code) word->code = code;
    uint32_t *spare = realloc(word->spare, capacity * sizeof *spare);
    if (spare) word->spare = spare;
    if (!code || !spare)
        return status_fail(STATUS_MEMORY, "persian: no memory for a word of %zu characters",
                           capacity);
    word->capacity = capacity;
    return STATUS_OK;
}

Status persian_word_push(PersianWord *word, uint32_t code) {
    STATUS_TRY(word_reserve(word, word->count + 1));
    word->code[word->count++] = code;
    return STATUS_OK;
}

void persian_word_free(PersianWord *word) {
    free(word->code);
    free(word->spare);
    *word = (PersianWord){0};
}

static void word_swap(PersianWord *word, size_t count) {
    uint32_t *code = word->code;
    word->code = word->spare;
    word->spare = code;
    word->count = count;
}

/* FORM: U+FE8E becomes the alef that it shows. Marks that are shown on a space lose the space. */
static Status pass_forms(PersianWord *word, size_t *changes) {
    size_t forms = 0;
    for (size_t i = 0; i < word->count; i++) forms += (size_t)is_form(word->code[i]);
    if (forms == 0) return STATUS_OK;
    STATUS_TRY(word_reserve(word, word->count + 17 * forms));
    size_t count = 0;
    for (size_t i = 0; i < word->count; i++) {
        utf8proc_int32_t shown[18];
        int bounds = 0;
        utf8proc_ssize_t length = 0;
        if (is_form(word->code[i]))
            length = utf8proc_decompose_char((utf8proc_int32_t)word->code[i], shown, 18,
                                             UTF8PROC_COMPAT | UTF8PROC_DECOMPOSE, &bounds);
        if (length <= 0 || length > 18 || (length == 1 && (uint32_t)shown[0] == word->code[i])) {
            word->spare[count++] = word->code[i];
            continue;
        }
        changes[PERSIAN_FORM]++;
        for (utf8proc_ssize_t j = 0; j < length; j++)
            if (shown[j] != ' ') word->spare[count++] = (uint32_t)shown[j];
    }
    word_swap(word, count);
    return STATUS_OK;
}

/* Canonical ordering (Unicode Annex 15, definition D109): marks by class, stable. Runs of them may
 * be as long as an enemy likes, so long ones are sorted by counting. */
static Status order_marks(PersianWord *word) {
    uint32_t *code = word->code;
    for (size_t i = 0; i < word->count;) {
        size_t end = i;
        int sorted = 1;
        utf8proc_propval_t last = 0;
        for (; end < word->count; end++) {
            utf8proc_propval_t order =
                utf8proc_get_property((utf8proc_int32_t)code[end])->combining_class;
            if (order == 0) break;
            if (order < last) sorted = 0;
            last = order;
        }
        if (!sorted) {
            size_t place[257] = {0};
            for (size_t j = i; j < end; j++)
                place[utf8proc_get_property((utf8proc_int32_t)code[j])->combining_class + 1]++;
            for (size_t j = 1; j < 257; j++) place[j] += place[j - 1];
            for (size_t j = i; j < end; j++) {
                size_t order =
                    (size_t)utf8proc_get_property((utf8proc_int32_t)code[j])->combining_class;
                word->spare[i + place[order]++] = code[j];
            }
            memcpy(code + i, word->spare + i, (end - i) * sizeof *code);
        }
        i = end + (end == i);
    }
    return STATUS_OK;
}

/* Whether NFC could change anything: only marks and what decomposes can be concerned. */
static int is_composed(const PersianWord *word) {
    for (size_t i = 0; i < word->count; i++) {
        uint32_t code = word->code[i];
        if (code < 0xC0 || is_plain_letter(code) || code == ZWNJ || in(code, 0x6F0, 0x6F9))
            continue;
        const utf8proc_property_t *property = utf8proc_get_property((utf8proc_int32_t)code);
        if (property->combining_class || property->decomp_seqindex != UINT16_MAX || code >= 0x1100)
            return 0;
    }
    return 1;
}

/* NFC. The number of code points that are not what they were, without those at both ends that
 * are. */
static Status pass_nfc(PersianWord *word, size_t *changes) {
    if (is_composed(word)) return STATUS_OK;
    size_t before = word->count;
    /* No canonical decomposition has more than four code points. */
    STATUS_TRY(word_reserve(word, 4 * before));
    uint32_t *kept = malloc(before * sizeof *kept);
    if (!kept)
        return status_fail(STATUS_MEMORY, "persian: no memory for a word of %zu characters",
                           before);
    memcpy(kept, word->code, before * sizeof *kept);
    size_t count = 0;
    for (size_t i = 0; i < before; i++) {
        utf8proc_int32_t parts[4];
        int bounds = 0;
        utf8proc_ssize_t length = utf8proc_decompose_char((utf8proc_int32_t)kept[i], parts, 4,
                                                          UTF8PROC_DECOMPOSE, &bounds);
        if (length <= 0 || length > 4) {
            word->spare[count++] = kept[i];
            continue;
        }
        for (utf8proc_ssize_t j = 0; j < length; j++) word->spare[count++] = (uint32_t)parts[j];
    }
    word_swap(word, count);
    Status status = order_marks(word);
    if (status == STATUS_OK) {
        utf8proc_ssize_t composed =
            utf8proc_normalize_utf32((utf8proc_int32_t *)word->code, (utf8proc_ssize_t)word->count,
                                     UTF8PROC_STABLE | UTF8PROC_COMPOSE);
        if (composed >= 0) word->count = (size_t)composed;
        size_t head = 0, tail = 0;
        size_t shorter = before < word->count ? before : word->count;
        while (head < shorter && kept[head] == word->code[head]) head++;
        while (tail < shorter - head &&
               kept[before - 1 - tail] == word->code[word->count - 1 - tail])
            tail++;
        size_t longer = before > word->count ? before : word->count;
        changes[PERSIAN_NFC] += longer - head - tail;
    }
    free(kept);
    return status;
}

static Status pass_letters(PersianWord *word, const PersianOptions *options, size_t *changes) {
    STATUS_TRY(word_reserve(word, 2 * word->count)); /* heh with hamza may become two */
    size_t count = 0;
    uint32_t *code = word->spare;
    for (size_t i = 0; i < word->count; i++) {
        uint32_t found = word->code[i], becomes = found;
        PersianRule rule = PERSIAN_YEH;
        switch (found) {
        case 0x64A:
        case 0x649:
        case 0x6D2:
        case 0x6CD:
        case 0x6D0:
            becomes = YEH;
            break;
        case 0x643:
        case 0x6AA:
            becomes = KAF;
            rule = PERSIAN_KAF;
            break;
        case 0x6C1:
        case 0x6BE:
        case 0x6D5:
            becomes = HEH;
            rule = PERSIAN_HEH;
            break;
        case 0x6D3:
            becomes = YEH_HAMZA;
            rule = PERSIAN_HAMZA;
            break;
        case 0x6C0:
        case 0x6C2:
            changes[PERSIAN_HAMZA]++;
            code[count++] = HEH;
            if (options->keep_hamza) code[count++] = HAMZA_ABOVE;
            continue;
        case HAMZA_ABOVE:
            if (count && code[count - 1] == YEH) {
                code[count - 1] = YEH_HAMZA;
                changes[PERSIAN_HAMZA]++;
                continue;
            }
            if (count && code[count - 1] == HEH && !options->keep_hamza) {
                changes[PERSIAN_HAMZA]++;
                continue;
            }
            break;
        default:
            break;
        }
        if (becomes != found) changes[rule]++;
        code[count++] = becomes;
    }
    word_swap(word, count);
    return STATUS_OK;
}

static void pass_digits(PersianWord *word, PersianDigits digits, size_t *changes) {
    if (digits == PERSIAN_DIGITS_KEEP) return;
    int latin = 0;
    for (size_t i = 0; i < word->count; i++)
        if (in(word->code[i] | 0x20, 'a', 'z')) latin = 1;
    for (size_t i = 0; i < word->count; i++) {
        uint32_t code = word->code[i], value, becomes;
        if (in(code, 0x660, 0x669))
            value = code - 0x660;
        else if (in(code, 0x6F0, 0x6F9))
            value = code - 0x6F0;
        else if (in(code, '0', '9'))
            value = code - '0';
        else
            continue;
        if (digits == PERSIAN_DIGITS_LATIN)
            becomes = '0' + value;
        else
            becomes = code <= '9' && latin ? code : 0x6F0 + value;
        if (becomes != code) changes[PERSIAN_DIGIT]++;
        word->code[i] = becomes;
    }
}

/* CONTROL, DIACRITIC and TATWEEL: what goes whatever stands beside it, nearly. */
static void pass_signs(PersianWord *word, const PersianOptions *options, size_t *changes) {
    size_t count = 0;
    uint32_t *code = word->code;
    for (size_t i = 0; i < word->count; i++) {
        if (is_control(code[i])) {
            changes[PERSIAN_CONTROL]++;
        } else if (is_diacritic(code[i]) && !options->keep_diacritics) {
            changes[PERSIAN_DIACRITIC]++;
        } else if (code[i] == TATWEEL) {
            size_t end = i + 1;
            while (end < word->count && code[end] == TATWEEL) end++;
            int before = count && (persian_is_letter(code[count - 1]) || is_mark(code[count - 1]));
            int after = end < word->count && (persian_is_letter(code[end]) || is_mark(code[end]) ||
                                              is_control(code[end]));
            changes[PERSIAN_TATWEEL] += end - i;
            if (!before && !after) code[count++] = '-';
            i = end - 1;
        } else {
            code[count++] = code[i];
        }
    }
    word->count = count;
}

/* HALF_SPACE, DIRECTION and ZWNJ: what a run of invisible characters becomes depends on the
 * letters on both sides. */
static void pass_invisible(PersianWord *word, size_t *changes) {
    size_t count = 0;
    uint32_t *code = word->code;
    for (size_t i = 0; i < word->count;) {
        size_t end = i, half = 0, zwnj = 0, old = 0;
        for (; end < word->count; end++) {
            if (code[end] == ZWNJ)
                zwnj++;
            else if (code[end] == NOT_SIGN)
                old++;
            else if (code[end] == RLM)
                half++;
            else if (!is_direction(code[end]))
                break;
        }
        if (end == i) {
            code[count++] = code[i++];
            continue;
        }
        size_t left = count;
        while (left && is_mark(code[left - 1])) left--;
        uint32_t before = left ? code[left - 1] : 0;
        uint32_t after = end < word->count ? code[end] : 0;
        int letters = persian_is_letter(before) && persian_is_letter(after);
        int stands = letters && (zwnj || half || old);
        if (!letters && zwnj && !old && is_joinable(before) && is_joinable(after)) stands = 1;
        changes[PERSIAN_DIRECTION] += end - i - zwnj - half - old;
        if (stands) {
            changes[PERSIAN_ZWNJ] += zwnj ? zwnj - 1 : 0;
            changes[letters ? PERSIAN_HALF_SPACE : PERSIAN_DIRECTION] += half + (letters ? old : 0);
            code[count++] = ZWNJ;
        } else {
            changes[PERSIAN_ZWNJ] += zwnj;
            changes[PERSIAN_DIRECTION] += half;
            for (size_t j = 0; j < old; j++) code[count++] = NOT_SIGN;
        }
        i = end;
    }
    word->count = count;
}

Status persian_word_normalise(PersianWord *word, const PersianOptions *options, size_t *changes) {
    for (int pass = 0; pass < PASSES_MAX; pass++) {
        size_t before[PERSIAN_RULES];
        memcpy(before, changes, sizeof before);
        STATUS_TRY(pass_forms(word, changes));
        pass_signs(word, options, changes);
        STATUS_TRY(pass_nfc(word, changes));
        STATUS_TRY(pass_letters(word, options, changes));
        pass_digits(word, options->digits, changes);
        pass_invisible(word, changes);
        if (memcmp(before, changes, sizeof before) == 0) return STATUS_OK;
    }
    return STATUS_OK;
}
