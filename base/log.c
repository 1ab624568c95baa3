/* The operator's log: the text of its lines. Each is written as a whole (base/log_writer.c), so
 * that lines of several threads never mix. */
#include "base/log.h"

#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/json.h"
#include "base/log_writer.h"
#include "base/text.h"

static _Atomic enum log_level threshold = LOG_LEVEL_NOTICE;
static atomic_bool as_json;

void log_threshold(enum log_level level)
{
    threshold = level;
}

/* Replaces by '?', from `start` on, each character that must not reach a terminal: names in log
 * lines come from clients. Returns the new length. */
static size_t clean(char *line, size_t start, size_t length)
{
    size_t to = start;

    for (size_t i = start; i < length;) {
        size_t size = text_character((struct text){line + i, length - i});
        if (size == 0 || text_is_unfit((struct text){line + i, size})) {
            line[to++] = '?';
            i += size > 0 ? size : 1;
            continue;
        }
        memmove(line + to, line + i, size);
        to += size;
        i += size;
    }
    return to;
}

void log_json(bool json)
{
    atomic_store(&as_json, json);
}

/* Returns the line's length. */
static size_t compose_json(char line[LOG_LINE], const char *moment, const char *level,
                           struct text message)
{
    struct json json = {.at = line, .size = LOG_LINE - 1};

    json_raw(&json, TEXT("{\"ts\":"));
    json_text(&json, text_of(moment));
    json_raw(&json, TEXT(",\"level\":"));
    json_text(&json, text_of(level));
    json_raw(&json, TEXT(",\"message\":"));
    json_text(&json, message);
    json_raw(&json, TEXT("}"));
    line[json.length++] = '\n';
    return json.length;
}

/* `bare`: as text without the time and the level. Returns the line's length. */
__attribute__((format(printf, 4, 0))) static size_t
compose(char to[LOG_LINE], enum log_level level, bool bare, const char *format, va_list arguments)
{
    static const char *const names[] = {"error", "warning", "notice", "debug"};
    char line[1200];
    struct timespec now;
    struct tm parts;

    clock_gettime(CLOCK_REALTIME, &now);
    gmtime_r(&now.tv_sec, &parts);
    size_t length = strftime(line, sizeof(line), "%Y-%m-%dT%H:%M:%S", &parts);
    length +=
        (size_t)snprintf(line + length, sizeof(line) - length, ".%03ldZ", now.tv_nsec / 1000000);
    size_t moment = length;
    length += (size_t)snprintf(line + length, sizeof(line) - length, " %s ", names[level]);
    size_t start = length;
    int more = vsnprintf(line + length, sizeof(line) - length - 1, format, arguments);
    if (more > 0)
        length += (size_t)more;
    if (length > sizeof(line) - 2)
        length = sizeof(line) - 2;
    length = clean(line, start, length);
    if (atomic_load(&as_json)) {
        line[moment] = 0;
        return compose_json(to, line, names[level], (struct text){line + start, length - start});
    }
    line[length++] = '\n';
    const size_t from = bare ? start : 0;
    memcpy(to, line + from, length - from);
    return length - from;
}

__attribute__((format(printf, 3, 0))) static void write_line(enum log_level level, bool bare,
                                                             const char *format, va_list arguments)
{
    char line[LOG_LINE];

    if (level <= threshold)
        log_writer_put(line, compose(line, level, bare, format, arguments));
}

__attribute__((format(printf, 2, 3))) static size_t warn(char line[LOG_LINE], const char *format,
                                                         ...)
{
    va_list arguments;

    va_start(arguments, format);
    size_t length = compose(line, LOG_LEVEL_WARNING, false, format, arguments);
    va_end(arguments);
    return length;
}

static size_t tell_lost(uint64_t lost, char line[LOG_LINE])
{
    return warn(line,
                "%llu lines of this log were left out here: standard error was not read, or could "
                "not be written",
                (unsigned long long)lost);
}

void log_begin(void)
{
    log_writer_begin(tell_lost);
    atexit(log_end);
}

void log_end(void)
{
    log_writer_end();
}

void log_start(enum log_level level, const char *format, ...)
{
    va_list arguments;

    va_start(arguments, format);
    write_line(level, true, format, arguments);
    va_end(arguments);
}

#define LOG_FUNCTION(name, level)                                                                  \
    void name(const char *format, ...)                                                             \
    {                                                                                              \
        va_list arguments;                                                                         \
        va_start(arguments, format);                                                               \
        write_line(level, false, format, arguments);                                               \
        va_end(arguments);                                                                         \
    }

LOG_FUNCTION(log_error, LOG_LEVEL_ERROR)
LOG_FUNCTION(log_warning, LOG_LEVEL_WARNING)
LOG_FUNCTION(log_notice, LOG_LEVEL_NOTICE)
LOG_FUNCTION(log_debug, LOG_LEVEL_DEBUG)
