/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CONTROL_MESSAGE_H
#define CONTROL_MESSAGE_H
/* What a command asks of the running collector, and its answer: one form and one length for both.
 */
#include "base/bytes.h"

#define CONTROL_LEN	  2048
#define CONTROL_PLACE_MAX 1024
#define CONTROL_WHY_MAX	  640
#define CONTROL_REPLY	  0x80000000u /* in type: the answer to that */

/* What a type is and which of the fields it uses stands with its handler. */
struct control_message {
	uint32_t type;
	int32_t result; /* 0 or -errno */
	uint64_t number[2];
	uint8_t root[32];
	char place[CONTROL_PLACE_MAX + 1]; /* NUL-terminated; holds no other NUL */
	char why[CONTROL_WHY_MAX + 1];
};

void control_encode(const struct control_message *message, uint8_t ret[CONTROL_LEN]);

/* -EBADMSG for anything that does not encode to the same bytes. */
int control_decode(struct bytes in, struct control_message *ret);

#endif
