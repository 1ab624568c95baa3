/* Counts a ruling's statements and writes its violations to the violation log; the client's error
 * gets the id of its record. */
#ifndef PROXY_RECORD_H
#define PROXY_RECORD_H

#include "judge/ruling.h"
#include "proxy/session.h"

/* To be called once for each command, when it is certain that the ruling will be carried out. For
 * a violation violations_ready must have returned true before. */
void record_ruling(struct session *session, struct ruling *ruling);

#endif
