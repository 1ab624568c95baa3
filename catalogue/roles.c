/* Roles: which accounts have them, from the login on or by SET ROLE, also through other roles; and
 * the roles that every account has without a GRANT: MySQL's mandatory_roles, and on MariaDB the
 * roles of PUBLIC, whose privileges everybody always has (seen on 10.11). MySQL manual, "Using
 * Roles"; MariaDB Knowledge Base, "Roles Overview" and "GRANT ... TO PUBLIC". */
#include <stdlib.h>
#include <string.h>

#include "catalogue/accounts.h"

/* Is `holder` the role itself, or does the role have it, directly or through other roles? `fit`:
 * roles with rights in excess are ignored. Each role is visited once. */
static bool leads_to(const struct audit_accounts *accounts, uint32_t role, uint32_t holder,
                     bool fit)
{
    uint32_t *found = memory_take((accounts->grantee_count + 1) * sizeof(*found));
    bool *seen = memory_take_zeroed(accounts->grantee_count + 1);
    size_t count = 1;

    found[0] = role;
    seen[role] = true;
    for (size_t at = 0; at < count && !seen[holder]; at++) {
        for (size_t i = 0; i < accounts->membership_count; i++) {
            const struct membership *membership = &accounts->memberships[i];
            if (membership->member != found[at] || seen[membership->role] ||
                (fit && membership->excess))
                continue;
            seen[membership->role] = true;
            found[count++] = membership->role;
        }
    }
    bool leads = seen[holder];
    free(found);
    free(seen);
    return leads;
}

enum role_way roles_way(const struct audit_accounts *accounts, uint32_t account, uint32_t holder)
{
    enum role_way way = ROLE_NONE;

    for (size_t i = 0; way != ROLE_AT_LOGIN && i < accounts->membership_count; i++) {
        const struct membership *membership = &accounts->memberships[i];
        bool of_all = accounts->grantees[membership->member].is_public;
        if ((membership->member != account && !of_all) ||
            !leads_to(accounts, membership->role, holder, false))
            continue;
        bool at_login = (membership->by_default || of_all) && !membership->excess &&
                        leads_to(accounts, membership->role, holder, true);
        way = at_login ? ROLE_AT_LOGIN : ROLE_AT_WILL;
    }
    return way;
}

void roles_mark_excess(struct audit_accounts *accounts, uint32_t account, uint32_t holder)
{
    for (size_t i = 0; i < accounts->membership_count; i++) {
        struct membership *membership = &accounts->memberships[i];
        membership->excess |=
            (membership->member == account || accounts->grantees[membership->member].is_public) &&
            leads_to(accounts, membership->role, holder, false);
    }
}

struct text roles_describe(struct audit *audit, const struct audit_accounts *accounts,
                           uint32_t account, uint32_t holder)
{
    const char *before = "", *after = "";

    for (size_t i = 0; i < accounts->membership_count; i++) {
        const struct membership *membership = &accounts->memberships[i];
        bool of_all = accounts->grantees[membership->member].is_public;
        if ((membership->member != account && !of_all) ||
            !leads_to(accounts, membership->role, holder, false))
            continue;
        before = membership->mandatory ? "mandatory " : before;
        after = of_all ? " of everybody" : after;
    }
    return audit_format(audit, "%srole %.*s%s", before, TEXT_ARGS(accounts->grantees[holder].user),
                        after);
}

static void add(struct audit_accounts *accounts, struct membership membership)
{
    accounts->memberships =
        accounts_room(accounts->memberships, accounts->membership_count, &accounts->membership_room,
                      sizeof(*accounts->memberships));
    accounts->memberships[accounts->membership_count++] = membership;
}

/* Takes a name off a list: up to one of `ends`, or in quotes (doubled inside the name). */
static struct text take_name(struct audit *audit, struct text *list, const char *ends)
{
    char *name = arena_take(&audit->arena, list->length + 1);
    size_t length = 0;
    char quote = '\0';

    *list = text_trim(*list);
    if (list->length && strchr("'\"`", list->at[0])) {
        quote = list->at[0];
        *list = (struct text){list->at + 1, list->length - 1};
    }
    while (list->length) {
        char c = list->at[0];
        bool twice = quote && c == quote && list->length > 1 && list->at[1] == quote;
        if (!quote && strchr(ends, c))
            break;
        *list = (struct text){list->at + 1 + twice, list->length - 1 - twice};
        if (quote && c == quote && !twice)
            break;
        name[length++] = c;
    }
    *list = text_trim(*list);
    return quote ? (struct text){name, length} : text_trim((struct text){name, length});
}

/* "role1, `role 2`@'host'" */
static void read_mandatory(struct audit *audit, struct audit_server *server, struct text list)
{
    struct audit_accounts *accounts = server->accounts;

    accounts->mandatory_roles = audit_keep(audit, list);
    while (list.length) {
        struct text user = take_name(audit, &list, "@,"), host = TEXT("%");
        if (list.length && list.at[0] == '@') {
            list = (struct text){list.at + 1, list.length - 1};
            host = take_name(audit, &list, ",");
        }
        if (list.length) /* the comma */
            list = (struct text){list.at + 1, list.length - 1};
        if (!user.length)
            continue;
        accounts->mandatory =
            accounts_room(accounts->mandatory, accounts->mandatory_count, &accounts->mandatory_room,
                          sizeof(*accounts->mandatory));
        uint32_t role = accounts_grantee(audit, server, user, host);
        accounts->mandatory[accounts->mandatory_count++] = role;
    }
}

/* Adds the mandatory roles to governed accounts; no other accounts are compared. These roles are
 * active from login on, whatever activate_all_roles_on_login and SET DEFAULT ROLE say (seen on
 * 9.7). */
static void add_mandatory(struct audit_accounts *accounts)
{
    for (uint32_t i = 0; i < accounts->grantee_count; i++) {
        if (accounts->grantees[i].service == SERVICE_NONE || accounts->grantees[i].is_role)
            continue;
        for (size_t j = 0; j < accounts->mandatory_count; j++)
            add(accounts, (struct membership){.member = i,
                                              .role = accounts->mandatory[j],
                                              .by_default = true,
                                              .mandatory = true});
    }
}

static void read_edges(struct audit *audit, struct audit_server *server, struct rows *rows)
{
    while (rows_next(rows)) {
        const struct text *cells = rows->cells;
        uint32_t member = accounts_grantee(audit, server, cells[0], cells[1]);
        uint32_t role = accounts_grantee(audit, server, cells[2], cells[3]);
        add(server->accounts, (struct membership){.member = member,
                                                  .role = role,
                                                  .by_default = rows_number(rows, 4, 0) == 1,
                                                  .admin = rows_number(rows, 5, 0) == 1});
    }
    rows_free(rows);
}

/* Marks the default roles (SET DEFAULT ROLE) among the roles that an account has. */
static void read_defaults(struct audit *audit, struct audit_server *server, struct rows *rows)
{
    struct audit_accounts *accounts = server->accounts;

    while (rows_next(rows)) {
        const struct text *cells = rows->cells;
        uint32_t member = accounts_grantee(audit, server, cells[0], cells[1]);
        uint32_t role = accounts_grantee(audit, server, cells[2], cells[3]);
        for (size_t i = 0; i < accounts->membership_count; i++) {
            struct membership *membership = &accounts->memberships[i];
            bool named = membership->member == member && membership->role == role;
            membership->by_default |= named;
            membership->is_default |= named && !membership->mandatory;
        }
    }
    rows_free(rows);
}

bool roles_read(struct audit *audit, struct audit_server *server, struct connection *connection,
                struct error *error)
{
    static const char mariadb[] =
        "SELECT m.user, m.host, m.role, '', JSON_VALUE(p.priv, '$.default_role') = m.role,"
        " m.admin_option = 'Y'"
        " FROM mysql.roles_mapping m LEFT JOIN mysql.global_priv p"
        " ON p.user = m.user AND p.host = m.host";
    static const char mysql[] =
        "SELECT to_user, to_host, from_user, from_host,"
        " @@activate_all_roles_on_login, with_admin_option = 'Y' FROM mysql.role_edges";
    struct rows *rows =
        connection_query(connection, server->is_mariadb ? mariadb : mysql, NULL, error);

    if (!rows)
        return false;
    read_edges(audit, server, rows);
    if (server->is_mariadb)
        return true;
    rows = connection_query(connection, "SELECT @@mandatory_roles", NULL, error);
    if (!rows)
        return false;
    while (rows_next(rows)) {
        read_mandatory(audit, server, rows->cells[0]);
        add_mandatory(server->accounts);
    }
    rows_free(rows);
    rows = connection_query(connection,
                            "SELECT user, host, default_role_user, default_role_host"
                            " FROM mysql.default_roles",
                            NULL, error);
    if (!rows)
        return false;
    read_defaults(audit, server, rows);
    return true;
}
