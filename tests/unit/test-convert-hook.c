/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Hooks: which commands are units and actions, which are more than that; and the one-shot unit that runs the others. */

#include "client/convert/hook.h"
#include "client/convert/oneshot.h"

#include <string.h>

static char *flatten(const GPtrArray *units)
{
        GString *s = g_string_new(NULL);

        for (unsigned i = 0; i < units->len; i++) {
                const HookUnit *u = units->pdata[i];

                g_string_append_printf(s, "%s%s %s", i > 0 ? ", " : "", u->action, u->unit);
        }
        return g_string_free(s, FALSE);
}

static const struct {
        const char *command, *units;
} units_of[] = {
        { "", "" },
        { "# later: systemctl reload nginx", "" },
        { "systemctl reload nginx", "reload nginx.service" },
        { "systemctl restart nginx.service", "restart nginx.service" },
        { "systemctl try-restart nginx", "try-restart nginx.service" },
        { "systemctl condrestart nginx", "try-restart nginx.service" },
        { "systemctl reload-or-restart nginx", "reload-or-restart nginx.service" },
        { "systemctl try-reload-or-restart nginx", "try-reload-or-restart nginx.service" },
        { "systemctl reload-or-try-restart nginx", "try-reload-or-restart nginx.service" },
        { "systemctl force-reload nginx", "try-reload-or-restart nginx.service" },
        { "/bin/systemctl reload nginx", "reload nginx.service" },
        { "/usr/bin/systemctl reload nginx", "reload nginx.service" },
        { "sudo systemctl reload nginx", "reload nginx.service" },
        { "/usr/bin/sudo -n /usr/bin/systemctl reload nginx", "reload nginx.service" },
        { "sudo -u root -H -- systemctl reload nginx", "reload nginx.service" },
        { "sudo --user=root systemctl reload nginx", "reload nginx.service" },
        { "doas systemctl reload nginx", "reload nginx.service" },
        { "doas -n -u root systemctl reload nginx", "reload nginx.service" },
        { "systemctl --no-block reload nginx", "reload nginx.service" },
        { "systemctl reload nginx --no-block -q", "reload nginx.service" },
        { "systemctl --quiet --no-ask-password --now restart nginx", "restart nginx.service" },
        { "systemctl -ql restart -- nginx", "restart nginx.service" },
        { "systemctl -- restart nginx", "restart nginx.service" },
        { "systemctl --system --job-mode=replace reload nginx", "reload nginx.service" },
        { "systemctl reload nginx haproxy.service exim4", "reload nginx.service, reload haproxy.service, reload exim4.service" },
        { "systemctl reload nginx && systemctl restart postfix", "reload nginx.service, restart postfix.service" },
        { "systemctl reload nginx; sudo systemctl restart postfix;", "reload nginx.service, restart postfix.service" },
        { "systemctl reload nginx\nsystemctl restart postfix\n", "reload nginx.service, restart postfix.service" },
        { "systemctl reload nginx && systemctl reload nginx", "reload nginx.service" },
        { "systemctl reload 'nginx' \"haproxy\"", "reload nginx.service, reload haproxy.service" },
        { "systemctl restart php8.1-fpm", "restart php8.1-fpm.service" },
        { "systemctl restart postgresql@15-main", "restart postgresql@15-main.service" },
        { "systemctl restart foo.socket bar.target", "restart foo.socket, restart bar.target" },
        { "systemctl restart 'dev-disk-by\\x2did.swap'", "restart dev-disk-by\\x2did.swap" },
        { "systemctl kill -s HUP --kill-who=main nginx", "signal:SIGHUP nginx.service" },
        { "systemctl kill -sSIGUSR2 --kill-whom=main nginx", "signal:SIGUSR2 nginx.service" },
        { "systemctl kill --signal=1 --kill-whom=main nginx", "signal:SIGHUP nginx.service" },
        { "systemctl -qs HUP kill nginx --kill-whom=main", "signal:SIGHUP nginx.service" },
        { "systemctl kill -s RTMIN+3 --kill-whom=main nginx", "signal:SIGRTMIN+3 nginx.service" },
        { "service nginx reload", "reload nginx.service" },
        { "/usr/sbin/service nginx restart", "restart nginx.service" },
        { "sudo service nginx try-restart", "try-restart nginx.service" },
        { "sh -c 'systemctl reload nginx'", "reload nginx.service" },
        { "/bin/bash -c \"systemctl reload nginx && service exim4 restart\"", "reload nginx.service, restart exim4.service" },
};

static void test_units(void)
{
        for (size_t i = 0; i < G_N_ELEMENTS(units_of); i++) {
                g_autoptr(GPtrArray) units = g_ptr_array_new_with_free_func(hook_unit_free);
                g_autofree char *why = NULL, *note = NULL, *flat = NULL;

                g_test_message("%s", units_of[i].command);
                if (!hook_read(units_of[i].command, WORDS_SHELL, units, &why, &note))
                        g_error("%s", why);
                flat = flatten(units);
                g_assert_cmpstr(flat, ==, units_of[i].units);
                g_assert_null(note);
        }
}

static void test_signal_to_all(void)
{
        g_autoptr(GPtrArray) units = g_ptr_array_new_with_free_func(hook_unit_free);
        g_autofree char *why = NULL, *note = NULL, *flat = NULL;

        g_assert_true(hook_read("systemctl kill -s HUP nginx foo", WORDS_SHELL, units, &why, &note));
        flat = flatten(units);
        g_assert_cmpstr(flat, ==, "signal:SIGHUP nginx.service, signal:SIGHUP foo.service");
        g_assert_nonnull(strstr(note, "nginx.service, foo.service"));
}

static const struct {
        const char *command, *says;
} refusals[] = {
        { "docker exec web nginx -s reload", "“docker”" },
        { "nginx -s reload", "“nginx”" },
        { "cp /etc/tls/web.pem /srv/", "“cp”" },
        { "/opt/tools/systemctl reload nginx", "“/opt/tools/systemctl”" },
        { "./systemctl reload nginx", "“./systemctl”" },
        { "if true; then systemctl reload nginx; fi", "“if”" },
        { "systemctl reload nginx || true", "failure" },
        { "systemctl reload nginx | logger", "pipe" },
        { "systemctl reload $UNIT", "variable" },
        { "systemctl reload nginx >/dev/null 2>&1", "output" },
        { "systemctl reload nginx && cp a b", "“cp”" },
        { "systemctl reload nginx; docker restart web", "“docker”" },
        { "systemctl", "no verb" },
        { "systemctl reload", "no unit" },
        { "systemctl daemon-reload", "“systemctl daemon-reload”" },
        { "systemctl start nginx", "“systemctl start”" },
        { "systemctl stop nginx && systemctl start nginx", "“systemctl stop”" },
        { "systemctl enable --now nginx", "“systemctl enable”" },
        { "systemctl is-active nginx", "“systemctl is-active”" },
        { "systemctl RELOAD nginx", "“systemctl RELOAD”" },
        { "systemctl --user reload nginx", "“--user”" },
        { "systemctl -H other reload nginx", "“-H”" },
        { "systemctl -M box reload nginx", "“-M”" },
        { "systemctl --root=/x reload nginx", "“--root=/x”" },
        { "systemctl --no-bl reload nginx", "“--no-bl”" },
        { "systemctl --job-mode=fail reload nginx", "“--job-mode=fail”" },
        { "systemctl -qx reload nginx", "“-qx”" },
        { "systemctl -s HUP reload nginx", "for kill" },
        { "systemctl kill nginx", "ends the service" },
        { "systemctl kill -s KILL nginx", "SIGKILL" },
        { "systemctl kill -s 9 nginx", "SIGKILL" },
        { "systemctl kill -s STOP nginx", "SIGSTOP" },
        { "systemctl kill -s hup nginx", "“hup”" },
        { "systemctl kill -s RTMIN+99 nginx", "“RTMIN+99”" },
        { "systemctl kill -s", "lacks a value" },
        { "systemctl kill -s HUP --kill-who=control nginx", "“control”" },
        { "systemctl reload 'nginx*'", "“nginx*”" },
        { "systemctl reload /dev/sda", "“/dev/sda”" },
        { "systemctl reload 'my unit'", "“my unit”" },
        { "systemctl reload ''", "“”" },
        { "systemctl reload foo@", "template" },
        { "systemctl reload foo@.service", "template" },
        { "systemctl reload .service", "“.service”" },
        { "systemctl reload nginx; systemctl restart nginx.service", "two things of nginx.service" },
        { "sudo -u www systemctl reload nginx", "“-u”" },
        { "sudo -E systemctl reload nginx", "“-E”" },
        { "sudo -i", "“-i”" },
        { "sudo", "no command" },
        { "sudo A=b systemctl reload nginx", "variable" },
        { "service nginx force-reload", "“service nginx force-reload”" },
        { "service nginx status", "“service nginx status”" },
        { "service --status-all restart", "“--status-all”" },
        { "service nginx", "service NAME ACTION" },
        { "/etc/init.d/nginx reload", "“/etc/init.d/nginx”" },
        { "sh deploy.sh", "runs a script" },
        { "bash -lc 'systemctl reload nginx'", "runs a script" },
        { "sh -c 'systemctl reload nginx | cat'", "pipe" },
        { "sh -c 'sh -c \"sh -c \\\"sh -c a\\\"\"'", "shell in a shell" },
};

static void test_refuse(void)
{
        for (size_t i = 0; i < G_N_ELEMENTS(refusals); i++) {
                g_autoptr(GPtrArray) units = g_ptr_array_new_with_free_func(hook_unit_free);
                g_autofree char *why = NULL, *note = NULL;

                g_test_message("%s", refusals[i].command);
                g_assert_false(hook_read(refusals[i].command, WORDS_SHELL, units, &why, &note));
                g_assert_cmpuint(units->len, ==, 0);
                g_test_message("%s", why);
                g_assert_nonnull(strstr(why, refusals[i].says));
        }
}

/* More units than a manifest takes. */
static void test_many(void)
{
        g_autoptr(GString) s = g_string_new("systemctl reload");
        g_autoptr(GPtrArray) units = g_ptr_array_new_with_free_func(hook_unit_free);
        g_autofree char *why = NULL, *note = NULL;

        for (unsigned i = 0; i < 65; i++)
                g_string_append_printf(s, " u%u", i);
        g_assert_false(hook_read(s->str, WORDS_SHELL, units, &why, &note));
        g_assert_nonnull(strstr(why, "more than 64"));
}

/* ---- One-shot units ---- */

/* systemd.service(5), COMMAND LINES: C escapes in double quotes, "%%" and "$$". */
static void test_quote(void)
{
        static const struct {
                const char *word, *quoted;
        } cases[] = {
                { "a b", "\"a b\"" },
                { "a 'b' \"c\"", "\"a 'b' \\\"c\\\"\"" },
                { "100% of $HOME ${X} $$", "\"100%% of $$HOME $${X} $$$$\"" },
                { "a\\nb", "\"a\\\\nb\"" },
                { "a\nb\tc", "\"a\\nb\\tc\"" },
                { "a\\\n", "\"a\\\\\\n\"" },
                { "\001\033\177", "\"\\x01\\x1b\\x7f\"" },
                { "\303\274", "\"\\xc3\\xbc\"" },
                { "; rm -rf /", "\"; rm -rf /\"" },
                { "", "\"\"" },
        };

        for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
                g_autofree char *quoted = oneshot_quote(cases[i].word);

                g_assert_cmpstr(quoted, ==, cases[i].quoted);
        }
}

static void test_oneshot(void)
{
        g_autoptr(Oneshot) o = oneshot_new();
        g_autofree char *text = NULL, *name = oneshot_unit_name("web");

        oneshot_add(o, "/etc/letsencrypt/renewal-hooks/deploy/my hook", true);
        oneshot_add(o, "docker exec web sh -c \"kill -HUP $(cat /run/x)\"", false);
        g_ptr_array_add(o->environment, g_strdup("RENEWED_DOMAINS=a.example.org b.example.org"));
        o->user = g_strdup("1000");
        text = oneshot_to_text(o, "web");
        g_assert_cmpstr(name, ==, "cert-hook-web.service");
        g_assert_nonnull(strstr(text, "\nType=oneshot\n"
                                      "TimeoutStartSec=5min\n"
                                      "User=1000\n"
                                      "Environment=\"RENEWED_DOMAINS=a.example.org b.example.org\"\n"
                                      "ExecStart=\"/etc/letsencrypt/renewal-hooks/deploy/my hook\"\n"
                                      "ExecStart=/bin/sh -c \"docker exec web sh -c \\\"kill -HUP $$(cat /run/x)\\\"\"\n"));
}

static void test_too_long(void)
{
        g_autoptr(Oneshot) o = oneshot_new();
        g_autofree char *command = g_strnfill(65 * 1024, 'a'), *text = NULL;

        oneshot_add(o, command, false);
        text = oneshot_to_text(o, "web");
        g_assert_null(text);
}

int main(int argc, char **argv)
{
        g_test_init(&argc, &argv, NULL);
        g_test_add_func("/convert-hook/units", test_units);
        g_test_add_func("/convert-hook/signal-to-all", test_signal_to_all);
        g_test_add_func("/convert-hook/refuse", test_refuse);
        g_test_add_func("/convert-hook/many", test_many);
        g_test_add_func("/convert-hook/quote", test_quote);
        g_test_add_func("/convert-hook/one-shot", test_oneshot);
        g_test_add_func("/convert-hook/too-long", test_too_long);
        return g_test_run();
}
