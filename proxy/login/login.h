/* A login in progress: what the files of proxy/login/ share. Freed once the session is logged
 * in; COM_CHANGE_USER makes a new one.
 */
#ifndef PROXY_LOGIN_LOGIN_H
#define PROXY_LOGIN_LOGIN_H

#include <sys/socket.h>

#include "protocol/handshake.h"
#include "proxy/address.h"
#include "proxy/session.h"
#include "tls/tls.h"

struct router;
struct runtime;

/* A plugin no server has: makes MySQL and MariaDB answer with the account's own and its nonce in an
 * AuthSwitchRequest (MySQL Internals, "Authentication Method Mismatch"). */
#define LOGIN_NO_PLUGIN "silogate"

enum { LOGIN_PACKET_MAX = 70000 };

/* Which greeting the client's login packet answers. */
enum greeted {
    GREETED_BY_SILOGATE, /* no server knows this nonce */
    GREETED_BY_UPSTREAM, /* with the greeting of the server that it is connected to */
    GREETED_BY_ANOTHER,  /* likewise, but its service's server turned out to be another one */
    GREETED_BEFORE,      /* COM_CHANGE_USER on a session that was logged in */
};

/* How far the login has come with the server. */
enum exchange {
    EXCHANGE_NONE,    /* not connected, or logged in from before */
    EXCHANGE_OPENED,  /* the server will send its greeting */
    EXCHANGE_GREETED, /* it waits for the login packet, or for TLS */
    EXCHANGE_TLS,     /* it has the first bytes of the TLS handshake */
    EXCHANGE_SENT,    /* it has the login packet or the last answer: its next packet is due */
    EXCHANGE_ASKED,   /* it waits for exactly one packet of the client's */
    EXCHANGE_OVER,    /* it has sent OK or ERR, or what is no greeting */
};

/* How far the client has come in proving who it is to the plugin in force. */
enum proof {
    PROOF_NONE,  /* it has not answered */
    PROOF_GIVEN, /* it has answered */
    PROOF_FULL,  /* caching_sha2_password's full authentication: its next packet is the password */
    PROOF_KEYED, /* it has asked for an RSA key: its next packet is encrypted with one */
    PROOF_HELD,  /* silogate holds the password until the server's RSA key is here */
};

struct login_draft {
    struct runtime *runtime; /* counted: the one this login began with */
    char client[ADDRESS_TEXT];
    /* Of the client, from its PROXY header if any. destination: where nobody needs it, of no
     * family. */
    struct sockaddr_storage source, destination;
    capabilities_t offered; /* to the client */
    enum greeted greeted;
    enum exchange exchange;
    enum proof proof;
    char plugin[64];                /* the authentication plugin in force */
    uint8_t nonce[HANDSHAKE_NONCE]; /* its nonce */
    struct {
        char *at;
        size_t length;
    } password;           /* PROOF_HELD: the client's; wiped when that ends */
    bool is_counted;      /* among the TLS handshakes of its address */
    uint8_t delay;        /* seconds that the answer has to wait, or has waited */
    size_t address_index; /* the next address to try */
    char why[200];        /* of the last address that failed */
    struct login login;   /* its texts are in `raw` */
    uint8_t *raw;
    uint8_t *attributes; /* what login_attributes has written */
    /* COM_CHANGE_USER on the same connection: whose the session was, for a server that keeps it
     * where the new user is refused. Not counted. */
    struct binding *before;
    bool judged_before;
    uint16_t collation_before;
    /* What the server's greeting says: from EXCHANGE_GREETED on. After COM_CHANGE_USER on the same
     * connection, the capabilities in force and nothing else. */
    struct {
        char version[HANDSHAKE_VERSION_MAX];
        capabilities_t capabilities; /* those that silogate can follow */
        capabilities_t leg;          /* CAPABILITY_SSL and COMPRESSION_FLAGS, of its own leg */
        uint32_t thread;
    } server;
};

/* draft.c: the session has just begun, or logs in anew; `client` is its address `from` as text. */
void login_begin(struct session *session, const struct sockaddr_storage *from, struct text client);
void login_free(struct session *session);

/* The plugin in force is this one; one that is too long to be any is none. */
void login_set_plugin(struct login_draft *draft, struct text plugin);
/* The whole packet at the front of the client's gate, where it is next in order; stays there. Else
 * false, and `step` says how the state goes on. */
bool login_packet(struct session *session, struct text *payload, enum step *step);

/* route.c: a new binding, in the configuration that the login began with. */
void login_bind(struct session *session, int service, size_t upstream);

/* Finds the service of draft->login.user and counts the session in. STEP_AGAIN, or what
 * session_linger says where it may not go on. */
enum step login_route(struct session *session);

/* Behind login_route: no service has this user. The login is relayed all the same, with a wrong
 * password, so that the client cannot tell an unknown user from a wrong password. */
bool login_is_unknown(const struct session *session);

/* send.c: the login packet for the upstream, behind its greeting, then STATE_AUTH. */
enum step login_send(struct session *session);
/* What it says, but for the authentication; its texts live as long as the draft. */
struct login login_for_upstream(struct session *session);

/* compression.c: STATE_COMPRESS has something to do behind the login. */
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

/* done.c: the server has said OK: the session is logged in. `payload` is the OK packet's. True
 * where it has warnings for the client. */
bool login_done(struct session *session, struct text payload);

/* COM_CHANGE_USER, in change_user.c: takes the packet's payload out of the client's gate and logs
 * in anew. */
enum step login_change_user(struct session *session, struct text payload);
/* The server has refused it: does the session go on as whose it was? MariaDB lets it, with all that
 * it had set gone; MySQL ends it. */
bool login_change_back(struct session *session);

/* connect.c: the router keeps what this greeting tells of the upstream's server, for the greetings
 * of silogate's own. */
void login_learn(struct router *router, size_t upstream, const struct greeting *greeting);

/* handshake.c: is this leg TLS, or a Unix socket? */
bool side_is_secure(const struct side *side);
/* client_tls.c: takes the login out of its address' handshakes. */
void client_tls_uncount(struct login_draft *draft);
/* upstream_tls.c, before the login packet: STATE_UPSTREAM_TLS where the ini asks for it, else
 * login_send. */
enum step upstream_tls_begin(struct session *session);

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
/* Returns once the key that password_expect has begun is made, or after `milliseconds`. A successor
 * calls it before it serves: else each upgrade would cost plain clients a second. The main
 * thread's.
 */
void password_wait(int64_t milliseconds);
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
