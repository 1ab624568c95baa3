/* The states of a session (proxy/states.def), what runs them, and how long they may last. */
#ifndef PROXY_STATES_H
#define PROXY_STATES_H

struct session;

enum state {
#define STATE(symbol, name, function, limit, phase) symbol,
#include "proxy/states.def"
#undef STATE
};

enum close_reason {
#define REASON(symbol, name, sentence) symbol,
#include "proxy/reasons.def"
#undef REASON
    CLOSE_REASONS
};

/* The result of a state's function. */
enum step {
    STEP_AGAIN, /* run again: the state has changed, or there are more bytes to work on */
    STEP_WAIT,  /* wait for an event of a socket or a timer */
    STEP_CLOSE, /* session->close_reason says why */
};

/* The only way into a state: asserts what must hold in its phase, and sets its time limit. */
void session_enter(struct session *session, enum state state);

/* Runs the function of its state once. */
enum step session_step(struct session *session);

/* Bytes have arrived from one of its sides: the session is not idle. */
void session_moves(struct session *session);

/* A side has taken bytes that had to wait for it: the session is not idle, and does not end yet. */
void session_sends(struct session *session);

/* Called by the worker in the second `due`. */
void session_due(struct session *session);

/* "command" */
const char *session_state_name(enum state state);
const char *close_reason_name(enum close_reason reason);
const char *close_reason_sentence(enum close_reason reason);

/* The states' functions: */
#define STATE(symbol, name, function, limit, phase) enum step function(struct session *session);
#include "proxy/states.def"
#undef STATE

#endif
