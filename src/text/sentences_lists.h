/* sentences_lists: the words that the rules of sentence splitting know by heart.
 *
 * Words are compared as sentences_word.h folds them: Persian yeh and kaf, no half-space, no vowel
 * signs, Latin in lower case.
 *
 *     if (sentence_list_has(SENTENCE_REPORTING, "می‌گوید folded")) ...
 */
#ifndef TEXT_SENTENCES_LISTS_H
#define TEXT_SENTENCES_LISTS_H

typedef enum {
    SENTENCE_ABBREVIATION,  /* longer than a letter and followed by a stop: صص. , Dr. */
    SENTENCE_ERA,           /* dotted, at the end of a phrase: ق.م. , ه.ش. , ب.ظ. */
    SENTENCE_REFERRING,     /* dotted, always followed by more: ر.ک. */
    SENTENCE_STARTER,       /* words that begin a sentence far more often than they go on one */
    SENTENCE_REPORTING,     /* said, asked, wrote: after a quotation, the same sentence goes on */
    SENTENCE_ATTACHED,      /* cannot begin a sentence: را, که */
    SENTENCE_BEFORE_LETTER, /* vitamin C., group B.: the letter is a name and may end a sentence */
    SENTENCE_SPELLED,       /* the names of Latin letters: بی. بی. سی. */
    SENTENCE_PART,          /* section 2. Methods: the number and its stop belong to the heading */
    SENTENCE_TITLED         /* the film "Are you here?": what follows in quotes is a name */
} SentenceWords;

/* 1 where `word`, folded, is in the list. */
int sentence_list_has(SentenceWords list, const char *word);

#endif
