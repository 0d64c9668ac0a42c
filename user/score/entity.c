// SPDX-License-Identifier: Apache-2.0
#include "score/entity.h"

#include "base/hash.h"

#define USER_TEXT      48
#define CONTAINER_TEXT 12
#define NAME_PLAIN     64 /* a container id is 64 digits */

/* The login uid stays with a person through sudo and su; the real uid is all others have. */
static uint32_t uid_of(const struct record *record)
{
	return record->auid != RECORD_UNSET ? record->auid : record->cred.uid;
}

/* Short names as they are, long ones by their hash: the length says which. */
static uint8_t *put_name(uint8_t *p, const uint8_t key[16], struct bytes name)
{
	p = put_u32(p, (uint32_t)name.len);
	if (name.len > NAME_PLAIN)
		return put_u64(p, siphash(key, name.data, name.len));
	return put_bytes(p, name.data, name.len);
}

uint64_t entity_key(const uint8_t key[16], const struct record *record)
{
	uint8_t whole[1 + 4 + 2 * (4 + NAME_PLAIN)];
	uint8_t *p = put_u8(whole, record->actor);

	if (record_is_of_host(record->kind))
		return siphash(key, "host", 4);
	p = put_u32(p, record->user.len ? 0 : uid_of(record));
	p = put_name(p, key, record->user);
	p = put_name(p, key, record->container);
	return siphash(key, whole, (size_t)(p - whole));
}

/* Whom nobody can name may be a person. */
enum sort entity_sort(const struct record *record)
{
	bool is_person = record->actor == ACTOR_HUMAN || record->actor == ACTOR_UNKNOWN;

	return is_person && !record_is_of_host(record->kind) ? SORT_PERSON : SORT_OTHER;
}

struct label entity_name(const struct record *record)
{
	static const char *const kinds[ACTORS] = { "unknown/", "", "service/", "container/",
						   "kernel/" };
	struct label name = { 0 };

	if (record_is_of_host(record->kind)) {
		label_add(&name, "host");
		return name;
	}
	label_add(&name, kinds[record->actor < ACTORS ? record->actor : ACTOR_UNKNOWN]);
	if (record->user.len) {
		label_add_bytes(&name, record->user, USER_TEXT);
	} else {
		label_add(&name, "uid ");
		label_add_number(&name, uid_of(record));
	}
	if (record->container.len) {
		label_add(&name, "@");
		label_add_bytes(
			&name,
			bytes_of(record->container.data, record->container.len < CONTAINER_TEXT
								 ? record->container.len
								 : CONTAINER_TEXT),
			CONTAINER_TEXT);
	}
	return name;
}
