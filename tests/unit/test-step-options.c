/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The options of a step issuer: what its process takes from the configuration of a call, what it leaves to
 * the agent, and what it refuses. */

#include "common/error.h"
#include "common/timespan.h"
#include "issuers/step/options.h"

#include <string.h>

#define PRINT "3956ce01b4caa6b69214968ac65777f9db5a8d6ffd45def1de6f2d6a625bd396"
#define COLONS                                                                                               \
        "39:56:CE:01:B4:CA:A6:B6:92:14:96:8A:C6:57:77:F9:DB:5A:8D:6F:FD:45:DE:F1:DE:6F:2D:6A:62:5B:D3:96"
#define BEGIN "{\"name\":\"ca\",\"type\":\"step\","
#define URL   "\"url\":\"https://ca.example:9000\","
#define ROOT  "\"root_fingerprint\":\"" PRINT "\","
#define BY    "\"provisioner\":\"admin\""

static void test_refused(void)
{
        static const struct {
                const char *config;
                const char *says; /* NULL: right */
        } cases[] = {
                { BEGIN URL ROOT BY "}", NULL },
                { BEGIN URL "\"root\":\"/etc/ca.pem\"," BY "}", NULL },
                { BEGIN URL ROOT BY ",\"password_file\":\"/p\",\"connections\":64}", NULL },
                { BEGIN URL ROOT BY
                  ",\"x5c_key_file\":\"/k\",\"x5c_cert_file\":\"/c\",\"renewal\":\"renew\"}",
                  NULL },
                { BEGIN ROOT BY "}", "issuers.ca.url: is missing" },
                { BEGIN "\"url\":[]," ROOT BY "}", "issuers.ca.url: is missing" },
                { BEGIN "\"url\":[\"https://a\",1]," ROOT BY "}", "list of strings" },
                { BEGIN "\"url\":7," ROOT BY "}", "issuers.ca.url: must be a string" },
                { BEGIN "\"url\":\"http://ca.example\"," ROOT BY "}", "must begin with https://" },
                { BEGIN "\"url\":\"ca.example\"," ROOT BY "}", "is no URL" },
                { BEGIN "\"url\":\"https://\"," ROOT BY "}", "is no URL" },
                { BEGIN "\"url\":\"https://ca.example/?x\"," ROOT BY "}", "must end with the host" },
                { BEGIN "\"url\":[\"https://1\",\"https://2\",\"https://3\",\"https://4\",\"https://"
                        "5\",\"https://6\","
                        "\"https://7\",\"https://8\",\"https://9\"]," ROOT BY "}",
                  "more than 8" },
                { BEGIN URL BY "}", "exactly one of root_fingerprint and root" },
                { BEGIN URL ROOT "\"root\":\"/etc/ca.pem\"," BY "}",
                  "exactly one of root_fingerprint and root" },
                { BEGIN URL "\"root\":\"ca.pem\"," BY "}", "issuers.ca.root: must be an absolute path" },
                { BEGIN URL "\"root_fingerprint\":\"abc\"," BY "}", "64 hexadecimal digits" },
                { BEGIN URL "\"root_fingerprint\":[]," BY "}", "exactly one of" },
                { BEGIN URL "\"root_fingerprint\":\"" PRINT "00\"," BY "}", "64 hexadecimal digits" },
                { BEGIN URL ROOT "\"connections\":1}", "issuers.ca.provisioner: is missing" },
                { BEGIN URL ROOT "\"provisioner\":\"\"}", "issuers.ca.provisioner: is missing" },
                { BEGIN URL ROOT BY ",\"renewal\":\"often\"}", "issuers.ca.renewal: \"often\"" },
                { BEGIN URL ROOT BY ",\"certificate_lifetime\":\"long\"}",
                  "issuers.ca.certificate_lifetime" },
                { BEGIN URL ROOT BY ",\"password\":\"x\"}", "issuers.ca.password: is not known" },
                { "[]", "no JSON object" },
        };

        for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
                g_autoptr(GError) error = NULL;
                g_autoptr(StepOptions) o = step_options_new(cases[i].config, &error);

                g_test_message("%s -> %s", cases[i].config, error ? error->message : "right");
                g_assert_cmpint(o == NULL, ==, cases[i].says != NULL);
                if (!cases[i].says)
                        continue;
                g_assert_error(error, CERT_ERROR, CERT_ERROR_MANIFEST_INVALID);
                g_assert_nonnull(strstr(error->message, cases[i].says));
        }
}

static void test_taken(void)
{
        g_autoptr(GError) error = NULL;
        g_autoptr(StepOptions) o = step_options_new(
                BEGIN "\"url\":[\"https://a.example/\",\"https://[2001:db8::1]:9000/ca//\"],"
                      "\"root_fingerprint\":[\"" COLONS
                      "\"],\"timeout\":\"10s\",\"certificate_lifetime\":\"2d\","
                      "\"renewal\":\"rekey\",\"x5c_key_file\":\"/k\",\"environment\":\"test\"," BY "}",
                &error);

        g_assert_no_error(error);
        g_assert_cmpstr(o->name, ==, "ca");
        g_assert_cmpuint(g_strv_length(o->urls), ==, 2);
        g_assert_cmpstr(o->urls[0], ==, "https://a.example");
        g_assert_cmpstr(o->urls[1], ==, "https://[2001:db8::1]:9000/ca");
        g_assert_cmpstr(o->fingerprints[0], ==, PRINT);
        g_assert_null(o->fingerprints[1]);
        g_assert_null(o->root_file);
        g_assert_cmpint(o->renewal, ==, RENEWAL_REKEY);
        g_assert_cmpuint(o->timeout_usec, ==, 9 * USEC_PER_SEC);
        g_assert_cmpuint(o->lifetime_usec, ==, 2 * USEC_PER_DAY);
        g_assert_true(o->has_account && o->has_key_file);
}

static void test_defaults(void)
{
        g_autoptr(GError) error = NULL;
        g_autoptr(StepOptions) o = step_options_new(BEGIN URL ROOT BY "}", &error);

        g_assert_no_error(error);
        g_assert_cmpint(o->renewal, ==, RENEWAL_SIGN);
        g_assert_cmpuint(o->timeout_usec, ==, 54 * USEC_PER_SEC);
        g_assert_cmpuint(o->lifetime_usec, ==, 0);
        g_assert_false(o->has_account);
        g_assert_false(o->has_key_file);
}

int main(int argc, char **argv)
{
        g_test_init(&argc, &argv, NULL);
        g_test_add_func("/step-options/what is refused", test_refused);
        g_test_add_func("/step-options/what is taken", test_taken);
        g_test_add_func("/step-options/what holds without a word", test_defaults);
        return g_test_run();
}
