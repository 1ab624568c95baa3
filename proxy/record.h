/* What a ruling says is counted and written to the violation log; the client's error gets the id of
 * its record. */
#ifndef PROXY_RECORD_H
#define PROXY_RECORD_H

#include "judge/ruling.h"
#include "proxy/session.h"

/* Once a command, after it is sure what becomes of it: the ruling's outcome. Where it is a
 * violation, violations_ready was asked before. */
void record_ruling(struct session *session, struct ruling *ruling);

#endif
