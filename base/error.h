/* An error in the operator's files or on the machine, in words for the operator. */
#ifndef BASE_ERROR_H
#define BASE_ERROR_H

#include <stdbool.h>

struct error {
    char text[512];
    unsigned line; /* of proxy.ini; 0: no line is the cause */
};

/* Fills `error` (cut to its size) and returns false, so that callers can `return error_set(...)`.
 */
bool error_set(struct error *error, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* The same, with the line of proxy.ini to correct. */
bool error_at(struct error *error, unsigned line, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

#endif
