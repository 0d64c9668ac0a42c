// SPDX-License-Identifier: Apache-2.0
/* Records with a field left out, and records at the end of what can be read. */
#include "record_make.h"

#include <errno.h>
#include <sys/mman.h>

#define BEYOND ((size_t)128 << 10) /* which no length in a record can cross */

static uint8_t *edge; /* nothing can be read from there on */

static void setup(void)
{
	uint8_t *room =
		mmap(NULL, 2 * BEYOND, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	ck_assert_ptr_ne(room, MAP_FAILED);
	edge = room + BEYOND;
	ck_assert_int_eq(mprotect(edge, BEYOND, PROT_NONE), 0);
}

static void teardown(void)
{
	munmap(edge - BEYOND, 2 * BEYOND);
}

/* Bytes are one record or none: what decodes encodes to them. 0 or what refused them. */
static int decode_at_edge(const uint8_t *bytes, size_t len)
{
	static uint8_t back[RECORD_MAX + 1];
	struct record r;
	int err;

	memcpy(edge - len, bytes, len);
	err = record_decode(bytes_of(edge - len, len), &r);
	if (err == 0) {
		ENSURE(record_encode(&r, back, sizeof(back)) == (ssize_t)len);
		ENSURE(memcmp(back, bytes, len) == 0);
	}
	return err;
}

static uint8_t *put_value(uint8_t *p, uint8_t form, uint64_t v)
{
	if (form == FORM_CRED) { /* 2 and 1 are user and group, v all that can be of 64 bits */
		p = put_u8(p, 0);
		p = put_varint(put_varint(p, 2), 1);
		return put_varint(p, v);
	}
	if (form == FORM_RAW16)
		return put_be64(put_be64(p, v), v);
	if (form == FORM_BE64)
		return put_be64(p, v);
	if (form == FORM_BYTES) {
		v = v < 1000 ? v : 0;
		return put_zeros(put_varint(p, v), v);
	}
	return put_varint(p, form == FORM_U8 ? v & 0xff : form == FORM_U32 ? v & UINT32_MAX : v);
}

/* Any one field left out: what comes behind it is not taken for it, unless it could be. */
START_TEST(a_field_left_out)
{
	static const uint64_t values[] = { 0, 1, 200, 300, UINT32_MAX, 1ull << 40, UINT64_MAX };
	const struct record_type *type;

	for (size_t i = 0; (type = record_type_at(i)); i++) {
		for (const struct record_field *out = type->fields; out->name; out++) {
			for (size_t j = 0; j < sizeof(values) / sizeof(*values); j++) {
				uint8_t bytes[2048], *p = put_u8(bytes, type->kind);

				for (const struct record_field *f = type->fields; f->name; f++) {
					if (f != out)
						p = put_value(p, f->form,
							      f == out + 1 ? values[j] : 0);
				}
				decode_at_edge(bytes, (size_t)(p - bytes));
			}
		}
	}
}
END_TEST

/* Nothing is read behind the end, wherever that is. */
START_TEST(every_end)
{
	static uint8_t bytes[RECORD_MAX];
	const struct record_type *type;
	uint64_t seed = 11;

	for (size_t i = 0; (type = record_type_at(i)); i++) {
		for (int turn = 0; turn < 20; turn++) {
			struct record r = chance_record(&seed, type->kind);
			ssize_t n = record_encode(&r, bytes, sizeof(bytes));

			ENSURE(n > 0);
			ck_assert_int_eq(decode_at_edge(bytes, (size_t)n), 0);
			for (size_t cut = 0; cut < (size_t)n; cut++)
				ENSURE(decode_at_edge(bytes, cut) == -EBADMSG);
		}
	}
}
END_TEST

/* Lengths that lead out of the record, and what would come behind them. */
START_TEST(lengths_lead_nowhere)
{
	static const uint64_t lengths[] = { 100, 5000, 20000, RECORD_MAX };
	const struct record_type *type;

	for (size_t i = 0; (type = record_type_at(i)); i++) {
		for (const struct record_field *of = type->fields; of->name; of++) {
			for (size_t j = 0; of->form == FORM_BYTES && j < 4; j++) {
				uint8_t bytes[2048], *p = put_u8(bytes, type->kind);

				for (const struct record_field *f = type->fields; f->name; f++)
					p = f == of ? put_varint(p, lengths[j])
						    : put_value(p, f->form, 0);
				ENSURE(decode_at_edge(bytes, (size_t)(p - bytes)) == -EBADMSG);
			}
		}
	}
}
END_TEST

START_TEST(a_schema_that_ends_early)
{
	static const char text[] = "indelible-records 20";
	uint32_t version = 77;

	for (size_t len = 0; len < sizeof(text); len++) {
		memcpy(edge - len, text, len);
		ck_assert_int_eq(record_schema_version(bytes_of(edge - len, len), &version),
				 -EBADMSG);
	}
	ck_assert_uint_eq(version, 77);
	ck_assert_int_eq(record_schema_version(bytes_of_text("indelible-records 20\n"), &version),
			 0);
	ck_assert_uint_eq(version, 20);
}
END_TEST

int main(void)
{
	const TTest *tests[] = { a_field_left_out, every_end, lengths_lead_nowhere,
				 a_schema_that_ends_early };

	return RUN_TESTS_WITH("record_decode", tests, setup, teardown);
}
