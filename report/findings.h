/* Findings of `silogate audit --json` as the report's records. Only for report/sum.c. */
#ifndef REPORT_FINDINGS_H
#define REPORT_FINDINGS_H

#include <jansson.h>

/* The finding as a record without a statement: its kind is "catalogue", the entry in the catalogue
 * stands for the statement, and the objects are those that it touches. NULL if it crosses nothing
 * or is not a finding. To be freed with json_decref. */
json_t *findings_record(const json_t *finding);

#endif
