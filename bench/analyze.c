/* What the analysis costs: a file with one statement a line in, nanoseconds of CPU a statement and
 * a byte out, the best of several rounds, and the allocations that were made meanwhile (none may
 * be).
 *
 *     build/bench/analyze [FILE]     without a file: three statements of its own, and two long ones
 */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "sql/analyze.h"

enum { ROUNDS = 40, MOST_LINES = 1 << 20, LONG = 1 << 20 };

/* The linker sends every malloc of the program here (--wrap=malloc). */
static unsigned long allocations;

void *__real_malloc(size_t size);
void *__wrap_malloc(size_t size);

void *__wrap_malloc(size_t size)
{
    allocations++;
    return __real_malloc(size);
}

static double now(void)
{
    struct timespec time;

    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
    return (double)time.tv_sec * 1e9 + (double)time.tv_nsec;
}

static struct sql_facts facts;

/* Nanoseconds of one reading of all lines, the best of several rounds. */
static double measure(const struct text *lines, size_t count, size_t repeat, size_t *undetermined)
{
    struct sql_state state = {.version = 90704, .mode_known = true};
    double best = 1e300;

    sql_state_set_database(&state, TEXT("shop"));
    for (int round = 0; round < ROUNDS; round++) {
        double start = now();
        *undetermined = 0;
        for (size_t i = 0; i < repeat; i++) {
            for (size_t line = 0; line < count; line++) {
                size_t offset = 0;
                do {
                    offset = sql_analyze(lines[line], offset, &state, NULL, &facts);
                    *undetermined += !facts.determined;
                } while (offset < lines[line].length);
            }
        }
        double took = (now() - start) / (double)repeat;
        best = took < best ? took : best;
    }
    return best;
}

static void report(const char *name, const struct text *lines, size_t count, size_t repeat)
{
    size_t bytes = 0, undetermined;
    unsigned long before = allocations;

    for (size_t i = 0; i < count; i++)
        bytes += lines[i].length;
    double took = measure(lines, count, repeat, &undetermined);
    printf("%-28.28s %10.1f ns a statement %8.2f ns a byte %6lu allocations %6zu undetermined\n",
           name, took / (double)count, took / (double)bytes, allocations - before,
           undetermined / repeat);
}

static struct text long_insert(const char *row)
{
    char *at = __real_malloc(LONG + 1024);
    size_t length = (size_t)sprintf(at, "INSERT INTO t (a, b, c, d, e) VALUES ");

    while (length < LONG)
        length += (size_t)sprintf(at + length, "%s,", row);
    return (struct text){at, length - 1};
}

static void own_statements(void)
{
    static const char *const statements[] = {
        "SELECT col FROM t WHERE id = 1",
        "SELECT u.id, o.total FROM users u JOIN orders o ON u.id = o.user_id WHERE o.status = "
        "'active'",
        "UPDATE accounts SET balance = balance - 100, updated_at = NOW() WHERE id = 42 AND balance "
        "> 100",
    };

    for (size_t i = 0; i < sizeof(statements) / sizeof(statements[0]); i++) {
        struct text line = text_of(statements[i]);
        report(statements[i], &line, 1, 20000);
    }
    struct text numbers = long_insert("(12345,'name of somebody',3.14,NULL,'2024-01-01 10:00:00')");
    report("INSERT of 1 MB, short values", &numbers, 1, 3);
    struct text strings = long_insert("(1,'Lorem ipsum dolor sit amet, consectetur adipiscing "
                                      "elit, sed do eiusmod tempor incididunt ut labore et dolore "
                                      "magna aliqua.',2,'x','y')");
    report("INSERT of 1 MB, long values", &strings, 1, 3);
}

static size_t read_lines(FILE *file, struct text *lines)
{
    char *line = NULL;
    size_t size = 0, count = 0;

    while (count < MOST_LINES) {
        ssize_t length = getline(&line, &size, file);
        if (length < 0)
            break;
        while (length > 0 && line[length - 1] == '\n')
            length--;
        char *copy = __real_malloc((size_t)length + 1);
        memcpy(copy, line, (size_t)length);
        lines[count++] = (struct text){copy, (size_t)length};
    }
    free(line);
    return count;
}

int main(int count, char **arguments)
{
    if (count < 2) {
        own_statements();
        return allocations != 0;
    }
    FILE *file = fopen(arguments[1], "r");
    if (!file) {
        perror(arguments[1]);
        return 2;
    }
    struct text *lines = __real_malloc(MOST_LINES * sizeof(*lines));
    size_t lines_count = read_lines(file, lines);
    fclose(file);
    allocations = 0;
    report(arguments[1], lines, lines_count, 1 + 20000 / (lines_count + 1));
    return allocations != 0;
}
