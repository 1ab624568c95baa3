/* Passwords under RSA: what is sealed for a key is opened by it, and by nothing else. openssl is
 * the judge of both directions. */
#include "legs.h"

#include "tls/rsa.h"

static const uint8_t nonce[RSA_NONCE + 1] = "0123456789abcdefghi\x7f";
static struct rsa_key *key;
static char own_pem[4096]; /* the public half of rsa.key, by openssl */

static int key_make(void **state)
{
    (void)state;
    key = rsa_key_make();
    return key ? 0 : -1;
}

static int key_free(void **state)
{
    (void)state;
    rsa_key_free(key);
    return 0;
}

static void test_there_and_back(void **state)
{
    static const struct text passwords[] = {
        TEXT("\0"),
        TEXT("secret\0"),
        TEXT("exactly twenty bytes\0"),
        TEXT("p\xc3\xa4ssw\xc3\xb6rter mit Umlauten, und l\xc3\xa4nger als die Nonce\0"),
    };
    struct text pem = rsa_key_public(key);

    (void)state;
    assert_true(pem.length > 0);
    assert_memory_equal(pem.at, "-----BEGIN PUBLIC KEY-----\n", 27);
    for (size_t i = 0; i < sizeof(passwords) / sizeof(*passwords); i++) {
        uint8_t blob[RSA_BLOB_MAX];
        char opened[256];
        size_t size, length;

        assert_true(rsa_password_seal(pem, nonce, passwords[i], blob, sizeof(blob), &size));
        assert_int_equal(size, 256);
        assert_true(rsa_password_open(key, nonce, (struct text){(char *)blob, size}, opened,
                                      sizeof(opened), &length));
        assert_int_equal(length, passwords[i].length);
        assert_memory_equal(opened, passwords[i].at, length);
        assert_false(rsa_password_open(key, nonce, (struct text){(char *)blob, size}, opened,
                                       length - 1, &length)); /* no room */
        blob[100] ^= 1;
        assert_false(rsa_password_open(key, nonce, (struct text){(char *)blob, size}, opened,
                                       sizeof(opened), &length));
    }
}

static void test_longest_password(void **state)
{
    char password[256] = {0}, opened[256];
    uint8_t blob[RSA_BLOB_MAX];
    size_t size, length;

    (void)state;
    memset(password, 'x', 213); /* OAEP with SHA-1 leaves 214 bytes of 256, the NUL included */
    assert_true(rsa_password_seal(rsa_key_public(key), nonce, (struct text){password, 214}, blob,
                                  sizeof(blob), &size));
    assert_true(rsa_password_open(key, nonce, (struct text){(char *)blob, size}, opened,
                                  sizeof(opened), &length));
    assert_int_equal(length, 214);
    password[213] = 'x';
    assert_false(rsa_password_seal(rsa_key_public(key), nonce, (struct text){password, 215}, blob,
                                   sizeof(blob), &size));
    assert_false(rsa_password_seal(rsa_key_public(key), nonce, (struct text){password + 200, 15},
                                   blob, 255, &size)); /* no room */
}

static void test_bytes_that_are_no_password(void **state)
{
    uint8_t blob[RSA_BLOB_MAX] = {0};
    static const uint8_t other[RSA_NONCE + 1] = "another nonce.......";
    char opened[256];
    size_t size, length;

    (void)state;
    for (size_t i = 0; i < 300; i += 5)
        assert_false(rsa_password_open(key, nonce, (struct text){(char *)blob, i}, opened,
                                       sizeof(opened), &length));
    memset(blob, 0xff, sizeof(blob));
    assert_false(rsa_password_open(key, nonce, (struct text){(char *)blob, 256}, opened,
                                   sizeof(opened), &length));
    /* With another login's nonce it is another password, whose last byte is no NUL. */
    assert_true(
        rsa_password_seal(rsa_key_public(key), nonce, TEXT("secret\0"), blob, sizeof(blob), &size));
    assert_false(rsa_password_open(key, other, (struct text){(char *)blob, size}, opened,
                                   sizeof(opened), &length));
}

static void test_keys_that_are_none(void **state)
{
    uint8_t blob[RSA_BLOB_MAX];
    char ec[2048] = {0}, path[128], command[512];
    size_t size;
    FILE *file;

    (void)state;
    snprintf(path, sizeof(path), "%s/ec.pub", folder);
    snprintf(command, sizeof(command), "openssl pkey -in %s/server.key -pubout -out %s", folder,
             path);
    assert_int_equal(system(command), 0);
    file = fopen(path, "r");
    assert_non_null(file);
    size = fread(ec, 1, sizeof(ec) - 1, file);
    fclose(file);
    assert_true(size > 0);
    assert_false(
        rsa_password_seal(text_of(ec), nonce, TEXT("secret\0"), blob, sizeof(blob), &size));
    assert_false(rsa_password_seal(TEXT(""), nonce, TEXT("secret\0"), blob, sizeof(blob), &size));
    assert_false(
        rsa_password_seal(TEXT("-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----\n"),
                          nonce, TEXT("secret\0"), blob, sizeof(blob), &size));
    assert_false(rsa_password_seal((struct text){NULL, 0}, nonce, TEXT("secret\0"), blob,
                                   sizeof(blob), &size));
}

/* What we seal, openssl opens: OAEP with SHA-1 over the XOR, as MySQL's server has it. */
static void test_openssl_opens_it(void **state)
{
    uint8_t blob[RSA_BLOB_MAX];
    char path[128], command[1024], plain[64];
    size_t size;
    FILE *file;

    (void)state;
    snprintf(command, sizeof(command), "openssl pkey -in %s/rsa.key -pubout -out %s/rsa.pub",
             folder, folder);
    assert_int_equal(system(command), 0);
    snprintf(path, sizeof(path), "%s/rsa.pub", folder);
    file = fopen(path, "r");
    assert_non_null(file);
    assert_true(fread(own_pem, 1, sizeof(own_pem) - 1, file) > 0);
    fclose(file);
    assert_true(
        rsa_password_seal(text_of(own_pem), nonce, TEXT("secret\0"), blob, sizeof(blob), &size));
    snprintf(path, sizeof(path), "%s/blob", folder);
    file = fopen(path, "w");
    assert_non_null(file);
    assert_int_equal(fwrite(blob, 1, size, file), size);
    fclose(file);
    snprintf(
        command, sizeof(command),
        "openssl pkeyutl -decrypt -in %s/blob -inkey %s/rsa.key -pkeyopt rsa_padding_mode:oaep "
        "-pkeyopt rsa_oaep_md:sha1",
        folder, folder);
    file = popen(command, "r");
    assert_non_null(file);
    assert_int_equal(fread(plain, 1, sizeof(plain), file), 7);
    assert_int_equal(pclose(file), 0);
    for (size_t i = 0; i < 7; i++)
        assert_int_equal((uint8_t)plain[i] ^ nonce[i], "secret"[i]);
}

/* Our own key out of a file: its public half is what openssl says, and the rest is refused. */
static void test_a_key_out_of_a_file(void **state)
{
    static const struct {
        const char *name, *passphrase, *words; /* words: of the problem; NULL: the key is good */
    } rows[] = {
        {"rsa.key",           NULL,         NULL                  },
        {"encrypted-rsa.key", "passphrase", NULL                  },
        {"encrypted-old.key", "passphrase", NULL                  },
        {"encrypted-rsa.key", NULL,         "is encrypted"        },
        {"missing.key",       NULL,         "cannot be read"      },
        {"rsa.pem",           NULL,         "holds no private key"},
        {"server.key",        NULL,         "2048 to 4096 bits"   },
        {"weak.key",          NULL,         "2048 to 4096 bits"   },
    };
    struct rsa_key *one;

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
        struct config config = {0};
        struct config_problems problems = {0};

        config.tls.password_private_key_path = path_of(rows[i].name, 19);
        config.tls.key_passphrase_file = path_of(rows[i].passphrase, 15);
        assert_int_equal(rsa_key_read(&config, &one, &problems), !rows[i].words);
        assert_int_equal(problems.count, rows[i].words != NULL);
        if (rows[i].words) {
            assert_null(one);
            assert_int_equal(problems.items[0].line, 19);
            assert_non_null(strstr(problems.items[0].text, rows[i].words));
        } else {
            assert_true(rsa_key_is_made(one));
            assert_string_equal(rsa_key_public(one).at, own_pem);
            rsa_key_free(one);
        }
        config_problems_fini(&problems);
    }
    assert_true(rsa_key_read(&(struct config){0}, &one, NULL)); /* none is named */
    assert_null(one);
}

static int everything_make(void **state)
{
    return certificates_make(state) || key_make(state);
}

static int everything_remove(void **state)
{
    return key_free(state) || certificates_remove(state);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_there_and_back),
        cmocka_unit_test(test_longest_password),
        cmocka_unit_test(test_bytes_that_are_no_password),
        cmocka_unit_test(test_keys_that_are_none),
        cmocka_unit_test(test_openssl_opens_it),
        cmocka_unit_test(test_a_key_out_of_a_file),
    };

    return cmocka_run_group_tests(tests, everything_make, everything_remove);
}
