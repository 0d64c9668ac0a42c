// SPDX-License-Identifier: Apache-2.0
#include "score/alert.h"

#include <errno.h>

size_t alert_parts_encode(const struct alert_parts *parts, uint8_t *to)
{
	uint8_t *p = to;

	for (size_t i = 0; i < parts->count; i++) {
		const struct alert_part *part = &parts->part[i];

		p = put_u8(p, part->feature);
		p = put_varint(p, zigzag(part->contribution));
		p = put_varint(p, part->user);
		p = put_varint(p, part->of_user);
		p = put_varint(p, part->peers_with);
		p = put_varint(p, part->peers);
		p = put_u8(p, (uint8_t)part->text.len);
		p = put_bytes(p, part->text.data, part->text.len);
	}
	return (size_t)(p - to);
}

/* Bytes used, or -EBADMSG: parts are never torn, a short one is a wrong one. */
static ssize_t decode_part(struct bytes from, struct alert_part *part)
{
	uint64_t zigzagged = 0;
	uint64_t *numbers[] = { &zigzagged, &part->user, &part->of_user, &part->peers_with,
				&part->peers };
	size_t at = 1;
	bool is_token;

	if (!from.len)
		return -EBADMSG;
	part->feature = from.data[0];
	is_token = feature_row(part->feature) != NULL;
	if (!is_token && part->feature != PART_REST && part->feature != PART_DRIFT)
		return -EBADMSG;
	for (size_t i = 0; i < sizeof(numbers) / sizeof(*numbers); i++) {
		ssize_t used = get_varint(from.data + at, from.len - at, numbers[i]);

		if (used <= 0)
			return -EBADMSG;
		at += (size_t)used;
	}
	part->contribution = unzigzag(zigzagged);
	if (at == from.len || from.data[at] > from.len - at - 1 || (from.data[at] && !is_token))
		return -EBADMSG;
	part->text = bytes_of(from.data + at + 1, from.data[at]);
	return (ssize_t)(at + 1 + part->text.len);
}

int alert_parts_decode(struct bytes from, struct alert_parts *ret)
{
	struct alert_parts parts = { .count = 0 };

	while (from.len) {
		ssize_t used;

		if (parts.count == PARTS_MAX)
			return -EBADMSG;
		used = decode_part(from, &parts.part[parts.count]);
		if (used < 0)
			return (int)used;
		parts.count++;
		from = bytes_of(from.data + used, from.len - (size_t)used);
	}
	if (!parts.count)
		return -EBADMSG;
	*ret = parts;
	return 0;
}

int64_t alert_parts_sum(const struct alert_parts *parts)
{
	uint64_t sum = 0; /* unsigned: hostile parts may wrap */

	for (size_t i = 0; i < parts->count; i++)
		sum += (uint64_t)parts->part[i].contribution;
	return (int64_t)sum;
}
