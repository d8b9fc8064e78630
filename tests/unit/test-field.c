/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Fields: what the agent tells is read by name and type, whatever else it tells; what has another type is an
 * error, and nothing is left behind. */

#include "client/authority.h"
#include "client/bundle.h"
#include "client/issued.h"
#include "client/subject.h"

#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static sd_bus *bus_to_nobody(void)
{
        sd_bus *bus = NULL;
        int pair[2];

        g_assert_cmpint(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, pair), ==, 0);
        g_assert_cmpint(sd_bus_new(&bus), >=, 0);
        g_assert_cmpint(sd_bus_set_fd(bus, pair[0], pair[0]), >=, 0);
        g_assert_cmpint(sd_bus_start(bus), >=, 0);
        close(pair[1]);
        return bus;
}

static sd_bus_message *message_new(sd_bus *bus, const char *types, ...)
{
        sd_bus_message *m = NULL;
        va_list ap;

        g_assert_cmpint(sd_bus_message_new_method_call(bus, &m, NULL, "/", "org.example", "Example"), >=, 0);
        va_start(ap, types);
        g_assert_cmpint(sd_bus_message_appendv(m, types, ap), >=, 0);
        va_end(ap);
        g_assert_cmpint(sd_bus_message_seal(m, 1, 0), >=, 0);
        return m;
}

#define TRUSTED(role, pem) role, "abcd", UINT64_C(1), UINT64_C(2), "01", "CN=x", pem

static void test_known_fields_are_read_and_others_skipped(void)
{
        g_autoptr(sd_bus) bus = bus_to_nobody();
        g_autoptr(sd_bus_message) m = message_new(
                bus, "a{sv}", 5, "State", "s", "valid", "FromTheFuture", "(sau)", "x", 2, 1, 2, "NotAfter",
                "t", UINT64_C(2000000), "Reasons", "as", 2, "expired", "forced", "Revoked", "u", UINT32_C(7));
        g_autoptr(Authority) a = field_object_new(&authority_table);

        g_assert_cmpint(field_object_read(&authority_table, m, a), >=, 0);
        g_assert_cmpstr(a->state, ==, "valid");
        g_assert_cmpuint(a->not_after, ==, 2000000);
        g_assert_cmpuint(a->revoked, ==, 7);
        g_assert_cmpuint(g_strv_length(a->reasons), ==, 2);
        g_assert_cmpstr(a->phase, ==, ""); /* not told: empty, never NULL */
}

static void test_entries_read_again_take_the_place_of_the_former(void)
{
        g_autoptr(sd_bus) bus = bus_to_nobody();
        g_autoptr(sd_bus_message) two = message_new(bus, "a{sv}", 1, "Trusted", "a(ssttsss)", 2,
                                                    TRUSTED("old", "OLD"), TRUSTED("current", "NEW"));
        g_autoptr(sd_bus_message) one =
                message_new(bus, "a{sv}", 1, "Trusted", "a(ssttsss)", 1, TRUSTED("next", "NEXT"));
        g_autoptr(Authority) a = field_object_new(&authority_table);

        g_assert_cmpint(field_object_read(&authority_table, two, a), >=, 0);
        g_assert_cmpuint(a->trusted->len, ==, 2);
        g_assert_cmpstr(authority_in_role(a, "current")->pem, ==, "NEW");
        g_assert_cmpint(field_object_read(&authority_table, one, a), >=, 0);
        g_assert_cmpuint(a->trusted->len, ==, 1);
        g_assert_null(authority_in_role(a, "current"));
}

static void test_youngest_of_several_old_ones(void)
{
        g_autoptr(sd_bus) bus = bus_to_nobody();
        g_autoptr(sd_bus_message) m = message_new(bus, "a{sv}", 1, "Trusted", "a(ssttsss)", 2,
                                                  TRUSTED("old", "OLDER"), TRUSTED("old", "YOUNGER"));
        g_autoptr(Authority) a = field_object_new(&authority_table);

        g_assert_cmpint(field_object_read(&authority_table, m, a), >=, 0);
        g_assert_cmpstr(authority_in_role(a, "old")->pem, ==, "YOUNGER");
}

static void authority_destroy(void *p)
{
        authority_free(p);
}

static void test_another_type_is_an_error(void)
{
        g_autoptr(sd_bus) bus = bus_to_nobody();
        g_autoptr(sd_bus_message) number = message_new(bus, "a{sv}", 1, "State", "u", UINT32_C(1));
        g_autoptr(sd_bus_message) narrow = message_new(bus, "a{sv}", 1, "NotAfter", "u", UINT32_C(1));
        g_autoptr(sd_bus_message) shorter =
                message_new(bus, "a{sv}", 1, "Trusted", "a(ss)", 1, "old", "abcd");
        g_autoptr(sd_bus_message) list =
                message_new(bus, "a(sa{sv})", 2, "one", 0, "two", 1, "State", "b", 1);
        sd_bus_message *const wrong[] = { number, narrow, shorter };
        g_autoptr(GPtrArray) read = g_ptr_array_new_with_free_func(authority_destroy);

        for (size_t i = 0; i < G_N_ELEMENTS(wrong); i++) {
                g_autoptr(Authority) a = field_object_new(&authority_table);

                g_assert_cmpint(field_object_read(&authority_table, wrong[i], a), <, 0);
        }
        g_assert_cmpint(field_list_read(&authority_table, list, read), <, 0);
}

static void test_list_names_its_objects(void)
{
        g_autoptr(sd_bus) bus = bus_to_nobody();
        g_autoptr(sd_bus_message) m =
                message_new(bus, "a(sa{sv})", 2, "bundle:a", 1, "Path", "s", "/a", "crl:b", 0);
        g_autoptr(GPtrArray) read = g_ptr_array_new();
        const Bundle *a, *b;

        g_assert_cmpint(field_list_read(&bundle_table, m, read), >=, 0);
        g_assert_cmpuint(read->len, ==, 2);
        a = read->pdata[0];
        b = read->pdata[1];
        g_assert_cmpstr(a->name, ==, "bundle:a");
        g_assert_cmpstr(a->path, ==, "/a");
        g_assert_cmpstr(b->name, ==, "crl:b");
        g_assert_cmpstr(b->path, ==, "");
        for (guint i = 0; i < read->len; i++)
                bundle_free(read->pdata[i]);
}

static void test_field_as_text(void)
{
        g_autoptr(Authority) a = field_object_new(&authority_table);
        g_autofree char *never = field_text(field_find(&authority_table, "NotAfter"), a);
        g_autofree char *none = field_text(field_find(&authority_table, "Trusted"), a);
        g_autofree char *number = NULL;

        a->revoked = 3;
        number = field_text(field_find(&authority_table, "Revoked"), a);
        g_assert_cmpstr(never, ==, "");
        g_assert_cmpstr(none, ==, "");
        g_assert_cmpstr(number, ==, "3");
        g_assert_null(field_find(&authority_table, "Path"));
}

static void test_name_says_the_kind(void)
{
        g_assert_cmpint(subject_kind_of("web"), ==, SUBJECT_CERTIFICATE);
        g_assert_cmpint(subject_kind_of("authority"), ==, SUBJECT_CERTIFICATE);
        g_assert_cmpint(subject_kind_of("authority:site"), ==, SUBJECT_AUTHORITY);
        g_assert_cmpint(subject_kind_of("bundle:site-ca"), ==, SUBJECT_BUNDLE);
        g_assert_cmpint(subject_kind_of("crl:site"), ==, SUBJECT_CRL);
        for (SubjectKind k = 0; k < _SUBJECT_KIND_MAX; k++)
                g_assert_nonnull(subject_kind_to_string(k));
        g_assert_null(subject_kind_to_string(_SUBJECT_KIND_MAX));
        g_assert_null(subject_kind_to_string(_SUBJECT_KIND_INVALID));
}

static void issued_destroy(void *p)
{
        issued_free(p);
}

static void test_lists_without_names(void)
{
        g_autoptr(sd_bus) bus = bus_to_nobody();
        g_autoptr(sd_bus_message) m = message_new(bus, "aa{sv}", 2, 2, "SerialNumber", "s", "0a", "Revoked",
                                                  "b", 1, 3, "SerialNumber", "s", "0b", "FromTheFuture", "u",
                                                  UINT32_C(1), "SubjectAltNames", "as", 1, "a.example");
        g_autoptr(sd_bus_message) wrong = message_new(bus, "aa{sv}", 1, 1, "Revoked", "s", "yes");
        g_autoptr(sd_bus_message) empty = message_new(bus, "aa{sv}", 0);
        g_autoptr(GPtrArray) list = g_ptr_array_new_with_free_func(issued_destroy);
        const Issued *first, *second;

        g_assert_cmpint(field_array_read(&issued_table, m, list), >=, 0);
        g_assert_cmpuint(list->len, ==, 2);
        first = list->pdata[0];
        second = list->pdata[1];
        g_assert_cmpstr(first->serial_number, ==, "0a");
        g_assert_true(first->revoked);
        g_assert_cmpstr(second->serial_number, ==, "0b");
        g_assert_cmpstr(second->sans[0], ==, "a.example");
        g_assert_false(second->revoked);
        g_assert_cmpint(field_array_read(&issued_table, empty, list), >=, 0);
        g_assert_cmpuint(list->len, ==, 2);
        g_assert_cmpint(field_array_read(&issued_table, wrong, list), <, 0);
}

static void test_a_time_that_never_comes_is_none(void)
{
        g_autoptr(sd_bus) bus = bus_to_nobody();
        g_autoptr(sd_bus_message) m = message_new(bus, "a{sv}", 1, "NextRenewal", "t", UINT64_MAX);
        g_autoptr(CertDetail) d = field_object_new(&cert_detail_table);

        g_assert_cmpint(field_object_read(&cert_detail_table, m, d), >=, 0);
        g_assert_cmpuint(d->next_renewal, ==, 0);
}

int main(int argc, char **argv)
{
        g_test_init(&argc, &argv, NULL);
        g_test_add_func("/field/known fields are read and others skipped",
                        test_known_fields_are_read_and_others_skipped);
        g_test_add_func("/field/entries read again take the place of the former",
                        test_entries_read_again_take_the_place_of_the_former);
        g_test_add_func("/field/youngest of several old ones", test_youngest_of_several_old_ones);
        g_test_add_func("/field/another type is an error", test_another_type_is_an_error);
        g_test_add_func("/field/a list names its objects", test_list_names_its_objects);
        g_test_add_func("/field/a field as text", test_field_as_text);
        g_test_add_func("/field/a name says the kind", test_name_says_the_kind);
        g_test_add_func("/field/lists without names", test_lists_without_names);
        g_test_add_func("/field/a time that never comes is none", test_a_time_that_never_comes_is_none);
        return g_test_run();
}
