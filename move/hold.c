/* How much of the hold is left. The instances open their doors by themselves at its end, whatever
 * the mover does: it must not begin anything then. So each step that cannot be taken back is
 * preceded by two looks: the mover's, at its clock and at what the instances have written, and the
 * server's, at a time by its own clock, in the same packet as the step. The second one counts for a
 * mover that stands still between them. */
#include <unistd.h>

#include "base/clock.h"
#include "move/mover_internal.h"

enum {
    MARGIN_MS = 30,
    UNHEARD_MS = MEETING_LIVE, /* for an instance that begins */
    POLL_US = 5000,
    TABLE_US = 3000, /* a table more in one RENAME, on a server that is not slow */
    TRIPS = 4,       /* to the server, until the instances know that the tables have moved */
};

static int64_t smaller(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

/* What the switch will take, in milliseconds: by the RENAME and the round trips of this call. */
static int64_t needed(const struct mover *mover)
{
    const int64_t hold = mover->move->hold.value, one = mover->rename_us;
    const int64_t further = smaller(one, one / 3 > TABLE_US ? one / 3 : TABLE_US);
    const int64_t triggers = (int64_t)mover->trigger_count;
    const bool alone = !connection_is_mariadb(mover->connection); /* each trigger in its packet */
    const int64_t trips = TRIPS + (alone ? 2 * triggers : 0);

    return (one + further * ((int64_t)mover->todo_count - 1) + 2 * one * triggers +
            trips * mover->trip_us) /
               1000 +
           smaller(MARGIN_MS, hold / 8);
}

/* The instances count from when they read that the doors are closed: that is later than now. */
void hold_begin(struct mover *mover)
{
    mover->closed = clock_ms();
    mover->ends = mover->closed + mover->move->hold.value;
}

bool hold_is_over(struct mover *mover, const char *why)
{
    return !error_set(mover->error,
                      "%s, and the instances open by themselves at the end of the hold; call it "
                      "again, or write a longer hold",
                      why);
}

/* One that begins in the hold is known before it has written that nobody is inside of it. */
static bool ask_drained(struct mover *mover, int64_t until, struct meeting_look *look)
{
    for (;;) {
        if (!meeting_drained(mover->connection, mover->name, mover->epoch,
                             policy_hash(mover->order->policy), look, mover->error))
            return false;
        if (!look->unheard || clock_ms() >= until)
            return true;
        usleep(POLL_US);
    }
}

bool hold_look(struct mover *mover)
{
    const int64_t need = needed(mover), begun = clock_ms();
    const int64_t until = smaller(mover->ends - need, begun + UNHEARD_MS);
    struct error *error = mover->error;
    struct meeting_look look;

    if (mover->ends - begun < need)
        return !hold_is_over(mover, "too little of the hold is left for the switch");
    if (!ask_drained(mover, until, &look))
        return false;
    const int64_t left = mover->ends - clock_ms();
    if (left < need)
        return !hold_is_over(mover, "too little of the hold is left for the switch");
    if (!look.all)
        return error_set(error,
                         "not all instances are drained any more, or one has another policy "
                         "meanwhile: %s; call it again",
                         look.who);
    mover->latest = look.now + left - need;
    return true;
}

struct text hold_sql(struct mover *mover)
{
    /* An error that nothing else in a switch can be (1690), if it is later. */
    return connection_text(mover->connection, &mover->arena,
                           "SELECT EXP(IF(UNIX_TIMESTAMP(SYSDATE(6)) * 1000 < ?, 0, 1000))",
                           PARAMETERS(P_NUMBER(mover->latest)));
}
