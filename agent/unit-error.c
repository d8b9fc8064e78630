/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Errors of units: the one table from systemd's D-Bus errors to our words, and the form of the message. */

#include "agent/unit-error.h"

#include "common/error.h"

#include <string.h>

#define SYSTEMD "org.freedesktop.systemd1."

static const char *action_words(UnitAction action)
{
        static const char *const words[_UNIT_ACTION_MAX] = {
                [UNIT_ACTION_RELOAD] = "reloading",
                [UNIT_ACTION_RESTART] = "restarting",
                [UNIT_ACTION_RELOAD_OR_RESTART] = "reloading or restarting",
                [UNIT_ACTION_TRY_RESTART] = "restarting",
                [UNIT_ACTION_TRY_RELOAD_OR_RESTART] = "reloading or restarting",
                [UNIT_ACTION_SIGNAL] = "sending a signal to",
                [UNIT_ACTION_NONE] = "looking at",
        };

        return words[action];
}

typedef struct Refusal {
        const char *name;
        const char *why;
        const char *hint;
        bool gone;
} Refusal;

static const Refusal refusals[] = {
        { SYSTEMD "NoSuchUnit", "does not exist", NULL, true },
        { SYSTEMD "UnitMasked", "is masked", NULL, true },
        { SYSTEMD "BadUnitSetting", "has a bad unit file", NULL, true },
        { SYSTEMD "LoadFailed", "has a bad unit file", NULL, true },
        { SD_BUS_ERROR_INVALID_ARGS, "is no valid name of a unit", NULL, true },
        { SYSTEMD "JobTypeNotApplicable", "it cannot be reloaded: it has no ExecReload=",
          "Name the action \"restart\" or \"try-restart\" for this unit in the manifest.", false },
        { SYSTEMD "OnlyByDependency",
          "it may be started and stopped by other units only (RefuseManualStart=, RefuseManualStop=)",
          "Name the unit that starts it in the manifest, or take this one out of \"units\".", false },
        { SYSTEMD "TransactionIsDestructive",
          "a job that must not be replaced is under way; the system may be going down", NULL, false },
        { SYSTEMD "ShuttingDown", "the system is going down", NULL, false },
        { SYSTEMD "NoSuchProcess", "it has no main process",
          "Name another action for this unit in the manifest.", false },
        { SD_BUS_ERROR_SERVICE_UNKNOWN, "systemd is not on the bus", NULL, false },
        { SD_BUS_ERROR_NAME_HAS_NO_OWNER, "systemd is not on the bus", NULL, false },
        { SD_BUS_ERROR_NO_REPLY, "systemd does not answer", NULL, false },
        { SD_BUS_ERROR_TIMEOUT, "systemd does not answer", NULL, false },
        { SD_BUS_ERROR_DISCONNECTED, "the connection to systemd was lost", NULL, false },
        { SD_BUS_ERROR_ACCESS_DENIED, "systemd does not permit it",
          "The agent must run as root; see: systemctl cat cert-agent.service", false },
};

bool unit_error_is_passing(const sd_bus_error *e)
{
        /* The bus tries to activate a systemd that is not there by /bin/false. */
        return sd_bus_error_has_names(e, SD_BUS_ERROR_SERVICE_UNKNOWN, SD_BUS_ERROR_NAME_HAS_NO_OWNER,
                                      SD_BUS_ERROR_NO_REPLY, SD_BUS_ERROR_TIMEOUT) ||
               (e->name && g_str_has_prefix(e->name, "org.freedesktop.DBus.Error.Spawn."));
}

GError *unit_error_new(const UnitRef *ref, const char *why, const char *hint)
{
        return g_error_new(CERT_ERROR, CERT_ERROR_UNIT_FAILED, "%s %s failed: %s%s%s",
                           action_words(ref->action), ref->unit, why, hint ? "\n" : "", hint ?: "");
}

GError *unit_error_gone(const UnitRef *ref, const char *why)
{
        return g_error_new(CERT_ERROR, CERT_ERROR_UNIT_FAILED,
                           "%s %s, so it cannot be told of a new certificate\n"
                           "Correct this unit (see: systemctl status %s), or its name in \"units\" in the "
                           "manifest.",
                           ref->unit, why, ref->unit);
}

GError *unit_error_from_bus(const UnitRef *ref, const sd_bus_error *e, UnitOutcome *ret_outcome)
{
        g_autoptr(GError) said = NULL;

        for (size_t i = 0; i < G_N_ELEMENTS(refusals); i++)
                if (sd_bus_error_has_name(e, refusals[i].name)) {
                        *ret_outcome = refusals[i].gone ? UNIT_GONE : UNIT_FAILED;
                        return refusals[i].gone ? unit_error_gone(ref, refusals[i].why)
                                                : unit_error_new(ref, refusals[i].why, refusals[i].hint);
                }
        *ret_outcome = UNIT_FAILED;
        cert_error_set_from_bus(&said, e, -sd_bus_error_get_errno(e), CERT_ERROR_UNIT_FAILED, "systemd says");
        g_strdelimit(said->message, "\n", ' ');
        return unit_error_new(ref, said->message, NULL);
}

void unit_error_add_log(GError *error, const UnitRef *ref, const char *lines)
{
        char *message = g_strdup_printf("%s\n%s%sSee: systemctl status %s; journalctl -u %s", error->message,
                                        lines ?: "", lines ? "\n" : "", ref->unit, ref->unit);

        g_free(error->message);
        error->message = message;
}
