/* The time since the machine started (CLOCK_MONOTONIC): it does not jump when the clock is set. */
#ifndef BASE_CLOCK_H
#define BASE_CLOCK_H

#include <stdint.h>

/* Microseconds and milliseconds. */
int64_t clock_us(void);
int64_t clock_ms(void);
/* Seconds and their fraction. */
double clock_seconds(void);

#endif
