/* How /metrics is written: Prometheus' text format. Private to admin/. */
#ifndef ADMIN_SAMPLES_H
#define ADMIN_SAMPLES_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "admin/admin.h"
#include "base/text.h"

#define COUNT_OF(array) (sizeof(array) / sizeof((array)[0]))

/* One sample: name{label="word"} value. */
struct sample {
    const char *word;
    uint64_t value;
};

/* The HELP and TYPE lines of one metric; its samples follow. Names are without "silogate_". */
void sample_head(FILE *to, const char *name, const char *type, const char *help);
/* Writes `before`, then name="value", escaped. */
void sample_label(FILE *to, const char *before, const char *name, struct text value);
void sample_one(FILE *to, const char *name, const char *type, const char *help, uint64_t value);
void sample_family(FILE *to, const char *name, const char *type, const char *label,
                   const char *help, const struct sample *samples, size_t count);

/* traffic.c: bytes, TLS failures, latencies of upstreams. */
struct page_request;
void samples_put_traffic(const struct page_request *request, FILE *to);
/* process.c: the metrics that every Prometheus client library has of its process. */
void samples_put_process(FILE *to);
/* catalogue.c: what crosses inside the servers. */
void samples_put_catalogue(const struct admin_view *view, FILE *to);
/* instances.c: the instances before each upstream. */
void samples_put_instances(const struct admin_view *view, FILE *to);

#endif
