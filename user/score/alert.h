/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SCORE_ALERT_H
#define SCORE_ALERT_H
/*
 * Why an alert was raised: the `parts` of an ALERT record.
 *
 *   parts   one or more of:
 *     feature       u8, enum feature, or PART_REST, PART_DRIFT
 *     contribution  zigzag varint, Q10 bits
 *     user          varint   events of the entity with the token, before the first of these
 *     of_user       varint   of its events with the feature
 *     peers_with    varint   other entities that have the token
 *     peers         varint   of the others
 *     text          u8 length, bytes: the token
 *
 * Valid if and only if every field is in its shortest form, the features are known, the text of
 * REST and DRIFT is empty, there are at most PARTS_MAX, and nothing follows. The contributions of
 * all parts add up to the score of the alert exactly.
 *
 * At most three tokens, largest first; REST is all other tokens together (user: how many), DRIFT
 * what the records cost (user: how many; during the baseline peers_with: events it has so far,
 * peers: how many it takes).
 */
#include "record/record.h"
#include "score/feature.h"

#define PART_REST     0xfe
#define PART_DRIFT    0xff
#define PARTS_TOKENS  3
#define PARTS_MAX     5
#define PARTS_ENCODED (PARTS_MAX * (1 + 5 * VARINT_MAX + 1 + 255)) /* bytes, at most */

struct alert_part {
	uint8_t feature;
	int64_t contribution;
	uint64_t user, of_user, peers_with, peers;
	struct bytes text;
};

struct alert_parts {
	struct alert_part part[PARTS_MAX];
	size_t count;
};

/* Bytes written to `to`, which has PARTS_ENCODED of room. */
size_t alert_parts_encode(const struct alert_parts *parts, uint8_t *to);

/* 0 or -EBADMSG, then *ret is untouched. Texts point into `from`. */
int alert_parts_decode(struct bytes from, struct alert_parts *ret);

int64_t alert_parts_sum(const struct alert_parts *parts);

/*
 * One line for people, NUL-terminated, cut at room: who, what, with counts; the technique ids;
 * the score; the records to look at. Returns its length, -EBADMSG when the parts are no parts,
 * -EINVAL for no room at all.
 *
 *   alice ran /usr/bin/gdb first time (0 of 18,233 execs), peers 0/12, +8.0 bits; read a process's
 *   memory: /proc/812/mem first time (0 of 91,002 events), peers 0/12, +60.0 bits; other tokens (1)
 *   +4.0 bits; drift (9 records) -1.2 bits; sum +70.8 bits; T1003.007; evidence 88211-88219
 */
ssize_t alert_explain(const struct record *alert, char *to, size_t room);

#endif
