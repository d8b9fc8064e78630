/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Credentials: who asks (hostile addresses), which certificate it is, what is given; and the socket itself,
 * asked by real connections from addresses as systemd binds to. */

#include "agent/credential-socket.h"
#include "agent/credential.h"
#include "agent/generation.h"
#include "common/error.h"
#include "common/timespan.h"
#include "tests/unit/fixture.h"

#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/un.h>
#include <unistd.h>

/* An abstract address of these bytes; its size for bind(2). */
static socklen_t abstract(struct sockaddr_un *un, const char *bytes, size_t size)
{
        g_assert(size < sizeof(un->sun_path)); /* unlike g_assert_cmpuint() it tells gcc that it does not return */
        *un = (struct sockaddr_un){ .sun_family = AF_UNIX };
        memcpy(un->sun_path + 1, bytes, size);
        return (socklen_t) (offsetof(struct sockaddr_un, sun_path) + 1 + size);
}

/* ---- Who asks for what ---- */

static void assert_read(const char *name, const char *expected_unit, const char *expected_id)
{
        g_autofree char *unit = NULL, *id = NULL;
        g_autoptr(GError) error = NULL;
        struct sockaddr_un un;
        socklen_t size = abstract(&un, name, strlen(name));

        g_assert_true(credential_read_address((struct sockaddr *) &un, size, &unit, &id, &error));
        g_assert_no_error(error);
        g_assert_cmpstr(unit, ==, expected_unit);
        g_assert_cmpstr(id, ==, expected_id);
}

static void test_what_systemd_binds_to_is_read(void)
{
        assert_read("1/unit/a.service/web", "a.service", "web");
        assert_read("0123456789abcdef/unit/nginx.service/tls", "nginx.service", "tls");
        assert_read("fade/unit/postgresql@15-main.service/db.pem", "postgresql@15-main.service", "db.pem");
        assert_read("e/unit/dev-disk\\x2dby.mount/a b~", "dev-disk\\x2dby.mount", "a b~");
}

static void assert_not_read(const struct sockaddr_un *un, socklen_t size)
{
        g_autofree char *unit = NULL, *id = NULL;
        g_autoptr(GError) error = NULL;

        g_assert_false(credential_read_address((const struct sockaddr *) un, size, &unit, &id, &error));
        g_assert_error(error, CERT_ERROR, CERT_ERROR_NOT_AUTHORIZED);
        g_assert_null(unit);
        g_assert_null(id);
}

static void test_hostile_names_are_not_read(void)
{
        static const char *const hostile[] = {
                "",
                "/",
                "///",
                "////",
                "1",
                "1/unit",
                "1/unit/a.service",
                "1/unit/a.service/",
                "1/unit//web",
                "/unit/a.service/web",
                "1/unit/a.service/web/",
                "1/unit/a.service/web/more",
                "/1/unit/a.service/web",
                "1//unit/a.service/web",
                "g/unit/a.service/web",
                "A/unit/a.service/web",
                " 1/unit/a.service/web",
                "-1/unit/a.service/web",
                "0123456789abcdef0/unit/a.service/web",
                "1/user/a.service/web",
                "1/Unit/a.service/web",
                "1/units/a.service/web",
                "1/unit/a/web",
                "1/unit/.service/web",
                "1/unit/a./web",
                "1/unit/@a.service/web",
                "1/unit/a b.service/web",
                "1/unit/a\n.service/web",
                "1/unit/\xc3\xa4.service/web",
                "1/unit/a%s.service/web",
                "1/unit/a.service/.",
                "1/unit/a.service/..",
                "1/unit/a.service/a:b",
                "1/unit/a.service/a\nb",
                "1/unit/a.service/\x1b[31m",
                "1/unit/a.service/\x7f",
                "1/unit/a.service/\xff",
                "1/unit/a.service/\xc3\xa4",
        };
        struct sockaddr_un un;

        for (size_t i = 0; i < G_N_ELEMENTS(hostile); i++) {
                socklen_t size = abstract(&un, hostile[i], strlen(hostile[i]));

                assert_not_read(&un, size);
        }
}

static void test_names_with_a_nul_are_not_read(void)
{
        static const char in_id[] = "1/unit/a.service/we\0b", at_end[] = "1/unit/a.service/web";
        struct sockaddr_un un;
        socklen_t size = abstract(&un, in_id, sizeof(in_id) - 1);

        assert_not_read(&un, size);
        size = abstract(&un, at_end, sizeof(at_end)); /* with its own NUL */
        assert_not_read(&un, size);
}

static void test_a_name_of_full_length_stays_in_its_bounds(void)
{
        struct sockaddr_un *un =
                g_malloc(sizeof(*un)); /* on the heap, for the sanitizer to see one byte too far */
        g_autofree char *unit = NULL, *id = NULL;
        const char *head = "1/unit/a.service/";

        un->sun_family = AF_UNIX;
        un->sun_path[0] = '\0';
        memset(un->sun_path + 1, 'x', sizeof(un->sun_path) - 1);
        memcpy(un->sun_path + 1, head, strlen(head));
        g_assert_true(credential_read_address((struct sockaddr *) un, sizeof(*un), &unit, &id, NULL));
        g_assert_cmpuint(strlen(id), ==, sizeof(un->sun_path) - 1 - strlen(head));
        assert_not_read(un, sizeof(*un) + 1);
        g_free(un);
}

static void test_other_addresses_are_not_read(void)
{
        struct sockaddr_un un = { .sun_family = AF_UNIX, .sun_path = "/1/unit/a.service/web" };
        socklen_t size = abstract(&(struct sockaddr_un){ 0 }, "", 0);

        assert_not_read(&un, sizeof(un)); /* bound to a path */
        assert_not_read(&un, size - 1);   /* bound to nothing */
        assert_not_read(&un, sizeof(sa_family_t) - 1);
        assert_not_read(&un, 0);
        size = abstract(&un, "1/unit/a.service/web", 20);
        un.sun_family = AF_INET;
        assert_not_read(&un, size);
}

/* ---- Which certificate, and what is given ---- */

typedef struct Fixture {
        char *root;
        FixtureAuthority *authority;
        ManifestCertificate *web, *mail;
        Manifest manifest;
        sd_event *event;
        CredentialSocket *socket;
        struct sockaddr_un address; /* where it listens */
        socklen_t address_size;
        int listener;
} Fixture;

static void unit_free(gpointer p)
{
        g_free(((UnitRef *) p)->unit);
        g_free(p);
}

static void add_unit(ManifestCertificate *c, const char *unit)
{
        UnitRef *ref = g_new0(UnitRef, 1);

        ref->unit = g_strdup(unit);
        ref->action = UNIT_ACTION_RESTART;
        g_ptr_array_set_free_func(c->units, unit_free);
        g_ptr_array_add(c->units, ref);
}

static void add_certificate(Fixture *f, ManifestCertificate *c)
{
        g_ptr_array_add(f->manifest.certificates, c);
        g_hash_table_insert(f->manifest.by_name, c->name, c);
}

static const Manifest *manifest_of(void *userdata)
{
        return &((Fixture *) userdata)->manifest;
}

static void set_up(Fixture *f, gconstpointer data)
{
        g_autofree char *name = g_strdup_printf("test-credential-%d", (int) getpid());
        g_autoptr(GError) error = NULL;

        f->root = fixture_root_new();
        f->authority = fixture_authority_new();
        f->web = fixture_certificate_new("web");
        f->mail = fixture_certificate_new("mail");
        fixture_make_folder(f->root, "/etc/tls", 0755);
        f->manifest.certificates = g_ptr_array_new();
        f->manifest.by_name = g_hash_table_new(g_str_hash, g_str_equal);
        add_certificate(f, f->mail);
        add_certificate(f, f->web);
        add_unit(f->web, "one.service");
        add_unit(f->web, "both.service");
        add_unit(f->mail, "both.service");

        g_assert_cmpint(sd_event_new(&f->event), >=, 0);
        f->socket = credential_socket_new(f->event, manifest_of, f);
        f->listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
        f->address_size = abstract(&f->address, name, strlen(name));
        g_assert_cmpint(bind(f->listener, (struct sockaddr *) &f->address, f->address_size), ==, 0);
        g_assert_cmpint(listen(f->listener, 100), ==, 0);
        g_assert_true(credential_socket_listen(f->socket, f->listener, &error));
        g_assert_no_error(error);
}

static void tear_down(Fixture *f, gconstpointer data)
{
        credential_socket_free(f->socket);
        sd_event_unref(f->event);
        close(f->listener);
        g_ptr_array_unref(f->manifest.certificates);
        g_hash_table_unref(f->manifest.by_name);
        fixture_authority_free(f->authority);
        fixture_certificate_free(f->web);
        fixture_certificate_free(f->mail);
        fixture_root_free(f->root);
}

static void write_file(Fixture *f, const char *path, GBytes *content)
{
        g_autofree char *file = fixture_path(f->root, path);

        g_assert_true(g_file_set_contents(file, g_bytes_get_data(content, NULL),
                                          (gssize) g_bytes_get_size(content), NULL));
}

/* What stands in the files, as the one PEM that is wanted; caller owns. */
static GBytes *put_in_place(Fixture *f, const ManifestCertificate *c)
{
        g_autoptr(Generation) g = fixture_generation_new(f->authority, c);
        g_autoptr(GBytes) cert = generation_file(g, MANAGED_FILE_CERT);

        write_file(f, c->path[MANAGED_FILE_CERT], cert);
        write_file(f, c->path[MANAGED_FILE_KEY], g->key_pem);
        return generation_file(g, MANAGED_FILE_COMBINED);
}

static const char *found(Fixture *f, const char *unit, const char *id, const char *refused_pattern)
{
        const ManifestCertificate *c = NULL;
        g_autoptr(GError) error = NULL;

        if (credential_find(&f->manifest, unit, id, &c, &error))
                return c->name;
        g_assert_error(error, CERT_ERROR, CERT_ERROR_NO_SUCH_CERTIFICATE);
        if (!refused_pattern || !g_pattern_match_simple(refused_pattern, error->message))
                g_error("refused: %s", error->message);
        g_assert_nonnull(strchr(error->message, '\n')); /* and says what to do */
        return NULL;
}

static void test_a_certificate_is_found_by_its_name(Fixture *f, gconstpointer data)
{
        g_assert_cmpstr(found(f, "any.service", "web", NULL), ==, "web");
        g_assert_cmpstr(found(f, "both.service", "mail", NULL), ==, "mail");
}

static void test_tls_is_the_only_one_that_names_the_unit(Fixture *f, gconstpointer data)
{
        g_assert_cmpstr(found(f, "one.service", "tls", NULL), ==, "web");
        g_assert_null(found(f, "both.service", "tls", "*\"mail\" and \"web\"*LoadCredential=mail:*"));
        g_assert_null(found(f, "other.service", "tls", "*names other.service*"));
}

static void test_a_certificate_named_tls_comes_first(Fixture *f, gconstpointer data)
{
        g_autoptr(ManifestCertificate) tls = fixture_certificate_new("tls");

        add_certificate(f, tls);
        g_assert_cmpstr(found(f, "one.service", "tls", NULL), ==, "tls");
        g_hash_table_remove(f->manifest.by_name, "tls");
}

static void test_a_mistyped_name_is_not_another_certificate(Fixture *f, gconstpointer data)
{
        g_assert_null(found(f, "one.service", "wbe", "*no certificate \"wbe\"*"));
        g_assert_null(found(f, "one.service", "TLS", "*no certificate \"TLS\"*"));
}

static void test_a_bundle_is_no_credential(Fixture *f, gconstpointer data)
{
        ManifestCertificate bundle = { .kind = MANIFEST_KIND_BUNDLE, .name = (char *) "bundle:ca" };

        g_hash_table_insert(f->manifest.by_name, bundle.name, &bundle);
        g_assert_null(found(f, "one.service", "bundle:ca", "*no certificate \"bundle:ca\"*"));
        g_hash_table_remove(f->manifest.by_name, bundle.name);
}

static void test_without_a_manifest_nothing_is_found(Fixture *f, gconstpointer data)
{
        const ManifestCertificate *c = NULL;
        g_autoptr(GError) error = NULL;

        g_assert_false(credential_find(NULL, "one.service", "web", &c, &error));
        g_assert_error(error, CERT_ERROR, CERT_ERROR_NO_SUCH_CERTIFICATE);
}

static void assert_no_content(const ManifestCertificate *c, int code)
{
        g_autoptr(GBytes) content = NULL;
        g_autoptr(GError) error = NULL;

        g_assert_false(credential_content(c, &content, &error));
        g_assert_error(error, CERT_ERROR, code);
        g_assert_null(content);
        g_assert_nonnull(strchr(error->message, '\n'));
}

static void test_what_is_not_a_pair_is_not_given(Fixture *f, gconstpointer data)
{
        g_autoptr(GBytes) key = fixture_key_new(KEY_TYPE_ECDSA_P256), junk = g_bytes_new_static("junk", 4);

        assert_no_content(f->web, CERT_ERROR_BAD_CERTIFICATE); /* no files */
        g_bytes_unref(put_in_place(f, f->web));
        write_file(f, f->web->path[MANAGED_FILE_KEY], key);
        assert_no_content(f->web, CERT_ERROR_BAD_CERTIFICATE); /* another's key */
        write_file(f, f->web->path[MANAGED_FILE_KEY], junk);
        assert_no_content(f->web, CERT_ERROR_BAD_CERTIFICATE);
}

static void test_the_key_of_a_token_is_not_given(Fixture *f, gconstpointer data)
{
        g_bytes_unref(put_in_place(f, f->web));
        f->web->key_uri = g_strdup("pkcs11:token=t;object=web");
        assert_no_content(f->web, CERT_ERROR_NOT_SUPPORTED);
}

/* ---- The socket ---- */

static int ask(Fixture *f, const char *name)
{
        int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
        struct sockaddr_un un;
        socklen_t size;

        g_assert_cmpint(fd, >=, 0);
        if (name) {
                size = abstract(&un, name, strlen(name));
                g_assert_cmpint(bind(fd, (struct sockaddr *) &un, size), ==, 0);
        }
        g_assert_cmpint(connect(fd, (struct sockaddr *) &f->address, f->address_size), ==, 0);
        return fd;
}

static void turn(Fixture *f)
{
        while (sd_event_run(f->event, 0) > 0)
                ;
}

/* Reads until the other side closes; closes. */
static GByteArray *answer(Fixture *f, int fd)
{
        GByteArray *all = g_byte_array_new();
        static uint8_t part[65536];
        uint64_t end = (uint64_t) g_get_monotonic_time() + 60 * USEC_PER_SEC;
        ssize_t n;

        while ((n = read(fd, part, sizeof(part))) != 0) {
                g_assert_true(n > 0 || errno == EAGAIN);
                g_assert_cmpuint((uint64_t) g_get_monotonic_time(), <, end);
                if (n > 0)
                        g_byte_array_append(all, part, (guint) n);
                else
                        g_assert_cmpint(sd_event_run(f->event, USEC_PER_MSEC), >=, 0);
        }
        close(fd);
        return all;
}

static void assert_given(Fixture *f, int fd, GBytes *expected)
{
        g_autoptr(GByteArray) all = answer(f, fd);

        g_assert_cmpmem(all->data, all->len, g_bytes_get_data(expected, NULL), g_bytes_get_size(expected));
}

/* The unit fails, for it gets more than a credential may have, and nothing of it is anybody's key. */
static void assert_refused(Fixture *f, int fd)
{
        g_autoptr(GByteArray) all = answer(f, fd);

        g_assert_cmpuint(all->len, >, CREDENTIAL_SIZE_MAX);
        for (guint i = 0; i < all->len; i++)
                if (all->data[i] != 0)
                        g_error("byte %u of a refusal is not zero", i);
}

static void test_one_pem_is_given(Fixture *f, gconstpointer data)
{
        g_autoptr(GBytes) expected = put_in_place(f, f->web);

        if (!fixture_is_root())
                return;
        assert_given(f, ask(f, "a1/unit/other.service/web"), expected);
        assert_given(f, ask(f, "a2/unit/one.service/tls"), expected);
        g_assert_cmpuint(credential_socket_open(f->socket), ==, 0);
}

static void test_what_is_renewed_is_given(Fixture *f, gconstpointer data)
{
        g_autoptr(GBytes) old = put_in_place(f, f->web), new = NULL;

        if (!fixture_is_root())
                return;
        assert_given(f, ask(f, "b1/unit/one.service/web"), old);
        new = put_in_place(f, f->web);
        g_assert_false(g_bytes_equal(old, new));
        assert_given(f, ask(f, "b2/unit/one.service/web"), new);
}

static void test_a_refusal_is_more_than_a_credential_may_have(Fixture *f, gconstpointer data)
{
        g_bytes_unref(put_in_place(f, f->web));
        assert_refused(f, ask(f, NULL));
        assert_refused(f, ask(f, "c1/unit/one.service"));
        assert_refused(f, ask(f, "c2/unit/one.service/wbe"));
        assert_refused(f, ask(f, "c3/unit/both.service/tls"));
        assert_refused(f, ask(f, "c4/unit/both.service/mail")); /* no files */
        g_assert_cmpuint(credential_socket_open(f->socket), ==, 0);
}

static void test_who_is_not_root_is_refused(Fixture *f, gconstpointer data)
{
        int fd;

        g_bytes_unref(put_in_place(f, f->web));
        if (!fixture_is_root())
                return;
        g_assert_cmpint(seteuid(65534), ==, 0);
        fd = ask(f, "d1/unit/one.service/web");
        g_assert_cmpint(seteuid(0), ==, 0);
        assert_refused(f, fd);
}

static void test_a_reader_that_leaves_harms_nobody(Fixture *f, gconstpointer data)
{
        g_autoptr(GBytes) expected = put_in_place(f, f->web);

        if (!fixture_is_root())
                return;
        close(ask(f, "e1/unit/one.service/web"));
        close(ask(f, "e2/unit/one.service/wbe"));
        assert_given(f, ask(f, "e3/unit/one.service/web"), expected);
        g_assert_cmpuint(credential_socket_open(f->socket), ==, 0);
}

static void test_the_65th_waits_and_is_answered(Fixture *f, gconstpointer data)
{
        g_autoptr(GBytes) expected = put_in_place(f, f->web);
        int fds[64], last;
        char byte;

        if (!fixture_is_root())
                return;
        for (unsigned i = 0; i < G_N_ELEMENTS(fds); i++) {
                g_autofree char *name = g_strdup_printf("f%x/unit/one.service/wbe", i);

                fds[i] = ask(f, name);
                turn(f);
        }
        g_assert_cmpuint(credential_socket_open(f->socket), ==, 64);
        last = ask(f, "ff/unit/one.service/web");
        turn(f);
        g_assert_cmpuint(credential_socket_open(f->socket), ==, 64);
        g_assert_cmpint(read(last, &byte, 1), <, 0);
        g_assert_cmpint(errno, ==, EAGAIN); /* not ended: that would be an empty credential */
        assert_refused(f, fds[0]);
        assert_given(f, last, expected);
        for (unsigned i = 1; i < G_N_ELEMENTS(fds); i++)
                close(fds[i]);
        turn(f);
        g_assert_cmpuint(credential_socket_open(f->socket), ==, 0);
}

static void test_who_does_not_read_is_dropped_after_5_s(Fixture *f, gconstpointer data)
{
        uint64_t begin = (uint64_t) g_get_monotonic_time(), took;
        int fd = ask(f, "1a/unit/one.service/wbe");

        turn(f);
        g_assert_cmpuint(credential_socket_open(f->socket), ==, 1);
        while (credential_socket_open(f->socket) > 0)
                g_assert_cmpint(sd_event_run(f->event, 10 * USEC_PER_SEC), >, 0);
        took = (uint64_t) g_get_monotonic_time() - begin;
        g_assert_cmpuint(took, >=, 5 * USEC_PER_SEC - USEC_PER_MSEC);
        g_assert_cmpuint(took, <, 60 * USEC_PER_SEC);
        close(fd);
}

static void test_after_the_stop_the_next_agent_is_waited_for(Fixture *f, gconstpointer data)
{
        g_autoptr(GBytes) expected = put_in_place(f, f->web);
        int fd;
        char byte;

        if (!fixture_is_root())
                return;
        credential_socket_stop_listening(f->socket);
        fd = ask(f, "2a/unit/one.service/web");
        turn(f);
        g_assert_cmpint(read(fd, &byte, 1), <, 0);
        g_assert_cmpint(errno, ==, EAGAIN);
        g_assert_true(credential_socket_listen(f->socket, f->listener, NULL));
        assert_given(f, fd, expected);
}

static void *read_slowly(void *data)
{
        int fd = GPOINTER_TO_INT(data);
        uint8_t part[65536];
        size_t all = 0;
        ssize_t n;

        while ((n = read(fd, part, sizeof(part))) != 0) {
                all += n > 0 ? (size_t) n : 0;
                g_usleep(1000);
        }
        return GSIZE_TO_POINTER(all);
}

static void test_what_was_begun_is_ended_when_the_agent_ends(Fixture *f, gconstpointer data)
{
        int fd = ask(f, "3a/unit/one.service/wbe");
        GThread *reader;

        turn(f);
        g_assert_cmpuint(credential_socket_open(f->socket), ==, 1);
        reader = g_thread_new("reader", read_slowly, GINT_TO_POINTER(fd));
        f->socket = credential_socket_free(f->socket);
        g_assert_cmpuint(GPOINTER_TO_SIZE(g_thread_join(reader)), >, CREDENTIAL_SIZE_MAX);
        close(fd);
}

#define ADD(path, function) g_test_add("/credential/" path, Fixture, NULL, set_up, function, tear_down)

int main(int argc, char **argv)
{
        g_test_init(&argc, &argv, NULL);
        g_test_add_func("/credential/what systemd binds to is read", test_what_systemd_binds_to_is_read);
        g_test_add_func("/credential/hostile names are not read", test_hostile_names_are_not_read);
        g_test_add_func("/credential/names with a NUL are not read", test_names_with_a_nul_are_not_read);
        g_test_add_func("/credential/a name of full length stays in its bounds",
                        test_a_name_of_full_length_stays_in_its_bounds);
        g_test_add_func("/credential/other addresses are not read", test_other_addresses_are_not_read);
        ADD("a certificate is found by its name", test_a_certificate_is_found_by_its_name);
        ADD("tls is the only one that names the unit", test_tls_is_the_only_one_that_names_the_unit);
        ADD("a certificate named tls comes first", test_a_certificate_named_tls_comes_first);
        ADD("a mistyped name is not another certificate", test_a_mistyped_name_is_not_another_certificate);
        ADD("a bundle is no credential", test_a_bundle_is_no_credential);
        ADD("without a manifest nothing is found", test_without_a_manifest_nothing_is_found);
        ADD("what is not a pair is not given", test_what_is_not_a_pair_is_not_given);
        ADD("the key of a token is not given", test_the_key_of_a_token_is_not_given);
        ADD("one PEM is given", test_one_pem_is_given);
        ADD("what is renewed is given", test_what_is_renewed_is_given);
        ADD("a refusal is more than a credential may have",
            test_a_refusal_is_more_than_a_credential_may_have);
        ADD("who is not root is refused", test_who_is_not_root_is_refused);
        ADD("a reader that leaves harms nobody", test_a_reader_that_leaves_harms_nobody);
        ADD("the 65th waits and is answered", test_the_65th_waits_and_is_answered);
        ADD("who does not read is dropped after 5 s", test_who_does_not_read_is_dropped_after_5_s);
        ADD("after the stop the next agent is waited for", test_after_the_stop_the_next_agent_is_waited_for);
        ADD("what was begun is ended when the agent ends", test_what_was_begun_is_ended_when_the_agent_ends);
        return g_test_run();
}
