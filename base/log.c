/* The operator's log. One write(2) a line, so that lines of several threads never mix. */
#include "base/log.h"

#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/json.h"

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

static void write_json(const char *moment, const char *level, const char *message, size_t length)
{
    char line[3000];
    struct json json = {.at = line, .size = sizeof(line) - 1};

    json_raw(&json, TEXT("{\"ts\":"));
    json_text(&json, text_of(moment));
    json_raw(&json, TEXT(",\"level\":"));
    json_text(&json, text_of(level));
    json_raw(&json, TEXT(",\"message\":"));
    json_text(&json, (struct text){message, length});
    json_raw(&json, TEXT("}"));
    line[json.length++] = '\n';
    ssize_t written = write(STDERR_FILENO, line, json.length);
    (void)written; /* it cannot be reported anywhere else */
}

/* `bare`: as text without the time and the level. */
__attribute__((format(printf, 3, 0))) static void write_line(enum log_level level, bool bare,
                                                             const char *format, va_list arguments)
{
    static const char *const names[] = {"error", "warning", "notice", "debug"};
    char line[1200];
    struct timespec now;
    struct tm parts;

    if (level > threshold)
        return;
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
        write_json(line, names[level], line + start, length - start);
        return;
    }
    line[length++] = '\n';
    const size_t from = bare ? start : 0;
    ssize_t written = write(STDERR_FILENO, line + from, length - from);
    (void)written; /* it cannot be reported anywhere else */
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
