/* bert_tables: Unicode as the reference tokenizer of BERT knows it.
 *
 * Private to bert_words.c. Made by tests/golden/wordpiece.py, which asks the reference about every
 * code point; sorted, no overlaps, ASCII left out of the classes.
 */
#ifndef TEXT_BERT_TABLES_H
#define TEXT_BERT_TABLES_H

#include <stddef.h>
#include <stdint.h>

typedef struct {
    uint32_t first, last;
} BertRange;

typedef struct {
    uint32_t first, last;
    int32_t offset; /* lower case - upper case */
} BertCase;

/* Removed from any text. */
extern const BertRange bert_control[];
extern const size_t bert_control_count;

/* Removed where accents are stripped (Mn). */
extern const BertRange bert_nonspacing[];
extern const size_t bert_nonspacing_count;

/* Stands alone. */
extern const BertRange bert_punctuation[];
extern const size_t bert_punctuation_count;

/* Has a canonical combining class other than 0; which one is utf8proc's to say (Unicode promises
 * that it never changes). */
extern const BertRange bert_combining[];
extern const size_t bert_combining_count;

/* Has a canonical decomposition today, none in the reference. */
extern const BertRange bert_whole[];
extern const size_t bert_whole_count;

/* Lower case that utf8proc may be too old to know. */
extern const BertCase bert_case[];
extern const size_t bert_case_count;

#endif
