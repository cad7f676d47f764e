#define _GNU_SOURCE
#include "hayai_internal.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

enum { SESSION_BYTES = 256 << 20, FAILED = 1, USAGE = 2, INTERRUPTED = 130 };

/* --- a file that appears whole -------------------------------------------------------------- */

/* A file that appears under its name only when it is complete and on the disk. */
typedef struct {
    FILE *stream;
    char *path, *temporary; /* temporary is NULL where `path` is a device or a pipe */
} Output;

/* Beside `path`, so that the rename stays within one file system. */
static Status open_beside(Output *output, Arena *arena) {
    output->temporary = hayai_text_format(arena, "%s.%ld.partial", output->path, (long)getpid());
    if (!output->temporary) return STATUS_MEMORY;
    int file = open(output->temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
    if (file >= 0) output->stream = fdopen(file, "w");
    if (output->stream) return STATUS_OK;
    int why = errno;
    if (file >= 0) {
        close(file);
        unlink(output->temporary);
    }
    return status_fail(STATUS_IO, "--benchmark_out=%s: cannot create %s: %s", output->path,
                       output->temporary, strerror(why));
}

static Status output_open(Output *output, const char *path, Arena *arena) {
    struct stat found;
    *output = (Output){.path = hayai_text_copy(arena, path)};
    if (!output->path) return STATUS_MEMORY;
    if (stat(path, &found) || S_ISREG(found.st_mode)) return open_beside(output, arena);
    if (S_ISDIR(found.st_mode))
        return status_fail(STATUS_IO, "--benchmark_out=%s: expected a file, found a folder", path);
    /* A device or a pipe is written to, never replaced. */
    output->stream = fopen(path, "w");
    if (output->stream) return STATUS_OK;
    return status_fail(STATUS_IO, "--benchmark_out=%s: cannot open: %s", path, strerror(errno));
}

static void output_discard(Output *output) {
    fclose(output->stream);
    if (output->temporary) unlink(output->temporary);
}

static Status output_commit(Output *output) {
    FILE *stream = output->stream;
    errno = 0;
    int failed = fflush(stream) || ferror(stream);
    if (!failed && output->temporary) failed = fsync(fileno(stream)) != 0;
    int why = errno;
    if (fclose(stream) && !failed) {
        failed = 1;
        why = errno;
    }
    if (!failed && output->temporary && rename(output->temporary, output->path)) {
        failed = 1;
        why = errno;
    }
    if (!failed) return STATUS_OK;
    if (output->temporary) unlink(output->temporary);
    return status_fail(STATUS_IO,
                       "--benchmark_out=%s: cannot write the results: %s; free some space or name "
                       "another file",
                       output->path, why ? strerror(why) : "a write failed");
}

/* --- a session ---------------------------------------------------------------------------- */

/* ISO 8601 with the distance from UTC, as Google writes it. */
static void date_now(char *text, size_t size) {
    time_t now = time(NULL);
    struct tm local;
    char plain[24], zone[8];
    localtime_r(&now, &local);
    strftime(plain, sizeof plain, "%Y-%m-%dT%H:%M:%S", &local);
    strftime(zone, sizeof zone, "%z", &local);
    snprintf(text, size, "%.19s%.3s:%.2s", plain, zone, strlen(zone) == 5 ? zone + 3 : "00");
}

static int complain(const HayaiSession *session, const char *message, int status) {
    fprintf(session->err, "%s: %s\n", session->program, message);
    return status;
}

static int exit_status(Status status) {
    return status == STATUS_INTERRUPTED ? INTERRUPTED : FAILED;
}

static Status instance_done(HayaiSession *session, HayaiInstance *instance) {
    HayaiRow **first = session->rows_end;
    STATUS_TRY(hayai_rows_add(session, instance));
    if (session->flags.format != HAYAI_CONSOLE) return STATUS_OK;
    for (const HayaiRow *row = *first; row; row = row->next)
        if (row->display) hayai_console_row(&session->console, row);
    fflush(session->out);
    return STATUS_OK;
}

static Status write_all(HayaiSession *session, HayaiFormat format, int kept, FILE *stream) {
    if (format == HAYAI_JSON) return hayai_json_write(session, kept, stream);
    if (format == HAYAI_CSV) return hayai_csv_write(session, kept, stream);
    HayaiConsole console;
    hayai_console_open(&console, session, stream, 0);
    for (const HayaiRow *row = session->rows; row; row = row->next)
        if (kept ? row->keep : row->display) hayai_console_row(&console, row);
    return STATUS_OK;
}

/* Whether `out` took everything: a pipe may be closed, a disk full. */
static Status out_check(const HayaiSession *session) {
    errno = 0;
    if (!fflush(session->out) && !ferror(session->out)) return STATUS_OK;
    return status_fail(STATUS_IO, "cannot write the results to the output stream: %s",
                       errno ? strerror(errno) : "a write failed");
}

static Status measure(HayaiSession *session) {
    const HayaiFlags *flags = &session->flags;
    int color = flags->color >= 0 ? flags->color : isatty(fileno(session->out));
    hayai_console_open(&session->console, session, session->out, color);
    hayai_context_print(session);
    STATUS_TRY(hayai_instances_measure(session, instance_done));
    if (flags->format != HAYAI_CONSOLE)
        STATUS_TRY(write_all(session, flags->format, 0, session->out));
    return out_check(session);
}

/* The file is opened before anything is measured: a wrong name must not cost an hour. */
static Status measure_into_file(HayaiSession *session) {
    if (!*session->flags.out) return measure(session);
    Output output;
    STATUS_TRY(output_open(&output, session->flags.out, &session->arena));
    Status status = measure(session);
    if (!status) status = write_all(session, session->flags.out_format, 1, output.stream);
    if (!status) return output_commit(&output);
    output_discard(&output);
    return status;
}

static int run(HayaiSession *session, int argc, char **argv) {
    Status status = hayai_flags_read(argc, argv, &session->arena, &session->flags);
    if (status) return complain(session, status_message(), USAGE);
    if (session->flags.help) {
        hayai_flags_help(session->program, session->out);
        return out_check(session) ? complain(session, status_message(), FAILED) : 0;
    }
    if (session->suite->status) return complain(session, session->suite->message, USAGE);
    status = hayai_instances_list(session);
    if (status) return complain(session, status_message(), USAGE);
    if (!session->instances) {
        const char *filter = session->flags.filter;
        status_fail(STATUS_ARGUMENT, "%s%s%s",
                    *filter ? "--benchmark_filter=" : "no benchmark is registered", filter,
                    *filter ? ": no benchmark matches; --benchmark_list_tests lists them" : "");
        return complain(session, status_message(), FAILED);
    }
    if (session->flags.list_tests) {
        for (const HayaiInstance *i = session->instances; i; i = i->next)
            fprintf(session->out, "%s\n", i->name);
        return out_check(session) ? complain(session, status_message(), FAILED) : 0;
    }
    machine_describe(&session->machine);
    date_now(session->date, sizeof session->date);
    status = measure_into_file(session);
    if (status) return complain(session, status_message(), exit_status(status));
    return session->errors ? FAILED : 0;
}

int hayai_run(HayaiSuite *suite, int argc, char **argv, FILE *out, FILE *err) {
    HayaiSession session = {.suite = suite,
                            .program = argc > 0 && argv[0] ? argv[0] : "benchmark",
                            .out = out,
                            .err = err};
    session.rows_end = &session.rows;
    if (arena_open(&session.arena, SESSION_BYTES))
        return complain(&session, status_message(), FAILED);
    int status = run(&session, argc, argv);
    arena_close(&session.arena);
    return status;
}
