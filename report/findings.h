/* Findings of `silogate audit --json` as the report's records. Only for report/sum.c. */
#ifndef REPORT_FINDINGS_H
#define REPORT_FINDINGS_H

#include <jansson.h>

/* The finding as a record of no statement: kind "catalogue", what the catalogue holds as its
 * statement, what it touches as its objects. NULL where it crosses nothing, or is no finding. To be
 * freed with json_decref. */
json_t *findings_record(const json_t *finding);

#endif
