/* MySQL: a session may have a part of its account's roles active. What it may do is then not what
 * the account may do alone or with all of them: with any active role the server takes only the
 * account's own rows, and a row with the exact name of a database hides what others have by
 * patterns. So each part is planned and compared like an account (grants.c). Roles without any
 * rights that matter make no difference between parts.
 */
#include "config/keys.h"
#include "move/rights.h"

enum {
    ROLES = 5,        /* with more of them not every part is computed: each one, and each two */
    SESSIONS = 20000, /* of all accounts */
};

static bool has_rights(const struct rights *rights, const struct account *role)
{
    for (size_t i = 0; i < role->set_count; i++) {
        const struct account *member = &rights->accounts[role->set[i]];
        if (member->global || member->has_rows)
            return true;
    }
    return false;
}

/* `part`: a bit for each of `roles`. */
static void add_session(struct rights *rights, uint32_t number, const uint32_t *roles, size_t count,
                        uint64_t part)
{
    struct account session = rights->accounts[number];

    session.partial = true;
    session.set = NULL;
    session.set_count = 0;
    rights_member(rights, &session, number);
    for (size_t i = 0; i < count; i++) {
        const struct account *role = &rights->accounts[roles[i]];
        for (size_t j = 0; (part >> i & 1) && j < role->set_count; j++)
            rights_member(rights, &session, role->set[j]);
    }
    rights->accounts = items_add(&rights->mover->arena, rights->accounts, &rights->account_count,
                                 sizeof(*rights->accounts));
    rights->accounts[rights->account_count - 1] = session;
}

/* False: not every part of its roles was added. */
static bool add_sessions(struct rights *rights, uint32_t number, size_t real_count)
{
    enum { MOST = 60 };
    const struct account account = rights->accounts[number];
    uint32_t roles[MOST];
    size_t count = 0;
    bool others = false; /* it has a role without rights */

    for (size_t i = 0; i < account.role_count; i++) {
        if (!has_rights(rights, &rights->accounts[account.roles[i]]))
            others = true;
        else if (count < MOST)
            roles[count++] = account.roles[i];
    }
    if (others)
        add_session(rights, number, roles, count, 0);
    for (size_t i = 0; count > ROLES && i < count; i++) {
        for (size_t j = 0; j <= i; j++)
            add_session(rights, number, roles, count, 1ull << i | 1ull << j);
    }
    for (uint64_t part = 1; count <= ROLES && part + 1 < 1ull << count; part++)
        add_session(rights, number, roles, count, part);
    return count <= ROLES && rights->account_count - real_count < SESSIONS;
}

void rights_add_sessions(struct rights *rights)
{
    const size_t count = rights->account_count;
    char *name;
    size_t length;

    for (size_t i = 0; i < count; i++) {
        const struct account *account = &rights->accounts[i];
        if (!account->maps || account->role_count == 0 || (account->is_used && account->is_locked))
            continue;
        if (rights->account_count - count < SESSIONS && add_sessions(rights, (uint32_t)i, count))
            continue;
        FILE *to = open_memstream(&name, &length);
        rights_put_account(to, &rights->accounts[i]);
        fclose(to);
        say(rights->mover,
            "note: %.*s has many roles, and not for every part of them it was computed what a "
            "session may do",
            TEXT_ARGS(keep_text(rights->mover, name, length)));
    }
    rights_sum(rights, NOW);
}
