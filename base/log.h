/* The operator's log on standard error: one line for each event, `time level text`. Thread safe.
 * Never call it on the path of a command, and never give it a value of a statement. */
#ifndef BASE_LOG_H
#define BASE_LOG_H

#include <stdbool.h>

enum log_level { LOG_LEVEL_ERROR, LOG_LEVEL_WARNING, LOG_LEVEL_NOTICE, LOG_LEVEL_DEBUG };

/* Lines less important than this are dropped; LOG_LEVEL_NOTICE at start. */
void log_threshold(enum log_level level);

/* One JSON object a line instead: {"ts":..,"level":..,"message":..}. */
void log_json(bool json);

/* From here on a thread writes the lines, so that nobody who logs waits for standard error. What it
 * cannot take is left out, counted and told. Before the process ends, or is aborted: log_end waits
 * for it, two seconds at most; exit() calls it. */
void log_begin(void);
void log_end(void);

/* `format` has no newline. Characters that must not reach a terminal (text_is_unfit) and bytes that
 * are not UTF-8 are written as '?'. */
void log_error(const char *format, ...) __attribute__((format(printf, 1, 2)));
void log_warning(const char *format, ...) __attribute__((format(printf, 1, 2)));
void log_notice(const char *format, ...) __attribute__((format(printf, 1, 2)));
void log_debug(const char *format, ...) __attribute__((format(printf, 1, 2)));
/* What prevents a start: the text alone, as every subcommand prints its errors. With log_json an
 * object like any other. */
void log_start(enum log_level level, const char *format, ...) __attribute__((format(printf, 2, 3)));

#endif
