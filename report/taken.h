/* One record on its way from report/sum.c to report/crossings.c. */
#ifndef REPORT_TAKEN_H
#define REPORT_TAKEN_H

#include <jansson.h>

#include "report/report.h"
#include "violations/summary.h"

enum { EDGES_OF_RECORD = SUMMARY_EDGES_OF };

/* The fields of a record that the report uses. */
struct taken {
    json_t *record;
    uint64_t count;
    int64_t time;
    struct report_span span;
    uint32_t service, place;
    bool blocked, catalogue; /* catalogue: it has no statement and no time */
    struct {
        uint32_t owner; /* a service, or the name that stands for none */
        bool reads, writes;
    } edges[EDGES_OF_RECORD];
    size_t edge_count;
};

/* A violation that was asked for: adds what it touches and crosses to the report's tables. */
void report_take_violation(struct report *report, struct taken *taken);

/* Extends the span so that it includes the other one, unless that is of the catalogue. */
void report_widen(struct report_span *span, const struct report_span *by);

#endif
