/* TLS with a man in the middle: bytes of his own in place of either end, before and after the
 * handshake, or one byte changed, left out or said twice on the way between two real ends. Every
 * handshake ends or waits, nothing is pending after AGAIN, and what an end reads is what the other
 * has written, from the start on and unchanged. The bytes are also taken for an RSA password, a
 * public key and a name.
 */
#include "tests/unit/tls/legs.h"
#include "tls/rsa.h"

#include <assert.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);
int LLVMFuzzerInitialize(int *count, char ***arguments);

enum { TURNS = 60, SAID = 600 };

static struct tls_server *server;
static struct tls_client *client;
static struct rsa_key *key;
static char said[SAID];

int LLVMFuzzerInitialize(int *count, char ***arguments)
{
    struct config_problems problems = {0};
    void *state = NULL;

    (void)count;
    (void)arguments;
    if (certificates_make(&state) != 0)
        abort();
    struct config config = server_ini("server");
    config.tls.client_ca = path_of("ca.pem", 13);
    struct config_upstream upstream = upstream_ini(CONFIG_TLS_VERIFY_CA, "ca.pem");
    upstream.certificate = path_of("billing.pem", 24);
    upstream.key = path_of("billing.key", 25);
    if (!tls_server_build(&config, &server, &problems) ||
        !tls_client_build(&upstream, &client, &problems))
        abort();
    certificates_remove(&state);
    key = rsa_key_make();
    for (size_t i = 0; i < SAID; i++)
        said[i] = (char)('a' + i % 23);
    return 0;
}

/* One end, and how far it is. */
struct end {
    struct stream stream;
    enum tls_step step;
    bool closed, has_said;
    size_t heard;
};

static void end_step(struct end *end, bool honest)
{
    struct error why;
    char heard[200];

    if (end->step == TLS_AGAIN) {
        end->step = tls_handshake(&end->stream, &why);
        if (end->step == TLS_AGAIN)
            assert(!stream_pending(&end->stream));
        if (end->step == TLS_FAILED)
            assert(why.text[0] && tls_failure(&end->stream) != TLS_FAILURE_NONE);
    }
    if (end->step != TLS_DONE || end->closed)
        return;
    if (!end->has_said)
        end->has_said = stream_write(&end->stream, said, SAID) > 0;
    ssize_t got = stream_read(&end->stream, heard, sizeof(heard));
    if (got == STREAM_AGAIN)
        assert(!stream_pending(&end->stream));
    end->closed = got == STREAM_END || got == STREAM_FAILED;
    if (got <= 0)
        return;
    assert(honest && end->heard + (size_t)got <= SAID);
    assert(memcmp(heard, said + end->heard, (size_t)got) == 0);
    end->heard += (size_t)got;
}

static int pair_open(struct end *end)
{
    int sockets[2];

    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, sockets) != 0)
        abort();
    *end = (struct end){
        .stream = {.kind = &stream_plain, .socket = sockets[0]},
          .step = TLS_AGAIN
    };
    return sockets[1];
}

/* His bytes instead of the other end. */
static void alone(bool is_server, const uint8_t *bytes, size_t size)
{
    struct end end;
    int his = pair_open(&end);
    size_t early = is_server && size > 0 ? bytes[0] % (size + 1) : 0;

    if (is_server)
        assert(tls_accept(server, &end.stream, (struct text){(const char *)bytes, early}));
    else
        assert(tls_connect(client, &end.stream, "localhost"));
    end_step(&end, false);
    if (size > early && send(his, bytes + early, size - early, MSG_NOSIGNAL) < 0)
        abort();
    end_step(&end, false);
    shutdown(his, SHUT_WR);
    end_step(&end, false);
    assert(end.step != TLS_DONE);
    stream_close(&end.stream);
    close(his);
}

struct change {
    size_t at;
    uint8_t how, value;
    bool to_server;
};

/* Passes on what there is, with the change where its place has come. */
static void pass(int from, int to, size_t *passed, const struct change *change, bool applies)
{
    uint8_t bytes[8192], out[8193];
    ssize_t got;

    while ((got = recv(from, bytes, sizeof(bytes), 0)) > 0) {
        size_t count = 0;
        for (size_t i = 0; i < (size_t)got; i++, (*passed)++) {
            bool here = applies && *passed == change->at;
            if (here && change->how % 3 == 0)
                continue;
            if (here && change->how % 3 == 1)
                out[count++] = bytes[i];
            out[count++] = here && change->how % 3 == 2 ? bytes[i] ^ (change->value | 1) : bytes[i];
        }
        if (count > 0 && send(to, out, count, MSG_NOSIGNAL) < 0)
            return;
    }
    if (got == 0)
        shutdown(to, SHUT_WR);
}

static void between(const struct change *change)
{
    struct end one, other;
    int to_one = pair_open(&one), to_other = pair_open(&other);
    size_t up = 0, down = 0;

    assert(tls_accept(server, &one.stream, (struct text){0}));
    assert(tls_connect(client, &other.stream, "localhost"));
    for (int turn = 0; turn < TURNS; turn++) {
        end_step(&other, true);
        pass(to_other, to_one, &up, change, change->to_server);
        end_step(&one, true);
        pass(to_one, to_other, &down, change, !change->to_server);
        if (one.step == TLS_FAILED)
            shutdown(one.stream.socket, SHUT_WR);
        if (other.step == TLS_FAILED)
            shutdown(other.stream.socket, SHUT_WR);
    }
    if ((change->to_server ? up : down) <= change->at) /* nothing was changed */
        assert(one.heard == SAID && other.heard == SAID);
    stream_close(&one.stream);
    stream_close(&other.stream);
    close(to_one);
    close(to_other);
}

static void passwords(const uint8_t *bytes, size_t size)
{
    static const uint8_t nonce[RSA_NONCE] = {1, 2, 3};
    uint8_t blob[RSA_BLOB_MAX];
    char opened[RSA_BLOB_MAX];
    size_t length;
    struct text text = {(const char *)bytes, size};

    if (rsa_password_open(key, nonce, text, opened, sizeof(opened), &length))
        assert(length > 0 && opened[length - 1] == '\0');
    if (rsa_password_seal(text, nonce, TEXT("secret\0"), blob, sizeof(blob), &length))
        assert(length >= 128);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    if (size < 6)
        return 0;
    switch (bytes[0] % 4) {
    case 0:
        alone(true, bytes + 1, size - 1);
        break;
    case 1:
        alone(false, bytes + 1, size - 1);
        break;
    case 2:
        between(&(struct change){.at = (size_t)(bytes[1] | bytes[2] << 8) % 6000,
                                 .how = bytes[3],
                                 .value = bytes[4],
                                 .to_server = bytes[5] & 1});
        break;
    default:
        passwords(bytes + 1, size - 1);
    }
    return 0;
}
