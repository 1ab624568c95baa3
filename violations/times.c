/* Counts by time, in rings: the past hour in pieces of five minutes, the past day in hours, the
 * past thirty days in days. Their size is fixed.
 */
#include "violations/summary.h"

/* an hour and a day, in pieces of five minutes */
enum { FIVE_MINUTES = 300, HOUR = 12, DAY = 288 };

uint32_t summary_piece(int64_t microseconds)
{
    return microseconds > 0 ? (uint32_t)(microseconds / 1000000 / FIVE_MINUTES) : 0;
}

/* Clears the pieces between `before` and `after`, which are used again. */
static void forget(uint32_t *ring, uint32_t size, uint32_t before, uint32_t after)
{
    uint32_t steps = after - before < size ? after - before : size;

    for (uint32_t i = 0; i < steps; i++)
        ring[(after - i) % size] = 0;
}

static void move_on(struct summary_times *times, uint32_t piece)
{
    forget(times->fives, SUMMARY_FIVES, times->at, piece);
    forget(times->hours, SUMMARY_HOURS, times->at / HOUR, piece / HOUR);
    forget(times->days, SUMMARY_DAYS, times->at / DAY, piece / DAY);
    times->at = piece;
}

static void add(uint32_t *to, uint64_t count)
{
    *to = count > UINT32_MAX - *to ? UINT32_MAX : *to + (uint32_t)count;
}

void summary_times_add(struct summary_times *times, uint32_t piece, uint64_t count)
{
    if (piece > times->at)
        move_on(times, piece);
    if (times->at - piece < SUMMARY_FIVES)
        add(&times->fives[piece % SUMMARY_FIVES], count);
    if (times->at / HOUR - piece / HOUR < SUMMARY_HOURS)
        add(&times->hours[piece / HOUR % SUMMARY_HOURS], count);
    if (times->at / DAY - piece / DAY < SUMMARY_DAYS)
        add(&times->days[piece / DAY % SUMMARY_DAYS], count);
}

/* The sum of a ring whose latest piece is `at`, over the pieces that are not more than size - 1
 * before `now`. */
static uint64_t sum(const uint32_t *ring, uint32_t size, uint32_t at, uint32_t now)
{
    uint64_t all = 0;

    for (uint32_t i = 0; i < size && i <= at; i++) {
        if (at - i + size > now)
            all += ring[(at - i) % size];
    }
    return all;
}

uint64_t summary_times_sum(const struct summary_times *times, enum summary_range range,
                           uint32_t now)
{
    switch (range) {
    case SUMMARY_HOUR:
        return sum(times->fives, SUMMARY_FIVES, times->at, now);
    case SUMMARY_DAY:
        return sum(times->hours, SUMMARY_HOURS, times->at / HOUR, now / HOUR);
    case SUMMARY_MONTH:
        return sum(times->days, SUMMARY_DAYS, times->at / DAY, now / DAY);
    case SUMMARY_START:
    case SUMMARY_RANGES:
        break;
    }
    return 0;
}

static uint64_t at(const uint32_t *ring, uint32_t size, uint32_t latest, uint32_t wanted)
{
    return wanted <= latest && latest - wanted < size ? ring[wanted % size] : 0;
}

uint64_t summary_times_ago(const struct summary_times *times, enum summary_range range,
                           unsigned ago, uint32_t now)
{
    switch (range) {
    case SUMMARY_HOUR:
        return at(times->fives, SUMMARY_FIVES, times->at, now - ago);
    case SUMMARY_DAY:
        return at(times->hours, SUMMARY_HOURS, times->at / HOUR, now / HOUR - ago);
    case SUMMARY_START:
    case SUMMARY_MONTH:
    case SUMMARY_RANGES:
        break;
    }
    return at(times->days, SUMMARY_DAYS, times->at / DAY, now / DAY - ago);
}

void summary_times_merge(struct summary_times *to, const struct summary_times *from)
{
    if (from->at > to->at)
        move_on(to, from->at);
    for (uint32_t i = 0; i < SUMMARY_FIVES && i <= from->at; i++) {
        if (to->at - (from->at - i) < SUMMARY_FIVES)
            add(&to->fives[(from->at - i) % SUMMARY_FIVES],
                from->fives[(from->at - i) % SUMMARY_FIVES]);
    }
    for (uint32_t i = 0; i < SUMMARY_HOURS && i <= from->at / HOUR; i++) {
        uint32_t hour = from->at / HOUR - i;
        if (to->at / HOUR - hour < SUMMARY_HOURS)
            add(&to->hours[hour % SUMMARY_HOURS], from->hours[hour % SUMMARY_HOURS]);
    }
    for (uint32_t i = 0; i < SUMMARY_DAYS && i <= from->at / DAY; i++) {
        uint32_t day = from->at / DAY - i;
        if (to->at / DAY - day < SUMMARY_DAYS)
            add(&to->days[day % SUMMARY_DAYS], from->days[day % SUMMARY_DAYS]);
    }
}
