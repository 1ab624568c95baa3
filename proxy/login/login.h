/* A login in progress: what greet.c, connect.c and auth.c share. Freed once the session is logged
 * in; COM_CHANGE_USER makes a new one.
 */
#ifndef PROXY_LOGIN_LOGIN_H
#define PROXY_LOGIN_LOGIN_H

#include <sys/socket.h>

#include "protocol/handshake.h"
#include "proxy/address.h"
#include "proxy/session.h"
#include "tls/tls.h"

struct runtime;

/* A plugin no server has: makes MySQL and MariaDB answer with the account's own and its nonce in an
 * AuthSwitchRequest (MySQL Internals, "Authentication Method Mismatch"). */
#define LOGIN_NO_PLUGIN "silogate"

enum { LOGIN_PACKET_MAX = 70000 };

/* How far the login has come with the server. */
enum dialogue {
    DIALOGUE_NONE,    /* not connected, or logged in from before */
    DIALOGUE_OPENED,  /* it will say its greeting */
    DIALOGUE_GREETED, /* it waits for the login packet, or for TLS */
    DIALOGUE_ASKED,   /* it has the login packet */
    DIALOGUE_OVER,    /* it has said OK or ERR, or what is no greeting */
};

struct login_draft {
    struct runtime *runtime; /* counted: the one this login began with */
    char client[ADDRESS_TEXT];
    struct sockaddr_storage source, destination; /* of the client, from its PROXY header if any */
    capabilities_t offered;                      /* to the client */
    bool upstream_greeting;         /* the client was greeted with the upstream's own greeting */
    bool doomed;                    /* no service: relayed so that it ends like a wrong password */
    bool changing_user;             /* COM_CHANGE_USER on a session that was logged in */
    bool said;                      /* the client has answered an authentication packet */
    bool fresh;                     /* the upstream was connected after the client had logged in */
    bool offers_tls;                /* the upstream does */
    bool said_hello;                /* TLS's, to the upstream */
    bool full;                      /* caching_sha2_password: the next packet is the password */
    bool wants_key;                 /* the server was asked for its RSA key */
    bool keyed;                     /* the client has asked for an RSA key */
    uint8_t nonce[HANDSHAKE_NONCE]; /* of the plugin in force */
    char *password;                 /* kept while `wants_key`, then wiped */
    size_t password_length;
    bool handshaking; /* counted among its address' handshakes */
    uint8_t delay;    /* seconds that the answer has to wait, or has waited */
    enum dialogue dialogue;
    uint8_t replies_due;  /* packets that the client owes the server now */
    size_t address_index; /* the next address to try */
    char plugin[64];      /* the authentication plugin in force */
    char why[200];        /* of the last address that failed */
    struct login login;   /* its texts are in `raw` */
    uint8_t *raw;
    uint8_t *attributes; /* what login_attributes has written */
    /* of the upstream's greeting */
    char version[HANDSHAKE_VERSION_MAX];
    capabilities_t upstream_capabilities;
    capabilities_t upstream_compression; /* those of COMPRESSION_FLAGS that it offers */
    uint32_t thread;
};

/* The session has just begun; `client` is its address. */
void login_begin(struct session *session, struct text client);
void login_free(struct session *session);

/* Finds the service of draft->login.user and counts the session in. STEP_AGAIN, or what
 * session_linger says where it may not go on. */
enum step login_route(struct session *session);

/* The login packet for the upstream, behind its greeting, then STATE_AUTH. */
enum step login_send(struct session *session);
/* What it says, but for the authentication; its texts live as long as the draft. */
struct login login_for_upstream(struct session *session);

/* compression.c: what the client's login says of its leg; what ours says to the upstream; and
 * whether STATE_COMPRESS has something to do behind the login. */
void compression_hear(struct session *session, const struct login *login);
void compression_say(struct session *session, struct login *login);
bool compression_is_due(const struct session *session);

/* attributes.c: the connection attributes for the upstream; they live until the next call, or as
 * long as the draft. */
struct text login_attributes(struct session *session);

/* The same on a connection that is logged in already: COM_CHANGE_USER. */
enum step login_send_change(struct session *session);

/* The database that the login at hand asks for, aliases mapped; and the service's own. */
struct text login_initial_db(const struct session *session);
struct text login_home(const struct session *session);
/* May the session's service not enter the database that it asks for? The worker's ruling has more.
 */
bool login_is_refused(struct session *session, struct text database);

/* The server has said OK: the session is logged in. `payload` is the OK packet's. */
void login_done(struct session *session, struct text payload);

/* COM_CHANGE_USER, in change_user.c: takes the packet's payload out of the client's gate and logs
 * in anew. */
enum step login_change_user(struct session *session, struct text payload);

/* secure.c: is this leg TLS, or a Unix socket? */
bool secure_is(const struct side *side);
/* Behind the client's SSLRequest: STATE_TLS. */
enum step secure_client(struct session *session);
/* Before the login packet: STATE_UPSTREAM_TLS where the ini asks for it, else login_send. */
enum step secure_upstream(struct session *session);
/* Takes the login out of its address' handshakes. */
void secure_uncount(struct login_draft *draft);
/* worker->rest: the first of worker->handshaking goes on. */
void secure_rested(struct ev_loop *loop, struct ev_timer *timer, int events);
bool secure_lacks_certificate(const struct session *session);

/* password.c: the server has named draft->plugin and its nonce. STEP_AGAIN, or what login_refuse
 * says where this plugin would send a password in clear. */
enum step password_begin(struct session *session, struct text nonce);
/* The client's next packet cannot be looked at yet: silogate's key is still being made. */
bool password_lacks_key(const struct session *session);
/* The packet of `size` bytes in the client's gate, or the server's AuthMoreData, where it is about
 * a password that has to change its form: true, and `step` says how it goes on. Else relay it. */
bool password_from_client(struct session *session, size_t size, enum step *step);
bool password_from_server(struct session *session, struct text payload, enum step *step);
void password_forget(struct login_draft *draft);
/* May this plugin's first answer, found in a login packet, be passed on to any server? */
bool password_is_proof(struct text plugin);
/* A probe has seen this greeting: will plain clients need an RSA key of silogate's own? Then it is
 * begun. */
void password_expect(const struct runtime *runtime, size_t upstream,
                     const struct greeting *greeting, bool is_unix);
/* At the end of the process. */
void password_end(void);

/* Who the client is, in front of all else that is sent to the upstream, where the ini asks. */
void connect_header(const struct session *session, struct gate *out);
/* The time for the address at hand is over: STATE_CONNECT goes on with the next one. */
void connect_late(struct session *session);
/* Says the error in the sequence and form that the client expects now, then lingers. */
enum step login_refuse(struct session *session, enum close_reason reason, uint16_t code,
                       const char *sqlstate, const char *format, ...)
    __attribute__((format(printf, 5, 6)));

#endif
