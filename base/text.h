/* A run of bytes that is owned elsewhere. No function here allocates or keeps a pointer. */
#ifndef BASE_TEXT_H
#define BASE_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

/* `at` may be NULL only where `length` is 0: that is "none", which is not the same as "empty". */
struct text {
    const char *at;
    size_t length;
};

/* For a string literal. */
#define TEXT(literal) ((struct text){(literal), sizeof(literal) - 1})
/* For printf's "%.*s". */
#define TEXT_ARGS(t) (int)(t).length, (t).at ? (t).at : ""

static inline struct text text_of(const char *string)
{
    return (struct text){string, string ? strlen(string) : 0};
}

static inline bool text_equal(struct text a, struct text b)
{
    return a.length == b.length && (a.length == 0 || memcmp(a.at, b.at, a.length) == 0);
}

/* Only A to Z are folded; bytes from 128 up compare as they are. */
bool text_equal_fold(struct text a, struct text b);

static inline char text_lower(char c)
{
    return c >= 'A' && c <= 'Z' ? (char)(c + ('a' - 'A')) : c;
}

/* Cuts white space (space, tab, CR, LF, FF, VT) off both ends. */
struct text text_trim(struct text t);

/* Decimal digits only, no sign. False on anything else, on no digits and on overflow. */
bool text_number(struct text t, uint64_t *number);

/* A seeded hash of bytes (not cryptographic); `fold` hashes A to Z as a to z. */
uint64_t text_hash(struct text t, uint64_t seed, bool fold);

/* The length of the UTF-8 character at the start of `t`; 0 if there is none (RFC 3629). */
size_t text_character(struct text t);

/* Is this character (whose length text_character has told) unfit for a terminal or a page? Unfit
 * are control characters (C0, DEL, C1), line ends, characters that change the direction of
 * writing, and invisible ones. */
bool text_is_unfit(struct text character);

/* The program that unpacks a file which begins like this ("xz", "zstd", "bzip2", "lz4", "unzip");
 * NULL where it is none of these. zlib reads what gzip packed, so that is not among them. */
const char *text_packer(struct text start);

/* The bytes of these lines that one write may take: whole lines, or a part of the first, as many as
 * a pipe takes at once (PIPE_BUF). So they do not mix with what another thread or process writes
 * there, and where poll says that there is room the write does not wait. */
size_t text_piece(const char *from, size_t size);

/* Writes `t` for a terminal, with '?' for each unfit character except tabs and line ends. */
void text_put(struct text t, FILE *to);

#endif
