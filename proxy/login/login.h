/* A login in progress: the data that the files of proxy/login/ share. Freed when the session is
 * logged in; COM_CHANGE_USER makes a new one.
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

/* A plugin that no server has: MySQL and MariaDB answer with an AuthSwitchRequest, which has the
 * account's plugin and a nonce (MySQL Internals, "Authentication Method Mismatch"). */
#define LOGIN_NO_PLUGIN "silogate"

enum { LOGIN_PACKET_MAX = 70000 };

/* Which greeting the client's login packet answers. */
enum greeted {
    GREETED_BY_SILOGATE, /* no server knows this nonce */
    GREETED_BY_UPSTREAM, /* with the relayed greeting of its upstream */
    GREETED_BY_ANOTHER,  /* with a relayed greeting, but its service has another upstream */
    GREETED_BEFORE,      /* COM_CHANGE_USER: the client uses the nonce of its session */
};

/* How far the login has come with the server. */
enum exchange {
    EXCHANGE_NONE,    /* not connected, or still logged in as before */
    EXCHANGE_OPENED,  /* the server will send its greeting */
    EXCHANGE_GREETED, /* it waits for the login packet, or for TLS */
    EXCHANGE_TLS,     /* the TLS handshake has begun */
    EXCHANGE_SENT,  /* the login packet or an answer was sent: the server's next packet is expected
                     */
    EXCHANGE_ASKED, /* it waits for exactly one packet from the client */
    EXCHANGE_OVER,  /* it has sent OK, ERR, or an invalid greeting */
};

/* How far the client has come in its authentication with the present plugin. */
enum proof {
    PROOF_NONE,  /* it has not answered */
    PROOF_GIVEN, /* it has answered */
    PROOF_FULL,  /* caching_sha2_password's full authentication: its next packet is the password */
    PROOF_KEYED, /* it has asked for an RSA key: its next packet is encrypted with one */
    PROOF_HELD,  /* silogate holds the password until the server's RSA key is here */
};

struct login_draft {
    struct runtime *runtime; /* a reference: the one with which this login began */
    char client[ADDRESS_TEXT];
    /* The client's addresses, from its PROXY header if there is one. destination: family AF_UNSPEC
     * if it is not needed. */
    struct sockaddr_storage source, destination;
    capabilities_t offered; /* to the client */
    enum greeted greeted;
    enum exchange exchange;
    enum proof proof;
    char plugin[64];                /* the present authentication plugin */
    uint8_t nonce[HANDSHAKE_NONCE]; /* its nonce */
    struct {
        char *at;
        size_t length;
    } password;           /* in PROOF_HELD: the client's password; wiped after that */
    bool is_counted;      /* this login is counted in the TLS handshakes of its address */
    uint8_t delay;        /* seconds by which the answer is, or was, delayed */
    size_t address_index; /* the next address to try */
    size_t address_line;  /* the `address` line of the present one, or of the last one */
    char why[200];        /* the error of the last address that failed */
    struct login login;   /* its texts are in `raw` */
    uint8_t *raw;
    uint8_t *attributes; /* allocated by login_attributes */
    /* COM_CHANGE_USER on the same connection: the old binding, for a server that keeps the old
     * user if the new one is refused. Not counted in max_connections. */
    struct binding *before;
    bool judged_before;
    uint16_t collation_before;
    /* From the server's greeting, valid from EXCHANGE_GREETED on. After COM_CHANGE_USER on the
     * same connection only the capabilities are set, to those in force. */
    struct {
        char version[HANDSHAKE_VERSION_MAX];
        capabilities_t capabilities; /* those that silogate supports */
        capabilities_t leg;          /* CAPABILITY_SSL and COMPRESSION_FLAGS, of its own leg */
        uint32_t thread;
    } server;
};

/* draft.c: begins the first login of a session, or another one. `client` is its address `from` as
 * text. */
void login_begin(struct session *session, const struct sockaddr_storage *from, struct text client);
void login_free(struct session *session);

/* Sets the present plugin; a name that is too long becomes an empty one. */
void login_set_plugin(struct login_draft *draft, struct text plugin);
/* The whole packet at the front of the client's gate, with the expected sequence id; it stays
 * there. False: there is none, and `step` is what the state has to return. */
bool login_packet(struct session *session, struct text *payload, enum step *step);

/* route.c: makes a new binding, in the configuration with which the login began. */
void login_bind(struct session *session, int service, size_t upstream);

/* Finds the service of draft->login.user and counts the session in max_connections. Returns
 * STEP_AGAIN, or the result of session_linger if the login is refused. */
enum step login_route(struct session *session);

/* After login_route: does no service have this user? The login is relayed then too, with a wrong
 * password, so that the client cannot distinguish an unknown user from a wrong password. */
bool login_is_unknown(const struct session *session);
/* Likewise: records that the login was refused. */
void login_record_refused(const struct session *session, struct text reason);

/* send.c: sends the login packet to the upstream, after its greeting, then enters STATE_AUTH. */
enum step login_send(struct session *session);
/* The contents of that packet without the authentication; its texts live as long as the draft. */
struct login login_for_upstream(struct session *session);

/* compression.c: must STATE_COMPRESS follow the login? */
bool compression_is_due(const struct session *session);

/* attributes.c: the connection attributes for the upstream; they live until the next call, or as
 * long as the draft. */
struct text login_attributes(struct session *session);

/* The same on a connection that is logged in already: COM_CHANGE_USER. */
enum step login_send_change(struct session *session);

/* The database for this login: the one it asks for, with aliases mapped, or the service's own. */
struct text login_initial_db(const struct session *session);
struct text login_home(const struct session *session);
/* Is the session's service not allowed to enter this database? The worker's ruling has the
 * details.
 */
bool login_is_refused(struct session *session, struct text database);

/* done.c: after the server's OK, whose payload this is, the session is logged in. True: the OK
 * says that there are warnings. */
bool login_done(struct session *session, struct text payload);

/* change_user.c: COM_CHANGE_USER. Takes the packet out of the client's gate and starts the new
 * login. */
enum step login_change_user(struct session *session, struct text payload);
/* After the server has refused it: does the session continue as the old user? MariaDB continues,
 * but everything that the session had set is gone; MySQL ends it. */
bool login_change_back(struct session *session);

/* connect.c: the router keeps what this greeting says about the upstream's server, for silogate's
 * own greetings. */
void login_learn(struct router *router, size_t upstream, const struct greeting *greeting);

/* connect.c: what clients are not offered while there are [move:] sections: a statement that is
 * prepared again may have other columns, which the server tells only once. */
capabilities_t login_withheld(const struct login_draft *draft);

/* handshake.c: is this leg TLS, or a Unix socket? */
bool side_is_secure(const struct side *side);
/* client_tls.c: the login does not count in the handshakes of its address any more. */
void client_tls_uncount(struct login_draft *draft);
/* upstream_tls.c, before the login packet: enters STATE_UPSTREAM_TLS if the ini says so, else
 * calls login_send. */
enum step upstream_tls_begin(struct session *session);

/* password.c: after the server has named draft->plugin and its nonce. Returns STEP_AGAIN, or the
 * result of login_refuse if this plugin would send a password in clear text. */
enum step password_begin(struct session *session, struct text nonce);
/* Must the client's next packet wait, because silogate's RSA key is still being generated? */
bool password_lacks_key(const struct session *session);
/* Handles the packet of `size` bytes in the client's gate, or the server's AuthMoreData, if it
 * belongs to a password that has to be encrypted or decrypted: true, and `step` is what the state
 * returns. False: relay the packet. */
bool password_from_client(struct session *session, size_t size, enum step *step);
bool password_from_server(struct session *session, struct text payload, enum step *step);
void password_forget(struct login_draft *draft);
/* May the answer of this plugin in a login packet be sent to any server? It may if it is not the
 * password itself. */
bool password_is_proof(struct text plugin);
/* A probe has seen this greeting. If clients without TLS will need an RSA key of silogate's own,
 * its generation is started. */
void password_expect(const struct runtime *runtime, size_t upstream,
                     const struct greeting *greeting, bool is_unix);
/* Waits until the key that password_expect has started is generated, at most `milliseconds`. For
 * the main thread of a successor before it serves: else clients without TLS would wait a second at
 * each upgrade.
 */
void password_wait(int64_t milliseconds);
/* At the end of the process. */
void password_end(void);

/* Writes the PROXY header, before everything else that is sent to the upstream, if the ini says
 * so. */
void connect_header(const struct session *session, struct gate *out);
/* The time for the present address is over: STATE_CONNECT tries the next one. */
void connect_late(struct session *session);
/* Sends the error with the sequence id and in the form that the client expects now, then lingers.
 */
enum step login_refuse(struct session *session, enum close_reason reason, uint16_t code,
                       const char *sqlstate, const char *format, ...)
    __attribute__((format(printf, 5, 6)));

#endif
