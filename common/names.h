/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Every well-known name of the project: the bus, the paths, the log fields, the environment.
 * Paths are given as the host has them; open them through host_path() (common/path.h) only. */

/* The bus */
#define CERT_BUS_NAME "org.certagent1"
#define CERT_BUS_PATH "/org/certagent1"
#define CERT_BUS_CERTIFICATE_PATH CERT_BUS_PATH "/certificate"
#define CERT_BUS_JOB_PATH CERT_BUS_PATH "/job"
#define CERT_BUS_ISSUER_PATH CERT_BUS_PATH "/issuer"
#define CERT_BUS_SIGNER_PATH CERT_BUS_PATH "/signer"
#define CERT_BUS_PROBE_PATH CERT_BUS_PATH "/probe"
#define CERT_BUS_KEYHOLDER_PATH CERT_BUS_PATH "/keyholder"
#define CERT_INTERFACE_MANAGER CERT_BUS_NAME ".Manager"
#define CERT_INTERFACE_CERTIFICATE CERT_BUS_NAME ".Certificate"
#define CERT_INTERFACE_JOB CERT_BUS_NAME ".Job"
#define CERT_INTERFACE_ISSUER CERT_BUS_NAME ".Issuer"
#define CERT_INTERFACE_AUTHORITY CERT_BUS_NAME ".Authority"
#define CERT_INTERFACE_SIGNER CERT_BUS_NAME ".Signer"
#define CERT_INTERFACE_KEYHOLDER CERT_BUS_NAME ".KeyHolder"
#define CERT_INTERFACE_PROBE CERT_BUS_NAME ".Probe"
#define CERT_ERROR_PREFIX CERT_BUS_NAME ".Error."

/* Units */
#define CERT_TIMER_UNIT "cert-renew.timer"

/* polkit */
#define CERT_POLKIT_RENEW CERT_BUS_NAME ".renew"
#define CERT_POLKIT_MANAGE CERT_BUS_NAME ".manage"
#define CERT_POLKIT_SIGN CERT_BUS_NAME ".sign"
#define CERT_POLKIT_AUTHORITY CERT_BUS_NAME ".authority"

/* Sockets */
#define CERT_RUNTIME_DIR "/run/cert-agent"
#define CERT_SOCKET_BUS CERT_RUNTIME_DIR "/bus"
#define CERT_SOCKET_CREDENTIAL CERT_RUNTIME_DIR "/credential"
#define CERT_SOCKET_CREDENTIAL_NAME "credential" /* FileDescriptorName= of its unit */
#define CERT_SOCKET_ISSUER_DIR CERT_RUNTIME_DIR "/issuer" /* + "/" + issuer type */
#define CERT_SOCKET_PROBE CERT_RUNTIME_DIR "/probe"
#define CERT_SOCKET_KEYHOLDER CERT_RUNTIME_DIR "/keyholder"

/* Configuration and state */
#define CERT_CONFIG_DIR "/etc/cert-agent"
#define CERT_MANIFEST_FILE CERT_CONFIG_DIR "/manifest.json"
#define CERT_MANIFEST_DROPIN_DIR CERT_CONFIG_DIR "/manifest.d"
#define CERT_MANIFEST_VENDOR_DIR "/usr/lib/cert-agent/manifest.d"
#define CERT_PROGRAM_DIR "/usr/lib/cert-agent" /* cert-agent, cert-issuer-*, cert-keyholder, cert-probe */
#define CERT_STATE_DIR "/var/lib/cert-agent"
#define CERT_RECORD_DIR CERT_STATE_DIR "/records"         /* one JSON file a certificate */
#define CERT_GENERATION_DIR CERT_STATE_DIR "/generations" /* NAME/NUMBER/ */
#define CERT_MANIFEST_SAVED_DIR CERT_STATE_DIR "/manifest" /* the last good one's files, at their paths */
#define CERT_INTENT_DIR CERT_STATE_DIR "/intents"
#define CERT_ROOTS_DIR CERT_STATE_DIR "/roots"  /* ISSUER.pem: the roots last heard from an issuer */
#define CERT_AUTHORITY_FACTS_DIR CERT_STATE_DIR "/authorities" /* ISSUER.json: what a local authority last said of itself */
#define CERT_FACTS_FILE CERT_STATE_DIR "/facts" /* the inventory's cache */
#define CERT_RECORD_SUMMARY_FILE CERT_STATE_DIR "/record-summary" /* the record store's cache */
#define CERT_CLOCK_FILE CERT_STATE_DIR "/clock" /* its mtime: the latest time seen */
#define CERT_FINDINGS_FILE CERT_STATE_DIR "/findings" /* what audits found and told of, and when all was looked at last */
#define CERT_REFUSED_PINS_FILE CERT_STATE_DIR "/refused-pins" /* which PINs a token refused */
#define CERT_STEP_CACHE_DIR "/var/cache/cert-issuer-step" /* FINGERPRINT.pem: roots, named by what they must be */
#define CERT_AUTHORITY_DIR "/var/lib/cert-authority"
#define CERT_AUTHORITY_REFUSED_PINS_FILE CERT_AUTHORITY_DIR "/.refused-pins" /* the same of authorities' tokens */

/* Fields of the journal */
#define CERT_LOG_NAME "CERT_NAME="
#define CERT_LOG_STATE "CERT_STATE="
#define CERT_LOG_REASON "CERT_REASON="
#define CERT_LOG_ISSUER "CERT_ISSUER="
#define CERT_LOG_SERIAL "CERT_SERIAL="
#define CERT_LOG_UNIT "UNIT="

/* Message ids of the milestones; each has an entry in units/cert-agent.catalog */
#define CERT_MESSAGE_RENEWED "7d9c1e0b5a0f4d0f9a3c5be1f0a7a101"
#define CERT_MESSAGE_FAILED "7d9c1e0b5a0f4d0f9a3c5be1f0a7a102"
#define CERT_MESSAGE_ROLLED_BACK "7d9c1e0b5a0f4d0f9a3c5be1f0a7a103"
#define CERT_MESSAGE_REPAIRED "7d9c1e0b5a0f4d0f9a3c5be1f0a7a104"
#define CERT_MESSAGE_WAITING "7d9c1e0b5a0f4d0f9a3c5be1f0a7a105"
#define CERT_MESSAGE_BLOCKED "7d9c1e0b5a0f4d0f9a3c5be1f0a7a106"
#define CERT_MESSAGE_DEGRADED "7d9c1e0b5a0f4d0f9a3c5be1f0a7a107"
#define CERT_MESSAGE_MANIFEST_LOADED "7d9c1e0b5a0f4d0f9a3c5be1f0a7a108"
#define CERT_MESSAGE_MANIFEST_REFUSED "7d9c1e0b5a0f4d0f9a3c5be1f0a7a109"
#define CERT_MESSAGE_CLOCK "7d9c1e0b5a0f4d0f9a3c5be1f0a7a10a"
#define CERT_MESSAGE_RECOVERED "7d9c1e0b5a0f4d0f9a3c5be1f0a7a10b"
#define CERT_MESSAGE_RECORD_DAMAGED "7d9c1e0b5a0f4d0f9a3c5be1f0a7a10c"
#define CERT_MESSAGE_CREDENTIAL_REFUSED "7d9c1e0b5a0f4d0f9a3c5be1f0a7a10d"
#define CERT_MESSAGE_AUTHORITY_MADE "7d9c1e0b5a0f4d0f9a3c5be1f0a7a10e"
#define CERT_MESSAGE_AUTHORITY_ROTATING "7d9c1e0b5a0f4d0f9a3c5be1f0a7a10f"
#define CERT_MESSAGE_AUTHORITY_ROTATED "7d9c1e0b5a0f4d0f9a3c5be1f0a7a110"
#define CERT_MESSAGE_AUTHORITY_RETIRED "7d9c1e0b5a0f4d0f9a3c5be1f0a7a111"
#define CERT_MESSAGE_AUTHORITY_RECREATED "7d9c1e0b5a0f4d0f9a3c5be1f0a7a112"
#define CERT_MESSAGE_AUTHORITY_FAILED "7d9c1e0b5a0f4d0f9a3c5be1f0a7a113"
#define CERT_MESSAGE_REVOKED "7d9c1e0b5a0f4d0f9a3c5be1f0a7a114"
#define CERT_MESSAGE_REMINDER "7d9c1e0b5a0f4d0f9a3c5be1f0a7a115"
#define CERT_MESSAGE_FINDING "7d9c1e0b5a0f4d0f9a3c5be1f0a7a11f"
#define CERT_MESSAGE_SIGNED "7d9c1e0b5a0f4d0f9a3c5be1f0a7a120"
#define CERT_MESSAGE_SIGNED_REVOKED "7d9c1e0b5a0f4d0f9a3c5be1f0a7a121"

/* Environment; the test root is honoured only in builds made for tests (-Dtest-root=true) */
#define CERT_ENV_TEST_ROOT "CERT_AGENT_TEST_ROOT"
