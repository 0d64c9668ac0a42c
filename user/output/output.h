/* SPDX-License-Identifier: Apache-2.0 */
#ifndef OUTPUT_OUTPUT_H
#define OUTPUT_OUTPUT_H
/* Records for people (one line of text) and for programs (one JSON object a line). */
#include "base/buffer.h"
#include "record/record.h"

/* What a record does not say itself: taken from the START record before it. */
struct output_context {
	char host[256];
	char boot_id[37];
};

struct output_entry {
	uint64_t index;
	const uint8_t *hash; /* 32 bytes: leaf hash; NULL when not wanted */
	const struct record *record;
	const struct output_context *context;
};

/* Keep the context up to date: call for every record, in order, before rendering it. */
void output_follow(struct output_context *context, const struct record *record);

/* Append one line, newline included. */
void output_json(struct buffer *to, const struct output_entry *entry);
void output_text(struct buffer *to, const struct output_entry *entry);

/* 2026-11-23T10:00:00.000000001Z */
void output_time(struct buffer *to, uint64_t epoch_ns);

/* Address of a CONNECT record: 127.0.0.1, ::1, /run/x, @abstract. Not escaped. */
void output_address(struct buffer *to, const struct record *record);

/* "ENOENT" for 2; "E1234" for a number without a name. */
void output_errno(struct buffer *to, int number);

/* "PAM_AUTH_ERR" for 7. */
void output_pam_result(struct buffer *to, uint32_t result);

/* "inet" for 2; the number for one without a name. The same for "tcp" and 6. */
void output_family(struct buffer *to, uint32_t family);
void output_protocol(struct buffer *to, uint32_t protocol);

/* Name of one open(2) flag bit; the access mode is number 0. NULL past the last; *ret_set tells
 * whether it is set in flags. */
const char *output_open_flag(unsigned int i, uint32_t flags, bool *ret_set);

/* Those bits that have no name. */
uint32_t output_open_rest(uint32_t flags);

/* A number of a record whose field has words for it: "SIGKILL" for a signal of 9, "net|mnt" for
 * namespaces, "0640" for a new_mode. False, and nothing written, where the number says it all. */
bool output_number(struct buffer *to, const char *field, uint64_t value);

/* "ring full"; "?" for a number without a meaning. The same for "link detached" of DISTURBED. */
const char *output_loss_reason(uint32_t reason);
const char *output_disturbance(uint32_t reason);

/* What an alert says, in one line, escaped. */
void output_alert(struct buffer *to, const struct record *alert);

/* Its contributions as a JSON array; [] when they are not well-formed. True when tokens had to be
 * escaped, see escape_json(). */
bool output_alert_parts(struct buffer *to, const struct record *alert);

#endif
