/* The way of the log's lines to standard error. As long as no thread was begun, each is written at
 * once by whoever logs it. Only base/log.c uses it. */
#ifndef BASE_LOG_WRITER_H
#define BASE_LOG_WRITER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { LOG_LINE = 3000 }; /* bytes of a line, at most */

/* Writes the sentence about this number of lines that were left out; returns its length. */
typedef size_t (*log_lost_line)(uint64_t lost, char line[LOG_LINE]);

/* Begins the thread: from here on no caller waits for standard error. */
void log_writer_begin(log_lost_line tell);
/* Waits until all is written, two seconds at most. */
void log_writer_end(void);
/* Writes a line, or gives it to the thread; if it is too far behind, the line is left out. */
void log_writer_put(const char *line, size_t length);

#endif
