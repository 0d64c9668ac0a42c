// SPDX-License-Identifier: Apache-2.0
#include "base/bytes.h"

#include <errno.h>

uint8_t *put_varint(uint8_t *p, uint64_t v)
{
	while (v >= 0x80) {
		*p++ = (uint8_t)(v | 0x80);
		v >>= 7;
	}
	*p++ = (uint8_t)v;
	return p;
}

ssize_t get_varint(const uint8_t *p, size_t len, uint64_t *ret)
{
	uint64_t v = 0;

	for (size_t i = 0; i < VARINT_MAX; i++) {
		if (i == len)
			return 0;
		if (i == VARINT_MAX - 1 && p[i] > 1)
			return -EBADMSG;
		v |= (uint64_t)(p[i] & 0x7f) << (7 * i);
		if (p[i] & 0x80)
			continue;
		if (p[i] == 0 && i > 0)
			return -EBADMSG;
		*ret = v;
		return (ssize_t)i + 1;
	}
	return -EBADMSG;
}
