/* Little-endian integers, as the protocol writes them. */
#ifndef BASE_BYTES_H
#define BASE_BYTES_H

#include <stdint.h>

static inline uint16_t bytes_get2(const uint8_t *at)
{
    return (uint16_t)(at[0] | at[1] << 8);
}

static inline uint32_t bytes_get3(const uint8_t *at)
{
    return (uint32_t)at[0] | (uint32_t)at[1] << 8 | (uint32_t)at[2] << 16;
}

static inline uint32_t bytes_get4(const uint8_t *at)
{
    return bytes_get3(at) | (uint32_t)at[3] << 24;
}

static inline uint64_t bytes_get8(const uint8_t *at)
{
    return bytes_get4(at) | (uint64_t)bytes_get4(at + 4) << 32;
}

static inline void bytes_put2(uint8_t *at, uint16_t number)
{
    at[0] = (uint8_t)number;
    at[1] = (uint8_t)(number >> 8);
}

static inline void bytes_put3(uint8_t *at, uint32_t number)
{
    bytes_put2(at, (uint16_t)number);
    at[2] = (uint8_t)(number >> 16);
}

static inline void bytes_put4(uint8_t *at, uint32_t number)
{
    bytes_put3(at, number);
    at[3] = (uint8_t)(number >> 24);
}

#endif
