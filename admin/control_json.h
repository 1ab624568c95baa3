/* Writes and reads the JSON of the control socket. Private to admin/. */
#ifndef ADMIN_CONTROL_JSON_H
#define ADMIN_CONTROL_JSON_H

#include <jansson.h>
#include <stdio.h>

#include "admin/control.h"

void control_put_session(FILE *to, const struct control_session *session);
/* `told`: which instances have taken the override; NULL: that was not asked. */
void control_put_override(FILE *to, const struct override *override, const struct told *told);
/* Writes only the members for `told`. */
void control_put_told(FILE *to, const struct override *override, const struct told *told);
void control_put_instance(FILE *to, const struct instance *instance);
void control_put_meeting(FILE *to, const struct meeting *met);
/* ["read","write"] as bits of a grant's access; 0 if it is not such a list. */
uint8_t control_access_of(const json_t *words);

#endif
