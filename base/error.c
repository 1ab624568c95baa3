/* The function that fails fills an error and passes it up to its callers; the top level logs it. */
#include "base/error.h"

#include <stdarg.h>
#include <stdio.h>

static void __attribute__((format(printf, 3, 0)))
fill(struct error *error, unsigned line, const char *format, va_list arguments)
{
    vsnprintf(error->text, sizeof(error->text), format, arguments);
    error->line = line;
}

bool error_set(struct error *error, const char *format, ...)
{
    va_list arguments;

    va_start(arguments, format);
    fill(error, 0, format, arguments);
    va_end(arguments);
    return false;
}

bool error_at(struct error *error, unsigned line, const char *format, ...)
{
    va_list arguments;

    va_start(arguments, format);
    fill(error, line, format, arguments);
    va_end(arguments);
    return false;
}
