/* One record on its way into the report, between report/sum.c and report/crossings.c. */
#ifndef REPORT_TAKEN_H
#define REPORT_TAKEN_H

#include <jansson.h>

#include "report/report.h"
#include "violations/summary.h"

enum { EDGES_OF_RECORD = SUMMARY_EDGES_OF };

/* One record, as far as the report looks at it. */
struct taken {
    json_t *record;
    uint64_t count;
    int64_t time;
    struct report_span span;
    uint32_t service, place;
    bool blocked, catalogue; /* catalogue: of no statement, and of no time */
    struct {
        uint32_t owner; /* a service, or what stands for none */
        bool reads, writes;
    } edges[EDGES_OF_RECORD];
    size_t edge_count;
};

/* A violation that was asked for: what it touches and crosses goes into the report's tables. */
void report_take_violation(struct report *report, struct taken *taken);

/* Makes the span reach over the other one too, unless that is of the catalogue. */
void report_widen(struct report_span *span, const struct report_span *by);

#endif
