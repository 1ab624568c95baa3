/* Names as SQL writes them. */
#include <string.h>

#include "catalogue/accounts.h"

static struct text quote(struct audit *audit, struct text name, char mark)
{
    char *quoted = arena_take(&audit->arena, 2 * name.length + 2);
    size_t length = 0;

    quoted[length++] = mark;
    for (size_t i = 0; i < name.length; i++) {
        if (name.at[i] == mark || (mark == '\'' && name.at[i] == '\\'))
            quoted[length++] = name.at[i];
        quoted[length++] = name.at[i];
    }
    quoted[length++] = mark;
    return (struct text){quoted, length};
}

struct text quote_string(struct audit *audit, struct text value)
{
    return quote(audit, value.at ? value : TEXT(""), '\'');
}

struct text quote_name(struct audit *audit, struct text name)
{
    return quote(audit, name.at ? name : TEXT(""), '`');
}

struct text quote_account(struct audit *audit, const struct grantee *grantee)
{
    struct text user = quote(audit, grantee->user, '\''), host = quote(audit, grantee->host, '\'');

    if (grantee->is_public && grantee->user.length)
        return TEXT("PUBLIC");
    return audit_format(audit, "%.*s@%.*s", TEXT_ARGS(user), TEXT_ARGS(host));
}

size_t audit_sql_count(const struct audit_server *server)
{
    return server->accounts ? server->accounts->sql_count : 0;
}

struct text audit_sql(const struct audit_server *server, size_t index, struct text *back)
{
    *back = server->accounts->back[index];
    return server->accounts->sql[index];
}
