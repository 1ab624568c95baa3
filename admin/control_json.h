/* JSON of the control socket. Private to admin/. */
#ifndef ADMIN_CONTROL_JSON_H
#define ADMIN_CONTROL_JSON_H

#include <jansson.h>
#include <stdio.h>

#include "admin/control.h"

void control_put_session(FILE *to, const struct control_session *session);
void control_put_override(FILE *to, const struct override *override);
/* ["read","write"] as a grant's access; 0 where it is something else. */
uint8_t control_access_of(const json_t *words);

#endif
