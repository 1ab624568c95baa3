/* Reads logs line by line, plain or compressed, and the times in them. A line longer than any that
 * silogate writes is counted as a bad line.
 */
#include <errno.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>

#include "report/report.h"

enum { LINE_MOST = 1 << 20, CHUNK = 1 << 18, BAD_LINES_TOLD = 5 };

struct reading {
    const char *path;
    gzFile file;
    int64_t size; /* size of the file on disk, compressed or not; 0: not known */
    uint64_t line, bad;
    uint64_t records; /* lines that are no bad ones and not empty */
    uint64_t known;   /* lines from the start that another log has too */
    uint32_t log;     /* a number in log_lines; HASH_TABLE_NONE: its first line is not a record */
    bool cut;         /* the last line was not a record */
    bool too_long;    /* the rest of this line is skipped */
    int told;         /* percent */
    char *bytes;
    size_t length;
};

/* Rotation may leave the same log twice: plain and compressed, or with an older copy. No two
 * records have the same first line, since it holds a time in microseconds and an id. */
static void know_log(struct report *report, struct reading *reading, struct text line)
{
    static const char start[] = "{\"ts\":";
    const size_t length = sizeof(start) - 1;
    uint32_t before = report->first_lines.count;

    if (line.length < length || memcmp(line.at, start, length) != 0)
        return;
    reading->log = hash_table_add(&report->first_lines, line);
    if (reading->log == before) {
        report->log_lines =
            memory_resize(report->log_lines, (before + 1) * sizeof(*report->log_lines));
        report->log_lines[before] = 0;
        return;
    }
    reading->known = report->log_lines[reading->log];
    fprintf(stderr, "%s: begins as another of these logs does; what both have is counted once\n",
            reading->path);
}

static void end_line(struct report *report, struct reading *reading, struct text line)
{
    if (reading->line++ == 0 && !reading->too_long)
        know_log(report, reading, line);
    if (reading->line <= reading->known) {
        reading->records++;
        reading->too_long = false;
        return;
    }
    const bool is_empty = !reading->too_long && text_trim(line).length == 0;
    const bool is_bad = reading->too_long || (!report_add_line(report, line) && !is_empty);
    reading->too_long = false;
    reading->records += !is_bad && !is_empty;
    if (!is_bad)
        return;
    report->bad_lines++;
    if (reading->bad++ < BAD_LINES_TOLD)
        fprintf(stderr, "%s:%llu: not a violation record; left out\n", reading->path,
                (unsigned long long)reading->line);
}

static void show_progress(struct report *report, struct reading *reading)
{
    static const char bar[] = "##############################";
    int percent = reading->size > 0 ? (int)(gzoffset(reading->file) * 100 / reading->size) : -1;

    if (!report->progress || percent < 0 || percent == reading->told)
        return;
    percent = percent > 100 ? 100 : percent;
    reading->told = percent;
    fprintf(stderr, "\r\033[K%3d %% [%-30.*s] %s", percent, percent * 30 / 100, bar, reading->path);
}

/* Takes all whole lines in the buffer; the rest moves to its start. */
static void take_lines(struct report *report, struct reading *reading)
{
    size_t start = 0;
    char *newline;

    while ((newline = memchr(reading->bytes + start, '\n', reading->length - start)) != NULL) {
        size_t end = (size_t)(newline - reading->bytes);
        end_line(report, reading, (struct text){reading->bytes + start, end - start});
        start = end + 1;
    }
    reading->length -= start;
    memmove(reading->bytes, reading->bytes + start, reading->length);
    if (reading->length >= LINE_MOST) {
        reading->too_long = true;
        reading->length = 0;
    }
}

/* At the start of a log: leaves out a byte order mark; false if only another program can read it.
 */
static bool take_start(struct reading *reading, struct error *error)
{
    const char *packer = text_packer((struct text){reading->bytes, reading->length});

    if (packer)
        return error_set(error, "%s:1: is packed; unpack it with %s, and write - for its output",
                         reading->path, packer);
    if (reading->length >= 3 && memcmp(reading->bytes, "\xef\xbb\xbf", 3) == 0) {
        reading->length -= 3;
        memmove(reading->bytes, reading->bytes + 3, reading->length);
    }
    return true;
}

static bool read_all(struct report *report, struct reading *reading, struct error *error)
{
    bool first = true;
    int got;

    while ((got = gzread(reading->file, reading->bytes + reading->length, CHUNK)) > 0) {
        reading->length += (size_t)got;
        if (first && !take_start(reading, error))
            return false;
        first = false;
        report->bytes += (uint64_t)got;
        take_lines(report, reading);
        show_progress(report, reading);
    }
    if (reading->length > 0 || reading->too_long) {
        uint64_t bad = reading->bad;
        end_line(report, reading, (struct text){reading->bytes, reading->length});
        reading->cut = reading->bad > bad;
    }
    int code = Z_OK;
    const char *message = gzerror(reading->file, &code);
    if (code == Z_BUF_ERROR)
        message = "the compressed file ends too soon";
    else if (code == Z_ERRNO)
        message = strerror(errno);
    if (code != Z_OK && code != Z_STREAM_END)
        return error_set(error, "%s:%zu: %s; what came before it was read", reading->path,
                         (size_t)reading->line, message);
    return true;
}

/* Another file than a violation log, whose report would say that nothing crosses. A log of which
 * only the start of the first record is written, and an empty one, have nothing to report yet. */
static bool is_no_log(const struct reading *reading)
{
    const bool begun = reading->cut && reading->bad == 1 && reading->log != HASH_TABLE_NONE;

    return reading->records == 0 && reading->bad > 0 && !begun;
}

bool report_read(struct report *report, const char *path, struct error *error)
{
    struct reading reading = {.path = path, .told = -1, .log = HASH_TABLE_NONE};
    struct stat status;

    if (strcmp(path, "-") == 0) {
        reading.path = "standard input";
        reading.file = gzdopen(dup(STDIN_FILENO), "rb");
    } else {
        if (stat(path, &status) == 0 && S_ISDIR(status.st_mode))
            return error_set(error, "%s:1: is a folder; name the log files in it", path);
        if (stat(path, &status) == 0 && S_ISREG(status.st_mode))
            reading.size = status.st_size;
        reading.file = gzopen(path, "rb");
    }
    if (!reading.file)
        return error_set(error,
                         "%s:1: cannot be read: %s; name a violation log or - for standard input",
                         path, strerror(errno));
    gzbuffer(reading.file, CHUNK);
    reading.bytes = memory_take(LINE_MOST + CHUNK);
    bool good = read_all(report, &reading, error);
    if (reading.told >= 0)
        fputs("\r\033[K", stderr);
    if (reading.bad > BAD_LINES_TOLD)
        fprintf(stderr, "%s: %llu lines were left out in all\n", reading.path,
                (unsigned long long)reading.bad);
    reading.line -= reading.cut; /* another log may have the whole line */
    if (reading.log != HASH_TABLE_NONE && reading.line > report->log_lines[reading.log])
        report->log_lines[reading.log] = reading.line;
    free(reading.bytes);
    gzclose(reading.file);
    if (good && is_no_log(&reading))
        return error_set(error, "%s:1: holds no record; name a violation log", reading.path);
    report->logs++;
    return good;
}

static bool digits(struct text text, size_t at, size_t count, int64_t *number)
{
    uint64_t value;

    if (at + count > text.length || !text_number((struct text){text.at + at, count}, &value))
        return false;
    *number = (int64_t)value;
    return true;
}

static int64_t days_of(int64_t year, int64_t month, int64_t day)
{
    int64_t from_march = (month + 9) % 12;
    int64_t y = year - (month <= 2);
    int64_t era = y / 400, of_era = y % 400;

    return era * 146097 + of_era * 365 + of_era / 4 - of_era / 100 + (153 * from_march + 2) / 5 +
           day - 1 - 719468;
}

static bool is_date(int64_t year, int64_t month, int64_t day)
{
    static const int64_t lengths[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;

    return month >= 1 && month <= 12 && day >= 1 &&
           day <= lengths[month - 1] + (month == 2 && leap);
}

/* What follows the seconds: a fraction, then Z or an offset. */
static bool read_rest(struct text text, size_t at, int64_t *microseconds)
{
    int64_t unit = 100000, hours, minutes;

    if (at < text.length && text.at[at] == '.') {
        for (at++; at < text.length && text.at[at] >= '0' && text.at[at] <= '9'; at++) {
            *microseconds += (text.at[at] - '0') * unit;
            unit /= 10;
        }
    }
    if (at + 1 == text.length && (text.at[at] == 'Z' || text.at[at] == 'z'))
        return true;
    if (at + 6 != text.length || (text.at[at] != '+' && text.at[at] != '-') ||
        !digits(text, at + 1, 2, &hours) || text.at[at + 3] != ':' ||
        !digits(text, at + 4, 2, &minutes) || hours > 23 || minutes > 59)
        return false;
    int64_t offset = (hours * 60 + minutes) * 60000000;
    *microseconds += text.at[at] == '-' ? offset : -offset;
    return true;
}

bool report_time(struct text text, bool end, int64_t *time)
{
    int64_t year, month, day, hour, minute, second, microseconds = 0;

    if (!digits(text, 0, 4, &year) || !digits(text, 5, 2, &month) || !digits(text, 8, 2, &day) ||
        text.at[4] != '-' || text.at[7] != '-' || !is_date(year, month, day))
        return false;
    int64_t days = days_of(year, month, day);
    if (text.length == 10) {
        *time = (days + end) * 86400000000;
        return true;
    }
    if ((text.at[10] != 'T' && text.at[10] != 't' && text.at[10] != ' ') ||
        !digits(text, 11, 2, &hour) || !digits(text, 14, 2, &minute) ||
        !digits(text, 17, 2, &second) || text.at[13] != ':' || text.at[16] != ':' || hour > 23 ||
        minute > 59 || second > 60 || !read_rest(text, 19, &microseconds))
        return false;
    *time = ((days * 24 + hour) * 60 + minute) * 60000000 + second * 1000000 + microseconds;
    return true;
}

bool report_time_or_ago(struct text text, bool end, int64_t now, int64_t *time)
{
    static const char units[] = "mhdw";
    static const int64_t minutes[] = {1, 60, INT64_C(24) * 60, INT64_C(7) * 24 * 60};
    uint64_t number;

    if (text.length < 2 || text.length > 6)
        return report_time(text, end, time);
    const char *unit = strchr(units, text.at[text.length - 1]);
    if (!unit || !*unit || !text_number((struct text){text.at, text.length - 1}, &number))
        return false;
    *time = now - (int64_t)number * minutes[unit - units] * 60 * 1000000;
    return true;
}
