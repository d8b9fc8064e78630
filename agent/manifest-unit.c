/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Units and how to see what they serve: the manifest's "units" and "verify". Owns the names of actions and
 * of the STARTTLS protocols, and what a unit's name may be. */

#include "agent/manifest-read.h"

#include "common/enum-table.h"
#include "common/error.h"
#include "common/timespan.h"
#include "common/unitname.h"

#include <signal.h>
#include <string.h>

#define UNITS_MAX              64
#define VERIFY_TIMEOUT_DEFAULT (10 * USEC_PER_SEC)
#define VERIFY_TIMEOUT_MAX     (10 * USEC_PER_MINUTE)
#define SOCKET_PATH_MAX        107 /* sun_path, less the NUL: unix(7) */

static const char *const action_names[_UNIT_ACTION_MAX] = {
        [UNIT_ACTION_RELOAD] = "reload",
        [UNIT_ACTION_RESTART] = "restart",
        [UNIT_ACTION_RELOAD_OR_RESTART] = "reload-or-restart",
        [UNIT_ACTION_TRY_RESTART] = "try-restart",
        [UNIT_ACTION_TRY_RELOAD_OR_RESTART] = "try-reload-or-restart",
        [UNIT_ACTION_SIGNAL] = "signal",
        [UNIT_ACTION_NONE] = "none",
};
ENUM_TABLE(unit_action, UnitAction, action_names, _UNIT_ACTION_MAX, _UNIT_ACTION_INVALID)

static const char *const starttls_names[_STARTTLS_MAX] = {
        [STARTTLS_NONE] = "none",
        [STARTTLS_SMTP] = "smtp",
        [STARTTLS_IMAP] = "imap",
        [STARTTLS_POSTGRESQL] = "postgresql",
};
ENUM_TABLE(starttls, Starttls, starttls_names, _STARTTLS_MAX, _STARTTLS_INVALID)

/* ---- Unit names, as systemd.unit(5) has them ---- */

static bool unit_name_check(ManifestReading *r, const JsonValue *v, const char *name)
{
        g_autofree char *hint = NULL;
        size_t length = strlen(name);
        size_t good = strspn(name, UNIT_NAME_CHARACTERS);

        if (length > UNIT_NAME_MAX_LENGTH || good != length || name[0] == '@' || name[0] == '.') {
                manifest_complain(r, v, "Write it as systemctl shows it, such as \"nginx.service\".",
                                  "\"%s\" is no name of a unit", name);
                return false;
        }
        if (!unit_name_has_suffix(name)) {
                hint = g_strdup_printf("Write \"%s.service\".", name);
                manifest_complain(r, v, strchr(name, '.') ? NULL : hint, "\"%s\" does not end in a unit type",
                                  name);
                return false;
        }
        if (unit_name_is_template(name)) {
                manifest_complain(r, v, "Name an instance, such as \"postgresql@15-main.service\".",
                                  "\"%s\" is a template, not a unit", name);
                return false;
        }
        return true;
}

/* ---- Actions ---- */

static bool signal_read(ManifestReading *r, const JsonValue *v, const char *text, UnitRef *unit)
{
        unit->action = UNIT_ACTION_SIGNAL;
        unit->signal = signal_from_name(text);
        if (unit->signal == 0)
                manifest_complain(r, v, "Write it as \"signal:SIGUSR2\".", "\"%s\" is no signal", text);
        else if (unit->signal == SIGKILL || unit->signal == SIGSTOP)
                manifest_complain(r, v, "Use the action \"restart\" or \"try-restart\".",
                                  "no service survives %s to read its certificate", text);
        else
                return true;
        return false;
}

static void read_unit_name(ManifestReading *r, const JsonValue *v, void *target)
{
        const char *name = manifest_read_string(r, v);

        if (name && unit_name_check(r, v, name))
                ((UnitRef *) target)->unit = manifest_keep_repeated(r, name);
}

static void read_unit_action(ManifestReading *r, const JsonValue *v, void *target)
{
        g_autofree char *hint = NULL;
        const char *text = manifest_read_string(r, v);
        UnitRef *unit = target;
        UnitAction action;

        if (!text)
                return;
        if (g_str_has_prefix(text, "signal:")) {
                signal_read(r, v, text + strlen("signal:"), unit);
                return;
        }
        action = unit_action_from_string(text);
        if (action != _UNIT_ACTION_INVALID && action != UNIT_ACTION_SIGNAL) {
                unit->action = action;
                return;
        }
        hint = action == UNIT_ACTION_SIGNAL ? g_strdup("Name the signal: \"signal:SIGHUP\".")
                                            : manifest_did_you_mean(text, action_names, _UNIT_ACTION_MAX);
        manifest_complain(r, v,
                          hint
                                  ?: "There are reload, restart, reload-or-restart, try-restart, "
                                     "try-reload-or-restart, "
                                     "signal:SIGNAL and none.",
                          "\"%s\" is no action", text);
}

/* ---- Lists of units ---- */

static UnitRef *unit_read(ManifestReading *r, const JsonValue *v)
{
        static const ManifestField fields[] = { { "unit", read_unit_name }, { "action", read_unit_action } };
        UnitRef unit = { .action = UNIT_ACTION_RELOAD_OR_RESTART };
        UnitRef *result;

        if (v->kind == JSON_KIND_STRING)
                read_unit_name(r, v, &unit);
        else if (v->kind != JSON_KIND_OBJECT)
                manifest_complain(r, v, "Write \"nginx.service\" or {\"unit\": …, \"action\": …}.",
                                  "a unit is expected here, not %s", json_kind_to_string(v->kind));
        else if (manifest_read_object(r, v, fields, G_N_ELEMENTS(fields), &unit) &&
                 !json_value_member(v, "unit"))
                manifest_complain(r, v, "Add \"unit\": \"NAME.service\".", "this names no unit");
        if (!unit.unit)
                return NULL;
        result = g_new(UnitRef, 1);
        *result = unit;
        return result;
}

static bool names_unit(const GPtrArray *units, const char *name)
{
        for (unsigned i = 0; i < units->len; i++)
                if (g_str_equal(((const UnitRef *) units->pdata[i])->unit, name))
                        return true;
        return false;
}

static GPtrArray *unit_list_read(ManifestReading *r, const JsonValue *v)
{
        GPtrArray *units;

        if (!manifest_expect(r, v, JSON_KIND_ARRAY))
                return NULL;
        units = g_ptr_array_new_with_free_func(g_free);
        for (const JsonValue *e = v->first; e; e = e->next) {
                g_autofree UnitRef *unit = unit_read(r, e);

                if (unit && names_unit(units, unit->unit))
                        manifest_complain(r, e, "One action a unit: remove one of them.",
                                          "\"%s\" is named twice", unit->unit);
                else if (unit)
                        g_ptr_array_add(units, g_steal_pointer(&unit));
        }
        return units;
}

void manifest_read_units(ManifestReading *r, const JsonValue *v, GPtrArray **units)
{
        GPtrArray *read = unit_list_read(r, v);

        if (!read)
                return;
        if (read->len > UNITS_MAX)
                manifest_complain(r, v, "Name one, and let the others follow it with ReloadPropagatedFrom=.",
                                  "more than %d units depend on this", UNITS_MAX);
        g_clear_pointer(units, g_ptr_array_unref);
        *units = read;
}

/* ---- Verify ---- */

static bool port_check(const char *text)
{
        return *text != '0' && g_ascii_string_to_unsigned(text, 10, 1, 65535, NULL, NULL);
}

/* Whether the host is an address or a DNS name; v6 addresses stand in brackets (RFC 3986, 3.2.2). */
static bool host_check(const char *host, bool bracketed)
{
        g_autofree char *text = g_strconcat(bracketed || strchr(host, ':') ? "ip:" : "", host, NULL);
        g_autoptr(San) san = san_parse(text, NULL);

        if (!san || (san->type == SAN_DNS && san->value[0] == '*'))
                return false;
        return san->type == SAN_DNS ||
               (san->type == SAN_IP && bracketed == (strchr(san->value, ':') != NULL));
}

static bool connect_check(const char *text)
{
        const char *colon = strrchr(text, ':');
        g_autofree char *host = colon ? g_strndup(text, (size_t) (colon - text)) : NULL;
        size_t length = host ? strlen(host) : 0;

        if (text[0] == '/')
                return strlen(text) <= SOCKET_PATH_MAX && text[1] != '\0';
        if (length == 0 || !port_check(colon + 1))
                return false;
        if (host[0] != '[')
                return host_check(host, false);
        if (host[length - 1] != ']')
                return false;
        host[length - 1] = '\0';
        return host_check(host + 1, true);
}

static void read_connect(ManifestReading *r, const JsonValue *v, void *target)
{
        const char *text = manifest_read_string(r, v);

        if (text && connect_check(text))
                ((Verify *) target)->connect = manifest_keep_string(r, text);
        else if (text)
                manifest_complain(r, v,
                                  "Write \"HOST:PORT\", \"[V6-ADDRESS]:PORT\" or the path of a unix socket.",
                                  "\"%s\" is nothing to connect to", text);
}

/* RFC 6066, 3: a host's name, never an address, without a final dot. */
static void read_server_name(ManifestReading *r, const JsonValue *v, void *target)
{
        g_autoptr(GError) error = NULL;
        const char *text = manifest_read_string(r, v);
        g_autoptr(San) san = text ? san_parse(text, &error) : NULL;

        if (error)
                manifest_complain_error(r, v, error);
        else if (san && (san->type != SAN_DNS || san->value[0] == '*'))
                manifest_complain(r, v, "Leave it out for a service that is reached by its address.",
                                  "\"%s\" is no host's name, which a server name is", text);
        else if (san)
                ((Verify *) target)->server_name = manifest_keep_string(r, san->value);
}

static void read_starttls(ManifestReading *r, const JsonValue *v, void *target)
{
        const char *text = manifest_read_string(r, v);
        Starttls value = text ? starttls_from_string(text) : _STARTTLS_INVALID;

        if (value != _STARTTLS_INVALID)
                ((Verify *) target)->starttls = value;
        else if (text)
                manifest_complain(r, v, "There are none, smtp, imap and postgresql.",
                                  "\"%s\" is no STARTTLS protocol", text);
}

static void read_timeout(ManifestReading *r, const JsonValue *v, void *target)
{
        uint64_t usec;

        if (!manifest_read_span(r, v, &usec))
                return;
        if (usec > VERIFY_TIMEOUT_MAX)
                manifest_complain(r, v, NULL,
                                  "a time-out longer than 10 minutes would hold up the other certificates");
        else
                ((Verify *) target)->timeout_usec = usec;
}

static void read_successes(ManifestReading *r, const JsonValue *v, void *target)
{
        manifest_read_unsigned(r, v, 1, 100, &((Verify *) target)->successes);
}

Verify *manifest_read_verify(ManifestReading *r, const JsonValue *v)
{
        static const ManifestField fields[] = {
                { "connect", read_connect },     { "server_name", read_server_name },
                { "starttls", read_starttls },   { "timeout", read_timeout },
                { "successes", read_successes },
        };
        Verify verify = { .timeout_usec = VERIFY_TIMEOUT_DEFAULT, .successes = 3 };
        Verify *result;

        if (!manifest_read_object(r, v, fields, G_N_ELEMENTS(fields), &verify))
                return NULL;
        if (!json_value_member(v, "connect"))
                manifest_complain(r, v, "Add \"connect\": \"127.0.0.1:443\", or remove \"verify\".",
                                  "this does not say where the service listens");
        result = g_new(Verify, 1);
        *result = verify;
        return result;
}

Verify *manifest_verify_free(Verify *v)
{
        g_free(v);
        return NULL;
}
