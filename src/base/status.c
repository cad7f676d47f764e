#include "base/status.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static _Thread_local char message[1024];

Status status_fail(Status code, const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(message, sizeof message, format, arguments);
    va_end(arguments);
    return code;
}

Status status_prefix(Status code, const char *format, ...) {
    char joined[sizeof message];
    va_list arguments;
    va_start(arguments, format);
    int used = vsnprintf(joined, sizeof joined, format, arguments);
    va_end(arguments);
    if (used < 0) used = 0;
    if ((size_t)used < sizeof joined)
        snprintf(joined + used, sizeof joined - (size_t)used, ": %s", message);
    memcpy(message, joined, sizeof message);
    return code;
}

const char *status_message(void) {
    return message;
}
