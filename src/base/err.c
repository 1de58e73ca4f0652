/* Words for errors. For: formatting them once, at their origin. Not for: logging (base/log.c). */
#include "base/err.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

int err_set(struct err *err, const char *format, ...)
{
    va_list args;

    if (err == NULL) {
        return -1;
    }
    va_start(args, format);
    vsnprintf(err->text, sizeof(err->text), format, args);
    va_end(args);
    return -1;
}

int err_set_errno(struct err *err, int errno_value, const char *format, ...)
{
    va_list args;
    size_t used;

    if (err == NULL) {
        return -1;
    }
    va_start(args, format);
    vsnprintf(err->text, sizeof(err->text), format, args);
    va_end(args);
    used = strlen(err->text);
    snprintf(err->text + used, sizeof(err->text) - used, ": %s", strerror(errno_value));
    return -1;
}
