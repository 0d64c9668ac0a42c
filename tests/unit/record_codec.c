// SPDX-License-Identifier: Apache-2.0
/* Records as bytes: nothing is lost, and nothing else is accepted. */
#include "base_fuzz.h"
#include "record_make.h"

#include <errno.h>

#include "../fuzz/record_decode.c"

static uint8_t encoded[RECORD_MAX], other[RECORD_MAX];

static size_t encode(const struct record *r)
{
	ssize_t n = record_encode(r, encoded, sizeof(encoded));

	ck_assert_int_gt(n, 0);
	return (size_t)n;
}

static int decode(const void *from, size_t len)
{
	struct record back;

	memset(&back, 0x5a, sizeof(back));
	if (!record_decode(bytes_of(from, len), &back))
		return 0;
	for (size_t i = 0; i < sizeof(back); i++) /* untouched on failure */
		ENSURE(((uint8_t *)&back)[i] == 0x5a);
	return record_decode(bytes_of(from, len), &back);
}

static void assert_round_trip(const struct record *r)
{
	size_t n = encode(r);
	struct record back;
	const char *differs;

	ck_assert_int_eq(record_decode(bytes_of(encoded, n), &back), 0);
	differs = differing_field(r, &back);
	ck_assert_msg(!differs, "%s: %s", record_type(r->kind)->name, differs);
	ck_assert_int_eq(record_encode(&back, other, sizeof(other)), (ssize_t)n);
	ck_assert_mem_eq(encoded, other, n);
}

START_TEST(every_kind_round_trips)
{
	const struct record_type *type;
	uint64_t seed = 1;

	for (size_t i = 0; (type = record_type_at(i)); i++) {
		for (int turn = 0; turn < 300; turn++) {
			struct record r = chance_record(&seed, type->kind);

			assert_round_trip(&r);
		}
	}
}
END_TEST

START_TEST(every_field_alone_survives)
{
	const struct record_type *type;
	struct record r, back;
	uint64_t seed = 2;

	for (size_t i = 0; (type = record_type_at(i)); i++) {
		for (const struct record_field *f = type->fields; f->name; f++) {
			do {
				memset(&r, 0, sizeof(r));
				r.kind = type->kind;
				chance_field(&seed, f, &r);
				memset(&back, 0, sizeof(back));
			} while (is_same_field(f, &r, &back)); /* by chance nothing */
			ck_assert_int_eq(record_decode(bytes_of(encoded, encode(&r)), &back), 0);
			ck_assert_msg(is_same_field(f, &r, &back), "%s", f->name);
			ck_assert_msg(!differing_field(&r, &back), "%s", f->name);
		}
	}
}
END_TEST

START_TEST(largest_numbers_survive)
{
	const struct record_type *type;

	for (size_t i = 0; (type = record_type_at(i)); i++) {
		struct record r = { .kind = type->kind };

		for (const struct record_field *f = type->fields; f->name; f++) {
			if (f->form != FORM_BYTES)
				memset(member_of(&r, f), 0xff, form_size(f->form));
		}
		assert_round_trip(&r);
		r.result = r.score = r.limit = INT64_MIN;
		assert_round_trip(&r);
	}
}
END_TEST

START_TEST(fields_of_a_kind_do_not_overlap)
{
	const struct record_type *type;

	for (size_t i = 0; (type = record_type_at(i)); i++) {
		uint8_t used[sizeof(struct record)] = { 0 };

		for (const struct record_field *f = type->fields; f->name; f++) {
			ck_assert_uint_gt(f->offset, 0); /* the kind is no field */
			ck_assert_uint_le(f->offset + form_size(f->form), sizeof(used));
			for (size_t j = 0; j < form_size(f->form); j++)
				ck_assert_msg(!used[f->offset + j]++, "%s.%s", type->name, f->name);
		}
	}
}
END_TEST

#define WIDE(member)                                                                               \
	{                                                                                          \
		offsetof(struct record, member), sizeof(((struct record *)NULL)->member)           \
	}

/* A number is written as wide as the member it stands in. */
START_TEST(forms_fit_their_members)
{
	static const struct {
		size_t offset, size;
	} members[] = {
		WIDE(time),	   WIDE(run),	      WIDE(cpu),	 WIDE(ring),
		WIDE(seq),	   WIDE(flags),	      WIDE(call),	 WIDE(result),
		WIDE(pid),	   WIDE(tid),	      WIDE(ppid),	 WIDE(start),
		WIDE(auid),	   WIDE(session),     WIDE(cgroup),	 WIDE(mount_ns),
		WIDE(cred),	   WIDE(old_cred),    WIDE(comm),	 WIDE(exe),
		WIDE(actor),	   WIDE(how),	      WIDE(user),	 WIDE(acting_as),
		WIDE(via),	   WIDE(container),   WIDE(path),	 WIDE(claimed),
		WIDE(inode),	   WIDE(device),      WIDE(mode),	 WIDE(open_flags),
		WIDE(argv),	   WIDE(cwd),	      WIDE(argument[0]), WIDE(argument[1]),
		WIDE(argument[2]), WIDE(family),      WIDE(port),	 WIDE(protocol),
		WIDE(address),	   WIDE(child_pid),   WIDE(child_tid),	 WIDE(child_parent),
		WIDE(child_start), WIDE(boot_id),     WIDE(host),	 WIDE(kernel),
		WIDE(version),	   WIDE(hooks),	      WIDE(scope),	 WIDE(programs),
		WIDE(cpus),	   WIDE(boot_time),   WIDE(model_from),	 WIDE(canary_seq),
		WIDE(canary_cpu),  WIDE(canary),      WIDE(misses),	 WIDE(fill),
		WIDE(received),	   WIDE(values),      WIDE(count),	 WIDE(since),
		WIDE(reason),	   WIDE(lost_family), WIDE(id),		 WIDE(name),
		WIDE(at),	   WIDE(score),	      WIDE(limit),	 WIDE(digest),
		WIDE(entity),	   WIDE(parts),	      WIDE(first),	 WIDE(place),
		WIDE(root),	   WIDE(size),	      WIDE(uid),	 WIDE(keep_number),
		WIDE(keep_first),  WIDE(why),	      WIDE(other),	 WIDE(word),
		WIDE(old_mode),	   WIDE(old_owner),   WIDE(old_group),	 WIDE(policy),
	};
	const struct record_type *type;

	for (size_t i = 0; (type = record_type_at(i)); i++) {
		for (const struct record_field *f = type->fields; f->name; f++) {
			size_t size = 0;

			for (size_t m = 0; m < sizeof(members) / sizeof(members[0]); m++) {
				if (members[m].offset == f->offset)
					size = members[m].size;
			}
			ck_assert_msg(size == form_size(f->form), "%s", f->name);
		}
	}
}
END_TEST

START_TEST(every_truncation_and_every_addition_is_refused)
{
	const struct record_type *type;
	uint64_t seed = 3;

	for (size_t i = 0; (type = record_type_at(i)); i++) {
		for (int turn = 0; turn < 20; turn++) {
			struct record r = chance_record(&seed, type->kind);
			size_t n = encode(&r);

			for (size_t cut = 0; cut < n; cut++)
				ENSURE(decode(encoded, cut) == -EBADMSG);
			for (int extra = 0; extra < 256; extra++) {
				encoded[n] = (uint8_t)extra;
				ENSURE(decode(encoded, n + 1) == -EBADMSG);
			}
		}
	}
}
END_TEST

/* Encoded zero record of a kind, and where its fields begin. */
static size_t zero_size(uint8_t form)
{
	return form == FORM_CRED ? 4 : form == FORM_RAW16 ? 16 : form == FORM_BE64 ? 8 : 1;
}

/* Put a varint in place of the field's zero; the new length. */
static size_t with_varint(uint8_t kind, size_t at, uint64_t v)
{
	struct record r = { .kind = kind };
	size_t n = encode(&r);
	uint8_t *p = put_varint(other, v);
	size_t wide = (size_t)(p - other);

	memmove(encoded + at + wide, encoded + at + 1, n - at - 1);
	memcpy(encoded + at, other, wide);
	return n + wide - 1;
}

START_TEST(numbers_wider_than_their_field_are_refused)
{
	static const uint64_t limits[] = { [FORM_U8] = UINT8_MAX,
					   [FORM_U32] = UINT32_MAX,
					   [FORM_U64] = UINT64_MAX,
					   [FORM_S64] = UINT64_MAX };
	const struct record_type *type;

	for (size_t i = 0; (type = record_type_at(i)); i++) {
		size_t at = 1;

		for (const struct record_field *f = type->fields; f->name; f++) {
			uint64_t limit = f->form < FORM_BYTES ? limits[f->form] : 0;

			if (limit)
				ENSURE(!decode(encoded, with_varint(type->kind, at, limit)));
			if (limit && limit != UINT64_MAX)
				ENSURE(decode(encoded, with_varint(type->kind, at, limit + 1)) ==
				       -EBADMSG);
			at += zero_size(f->form);
		}
	}
}
END_TEST

START_TEST(lengths_beyond_the_end_are_refused)
{
	static const uint64_t lengths[] = { 300,	RECORD_MAX, RECORD_MAX + 1,
					    UINT32_MAX, INT64_MAX,  UINT64_MAX };
	const struct record_type *type;

	for (size_t i = 0; (type = record_type_at(i)); i++) {
		size_t at = 1;

		for (const struct record_field *f = type->fields; f->name; f++) {
			for (size_t j = 0; f->form == FORM_BYTES && j < 6; j++)
				ck_assert_int_eq(
					decode(encoded, with_varint(type->kind, at, lengths[j])),
					-EBADMSG);
			at += zero_size(f->form);
		}
	}
}
END_TEST

/* All bytes of a zero record are varints, but for masks, raw16 and be64: none may be longer. */
START_TEST(numbers_in_a_longer_form_are_refused)
{
	const struct record_type *type;

	for (size_t i = 0; (type = record_type_at(i)); i++) {
		struct record r = { .kind = type->kind };
		size_t n = encode(&r);

		for (size_t at = 1; at < n; at++) {
			memcpy(other, encoded, at);
			other[at] = encoded[at] | 0x80;
			other[at + 1] = 0;
			memcpy(other + at + 2, encoded + at + 1, n - at - 1);
			ENSURE(decode(other, n + 1) == -EBADMSG);
		}
	}
}
END_TEST

/* SETUID with these bytes as its old_cred. */
static size_t with_cred(const uint8_t *cred, size_t len)
{
	const struct record_field *f = record_type(RECORD_SETUID)->fields;
	struct record r = { .kind = RECORD_SETUID };
	size_t n = encode(&r), at = 1;

	for (; strcmp(f->name, "old_cred") != 0; f++)
		at += zero_size(f->form);
	memmove(encoded + at + len, encoded + at + 4, n - at - 4);
	memcpy(encoded + at, cred, len);
	return n - 4 + len;
}

START_TEST(credentials_have_one_form)
{
	static const struct {
		uint8_t bytes[12];
		uint8_t len;
		int wanted;
	} cases[] = {
		{ { 0, 5, 6, 7 }, 4, 0 },
		{ { 0x01, 5, 6, 9, 7 }, 5, 0 },	       /* suid 9 */
		{ { 0x01, 5, 6, 5, 7 }, 5, -EBADMSG }, /* suid is the uid: no need to say */
		{ { 0x02, 5, 6, 6, 7 }, 5, -EBADMSG }, /* sgid is the gid */
		{ { 0x02, 5, 6, 5, 7 }, 5, 0 },	       /* sgid is the uid: another thing */
		{ { 0x04, 5, 6, 5, 7 }, 5, -EBADMSG }, /* euid */
		{ { 0x08, 5, 6, 6, 7 }, 5, -EBADMSG }, /* egid */
		{ { 0x10, 5, 6, 5, 7 }, 5, -EBADMSG }, /* fsuid */
		{ { 0x20, 5, 6, 6, 7 }, 5, -EBADMSG }, /* fsgid */
		{ { 0x40, 5, 6, 7, 8 }, 5, 0 },	       /* permitted 8 */
		{ { 0x40, 5, 6, 7, 7 }, 5, -EBADMSG }, /* permitted is effective */
		{ { 0x3f, 5, 6, 1, 2, 3, 4, 5, 7, 7 }, 10, -EBADMSG }, /* fsuid is the uid */
		{ { 0x3f, 5, 6, 1, 2, 3, 4, 8, 7, 7 }, 10, 0 },
		{ { 0x7f, 5, 6, 1, 2, 3, 4, 8, 7, 7, 9 }, 11, 0 },
		/* a group, or a user, of more than 32 bits; or left out, and that is the next one
		 */
		{ { 0, 5, 0x80, 0x80, 0x80, 0x80, 0x10 }, 7, -EBADMSG },
		{ { 0, 5, 0x80, 0x80, 0x80, 0x80, 0x10, 7 }, 8, -EBADMSG },
		{ { 0, 0x80, 0x80, 0x80, 0x80, 0x10, 6, 7 }, 8, -EBADMSG },
		{ { 0x80, 5, 6, 7 }, 4, -EBADMSG }, /* a bit that means nothing */
		{ { 0x80, 5, 6, 7, 8 }, 5, -EBADMSG },
		{ { 0xff, 5, 6, 1, 2, 3, 4, 8, 7, 7, 9 }, 11, -EBADMSG },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		size_t n = with_cred(cases[i].bytes, cases[i].len);

		ck_assert_msg(decode(encoded, n) == cases[i].wanted, "case %zu", i);
	}
}
END_TEST

/* A record written down byte by byte: the encoding is on disks. */
START_TEST(one_record_is_these_bytes)
{
	static const uint8_t bytes[] = {
		0x11,						/* heartbeat */
		0x87, 0xad, 0x4b,				/* run 1234567 */
		0x01, 0x03, 0x00,				/* canary, canary_cpu, misses */
		0x03, 0x00, 0x80, 0x01,				/* fill */
		0x18, 0x86, 0x6b, 0xfb, 0x4c, 0x8c, 0x00, 0x01, /* time */
		0x05, 0xac, 0x02,				/* canary_seq, received */
	};
	struct record r = { .kind = RECORD_HEARTBEAT,
			    .run = 1234567,
			    .canary = CANARY_SEEN,
			    .canary_cpu = 3,
			    .fill = bytes_of("\x00\x80\x01", 3),
			    .time = 0x18866bfb4c8c0001,
			    .canary_seq = 5,
			    .received = 300 };

	ck_assert_uint_eq(encode(&r), sizeof(bytes));
	ck_assert_mem_eq(encoded, bytes, sizeof(bytes));
	assert_round_trip(&r);
}
END_TEST

START_TEST(unknown_kinds_are_told_from_damage)
{
	struct record r = { 0 };
	uint8_t byte;

	ck_assert_int_eq(decode(NULL, 0), -EBADMSG);
	for (int kind = 0; kind < 256; kind++) {
		byte = (uint8_t)kind;
		ck_assert_int_eq(decode(&byte, 1), record_type(byte) ? -EBADMSG : -EPROTONOSUPPORT);
		r.kind = byte;
		if (!record_type(byte))
			ck_assert_int_eq(record_encode(&r, encoded, sizeof(encoded)), -EINVAL);
	}
}
END_TEST

START_TEST(encode_never_writes_past_its_room)
{
	const struct record_type *type;
	uint64_t seed = 4;

	for (size_t i = 0; (type = record_type_at(i)); i++) {
		struct record r = chance_record(&seed, type->kind);
		size_t n = encode(&r);

		for (size_t room = 0; room < n; room++) {
			uint8_t *exact = malloc(room + 1);

			exact[room] = 0x5a;
			ENSURE(record_encode(&r, exact, room) == -EMSGSIZE);
			ENSURE(exact[room] == 0x5a);
			free(exact);
		}
	}
}
END_TEST

START_TEST(large_records_fit_up_to_the_limit)
{
	static uint8_t large[RECORD_MAX];
	struct record r = { .kind = RECORD_EXEC, .argv = bytes_of(large, 60000) };

	memset(large, 'x', sizeof(large));
	assert_round_trip(&r);
	r.argv.len = RECORD_MAX;
	ck_assert_int_eq(record_encode(&r, encoded, sizeof(encoded)), -EMSGSIZE);
	r.argv.len = 40000;
	r.cwd = bytes_of(large, 40000);
	ck_assert_int_eq(record_encode(&r, encoded, sizeof(encoded)), -EMSGSIZE);
}
END_TEST

START_TEST(unpack_counts_and_refuses)
{
	uint8_t list[4 * VARINT_MAX], *p = list;
	uint64_t v[4];
	size_t n;

	for (uint64_t i = 0; i < 3; i++)
		p = put_varint(p, i << 40);
	n = (size_t)(p - list);
	ck_assert_int_eq(record_unpack(bytes_of(list, n), v, 4), 3);
	ck_assert_int_eq(record_unpack(bytes_of(list, n), v, 3), 3);
	ck_assert_uint_eq(v[2], 2ull << 40);
	ck_assert_int_eq(record_unpack(bytes_of(list, n), v, 2), -EBADMSG);
	ck_assert_int_eq(record_unpack(bytes_of(list, n - 1), v, 4), -EBADMSG);
	ck_assert_int_eq(record_unpack(bytes_of("\x80", 2), v, 4), -EBADMSG);
	ck_assert_int_eq(record_unpack(bytes_of(NULL, 0), v, 4), 0);
}
END_TEST

START_TEST(what_decodes_encodes_to_the_same_bytes)
{
	const struct record_type *type;
	uint64_t seed = 5;

	for (size_t i = 0; (type = record_type_at(i)); i++) {
		struct record r = chance_record(&seed, type->kind);
		size_t n = encode(&r);

		fuzz_around(LLVMFuzzerTestOneInput, encoded, n, 2000);
		memset(&r, 0, sizeof(r));
		r.kind = type->kind;
		n = encode(&r);
		fuzz_around(LLVMFuzzerTestOneInput, encoded, n, 2000);
	}
	fuzz_noise(LLVMFuzzerTestOneInput, 200, 2000);
}
END_TEST

int main(void)
{
	const TTest *tests[] = {
		every_kind_round_trips,
		every_field_alone_survives,
		largest_numbers_survive,
		fields_of_a_kind_do_not_overlap,
		forms_fit_their_members,
		every_truncation_and_every_addition_is_refused,
		numbers_wider_than_their_field_are_refused,
		lengths_beyond_the_end_are_refused,
		numbers_in_a_longer_form_are_refused,
		credentials_have_one_form,
		one_record_is_these_bytes,
		unknown_kinds_are_told_from_damage,
		encode_never_writes_past_its_room,
		large_records_fit_up_to_the_limit,
		unpack_counts_and_refuses,
		what_decodes_encodes_to_the_same_bytes,
	};

	return RUN_TESTS("record_codec", tests);
}
