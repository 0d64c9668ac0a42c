// SPDX-License-Identifier: Apache-2.0
/*
 * Message, all integers little-endian:
 *
 *    0 magic "INDCTL01"    8 type u32           12 result i32     16 number[0] u64
 *   24 number[1] u64      32 root[32]           64 place length u16
 *   66 why length u16     68 zero[4]            72 place[1024]
 * 1096 why[640]         1736 zero[312]                                           2048 bytes
 *
 * Valid if and only if it has that length, magic and zeros, type is not 0, result is 0 or negative,
 * the lengths fit, and what follows a text in its room is zero while the text holds none.
 */
#include "control/message.h"

#include <errno.h>

#define PLACE_AT 72
#define WHY_AT	 (PLACE_AT + CONTROL_PLACE_MAX)
#define END_AT	 (WHY_AT + CONTROL_WHY_MAX)

static const char MAGIC[] = "INDCTL01";

void control_encode(const struct control_message *m, uint8_t ret[CONTROL_LEN])
{
	size_t place = strlen(m->place), why = strlen(m->why);
	uint8_t *p = put_bytes(put_zeros(ret, CONTROL_LEN) - CONTROL_LEN, MAGIC, 8);

	p = put_u32(p, m->type);
	p = put_u32(p, (uint32_t)m->result);
	p = put_u64(p, m->number[0]);
	p = put_u64(p, m->number[1]);
	p = put_bytes(p, m->root, sizeof(m->root));
	p = put_u16(p, (uint16_t)place);
	put_u16(p, (uint16_t)why);
	put_bytes(ret + PLACE_AT, m->place, place);
	put_bytes(ret + WHY_AT, m->why, why);
}

/* len bytes of text in room, the rest zero. */
static int take_text(const uint8_t *p, size_t len, size_t room, char *ret)
{
	if (len > room || memchr(p, 0, len))
		return -EBADMSG;
	for (size_t i = len; i < room; i++) {
		if (p[i])
			return -EBADMSG;
	}
	memcpy(ret, p, len);
	ret[len] = 0;
	return 0;
}

int control_decode(struct bytes in, struct control_message *ret)
{
	const uint8_t *p = in.data;
	struct control_message m = { 0 };

	if (in.len != CONTROL_LEN || memcmp(p, MAGIC, 8) != 0)
		return -EBADMSG;
	m.type = get_u32(p + 8);
	m.result = (int32_t)get_u32(p + 12);
	m.number[0] = get_u64(p + 16);
	m.number[1] = get_u64(p + 24);
	memcpy(m.root, p + 32, sizeof(m.root));
	if (m.type == 0 || m.result > 0 || get_u32(p + 68) != 0 ||
	    take_text(p + PLACE_AT, get_u16(p + 64), CONTROL_PLACE_MAX, m.place) ||
	    take_text(p + WHY_AT, get_u16(p + 66), CONTROL_WHY_MAX, m.why))
		return -EBADMSG;
	for (size_t i = END_AT; i < CONTROL_LEN; i++) {
		if (p[i])
			return -EBADMSG;
	}
	*ret = m;
	return 0;
}
