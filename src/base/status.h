/* status: how a library function says that it failed, and why.
 *
 * The library never prints and never exits. A function that can fail returns a
 * Status; when it is not STATUS_OK, status_message() holds one sentence that says
 * where, what was expected, what was found and what to do. Only programs print it.
 *
 *     Status read_config(const char *path) {
 *         FILE *f = fopen(path, "r");
 *         if (!f) return status_fail(STATUS_IO, "%s: cannot open: %s", path, strerror(errno));
 *         STATUS_TRY(read_header(f));      // passes a failure on
 *         ...
 *     }
 *
 *     if (read_config(path)) { fprintf(stderr, "tool: %s\n", status_message()); return 1; }
 */
#ifndef BASE_STATUS_H
#define BASE_STATUS_H

typedef enum {
    STATUS_OK = 0,
    STATUS_ARGUMENT,    /* the caller's request makes no sense: a shape, a range, a flag */
    STATUS_IO,          /* the system refused: open, write, rename, no space left */
    STATUS_FORMAT,      /* an input file is not what it should be; message has file:line */
    STATUS_MEMORY,      /* not enough memory; message says how much was asked */
    STATUS_UNSUPPORTED, /* this build or this machine cannot do it */
    STATUS_INTERRUPTED  /* the user asked to stop (SIGINT, SIGTERM) */
} Status;

/* Records a message (printf format, at most 1023 bytes, per thread) and returns `code`. */
Status status_fail(Status code, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Puts "prefix: " before the message of the failure just recorded; returns `code` unchanged. */
Status status_prefix(Status code, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* The message of this thread's last failure; "" when there was none. Owned by the library. */
const char *status_message(void);

/* Returns from the calling function when `expression` is not STATUS_OK. */
#define STATUS_TRY(expression)                                                                     \
    do {                                                                                           \
        Status status_try_ = (expression);                                                         \
        if (status_try_ != STATUS_OK) return status_try_;                                          \
    } while (0)

#endif
